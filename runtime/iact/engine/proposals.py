"""Actions that wait for a person: what was proposed is approved and then done, or rejected and never done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iact.core.facts import Fact, FactSet
from iact.core.machine import Trigger
from iact.engine import store
from iact.engine.attempts import Attempt
from iact.engine.claims import ClaimLostError, still_held
from iact.engine.journal import EntryKind
from iact.engine.page import Page
from iact.engine.persons import Persons
from iact.stores.units import write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.engine import Connection, RowMapping

    from iact.engine.claims import Claim
    from iact.engine.host import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person says to a proposal.

    Attributes:
        approved: whether it is to be done.
        by: who says so.
        reason: why.
    """

    approved: bool
    by: str
    reason: str


class NothingProposedError(LookupError):
    """A run waits for no person's answer: it never did, it was answered, or it went on without one."""


def give(host: Host, runner: str, claim: Claim, answer: Answer) -> tuple[str, ...]:
    """Answer what a run has proposed in the state in which it stands; return the names of the actions.

    What is approved is decided from then on, as if the rule enforced it. Of what is rejected the run hears that it has
    failed, and why.

    Args:
        host: where the run lives.
        runner: who holds the claim.
        claim: under which the run is changed.
        answer: what the person says.

    Raises:
        ClaimLostError: if others have taken over the run.
        NothingProposedError: if it has proposed nothing that is open.
    """

    def answered(connection: Connection) -> tuple[str, ...]:
        if claim not in still_held(connection, host.project, runner, [claim]):
            raise ClaimLostError(claim.run)
        run = store.read_run(connection, host.project, claim.run)
        asked = {"project": host.project, "run": claim.run, "visit": run.visit}
        proposed = list(store.PROPOSED_BY_RUN.rows(connection, **asked))
        if not proposed or not run.active:
            raise NothingProposedError(claim.run)
        now = host.now(connection)
        body = Persons(connection, host.project, now).said(answer.by, answer.reason, run=claim.run)
        page = Page(connection, host.project, [claim.run], now)
        for row in proposed:
            _note(page, _attempt(claim, run, row), body, approved=answer.approved)
        page.flush()
        return tuple(row["action"] for row in proposed)

    return write(host.engine, answered, meets_others=True)


def _attempt(claim: Claim, run: store.Run, row: RowMapping) -> Attempt:
    return Attempt(
        claim=claim,
        run=run,
        definitions={},
        key=row["key"],
        visit=row["visit"],
        action=row["action"],
        arguments=json.loads(row["arguments"]),
        number=row["attempts"],
    )


def _note(page: Page, attempt: Attempt, body: Mapping[str, str], *, approved: bool) -> None:
    if approved:
        page.mark(attempt, store.DECIDED)
        page.note(attempt, EntryKind.APPROVED, body)
        return
    page.mark(attempt, store.REJECTED, settled_at=page.now)
    page.note(attempt, EntryKind.REJECTED, body)
    said = f"rejected by {body['by']}: {body['reason']}"
    message = Fact(name="receipt.message", value=said, observed_at=page.now, source="person")
    page.tell(
        attempt.run.run,
        f"rejected/{attempt.key}",
        Trigger.event("failed", FactSet.of([message])),
        visit=attempt.visit,
    )
