"""Actions on their way to a receipt: intent first, then the deed, then the receipt.

The intent is committed with the decision, and the attempt is noted before it is made. So an attempt without a receipt
means that its runner died or lost its claim in between; whether it was made is then asked of the action's own `check`.
"""

from __future__ import annotations

import json
import logging
import math
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from iact.core.facts import Fact, FactSet
from iact.core.machine import Trigger
from iact.core.quantities import Quantity
from iact.core.registry import ACTIONS, OutcomeUnknownError, Receipt, TryAgainError
from iact.engine import store
from iact.engine.claims import ClaimLostError, is_held
from iact.engine.context import ActionContext
from iact.engine.journal import EntryKind
from iact.engine.retrying import pause_before
from iact.engine.runners import HOLDS_FOR
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.engine import RowMapping

    from iact.engine.claims import Claim
    from iact.engine.definitions import Definition
    from iact.engine.host import Host
    from iact.engine.outside import Outside
    from iact.engine.page import Page
    from iact.engine.runners import Presence
    from iact.engine.store import Run

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at an action.

    Attributes:
        claim: under which it is made.
        run: the run that decided it, in the state whose action it is.
        definitions: what the run pinned.
        key: the action's idempotency key, the same for every attempt.
        visit: of the state.
        action: its registered name.
        arguments: what it is told.
        number: how many attempts there were, this one included.
        noted_at: when it was noted as begun; None before.
        held_at: when its claim certainly held, on the monotonic clock of this process, in seconds.
        left: whether it was begun by a runner that is gone, so that its own `check` is asked what came of it.
        repeats: whether it may have been done before, so that whoever receives it has to be told.
        looks_first: whether an attempt before it was put off, so that its own `check` is asked first: whoever began an
            even earlier one may have been paused, and have made it late.
    """

    claim: Claim
    run: Run
    definitions: Mapping[str, Definition] = field(repr=False)
    key: str
    visit: int
    action: str
    arguments: Mapping[str, Any]
    number: int
    noted_at: datetime | None = None
    held_at: float = -math.inf
    left: bool = False
    repeats: bool = False
    looks_first: bool = False

    @property
    def next(self) -> Attempt:
        """The attempt after this one."""
        return replace(self, number=self.number + 1, noted_at=None, held_at=-math.inf, left=False, looks_first=False)


class Ending(Enum):
    """How an attempt can come out."""

    RECEIPT = "receipt"
    """It was made, with or without success."""
    UNKNOWN = "unknown"
    """Whether it was made cannot be told: a person looks."""
    NOT_YET = "not yet"
    """It certainly was not made, and can be made later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of an attempt.

    Attributes:
        attempt: which.
        ending: how it came out.
        receipt: what the run is told; for `NOT_YET` why it was not made.
    """

    attempt: Attempt
    ending: Ending
    receipt: Receipt

    @property
    def event(self) -> str:
        """What the run is told: `finished`, `failed` or `unknown`."""
        if self.ending is Ending.UNKNOWN:
            return "unknown"
        return "finished" if self.receipt.succeeded else "failed"

    def trigger(self, now: datetime) -> Trigger:
        """Return what the run is told, as what makes it decide."""
        return Trigger.event(self.event, self.facts(now))

    def facts(self, now: datetime) -> FactSet:
        """Return what came of it as facts."""
        named = {"message": self.receipt.message, **self.receipt.detail}
        return FactSet.of(
            Fact(
                name=f"receipt.{name}",
                value=value if isinstance(value, (Quantity, str, bool)) else str(value),
                observed_at=now,
                source="receipt",
            )
            for name, value in named.items()
        )


def attempt_of(claim: Claim, run: Run, definitions: Mapping[str, Definition], intent: RowMapping) -> Attempt:
    """Return the attempt that a stored action is next in need of: a new one, or one that was left half-done."""
    latest = Attempt(
        claim=claim,
        run=run,
        definitions=definitions,
        key=intent["key"],
        visit=intent["visit"],
        action=intent["action"],
        arguments=json.loads(intent["arguments"]),
        number=intent["attempts"],
        left=intent["status"] != store.DECIDED,
    )
    if latest.left:
        return latest
    # An attempt before it may be the one of which nobody could tell; what came of that is not kept beside the action.
    again = latest.number > 0 and latest.action in ACTIONS and ACTIONS[latest.action].on_unknown == "repeat"
    return replace(latest.next, repeats=again, looks_first=latest.number > 0)


def make(host: Host, presence: Presence, attempt: Attempt) -> Settled | Attempt:
    """Make an attempt that was noted, or find out what came of one that was left; return the next where that is due.

    Whoever was kept waiting since the attempt was noted looks first whether the run is still theirs: a deed that was
    done twice is not undone by refusing its receipt.

    Args:
        host: where the run lives.
        presence: who makes it.
        attempt: which.

    Raises:
        ClaimLostError: if others went on with the run meanwhile.
        Exception: whatever the action's own `check` raises, which settles nothing.
    """
    was_just_seen = host.monotonic() - attempt.held_at <= HOLDS_FOR.total_seconds() and presence.is_sure
    if not was_just_seen and not is_held(host, presence, attempt.claim):
        raise ClaimLostError(attempt.run.run)
    now = attempt.noted_at or read(host.engine, host.now)
    context = _context(host, presence, attempt, now)
    if attempt.left:
        return recover(attempt, context, host.outside)
    found = _found_made(attempt, context, host.outside) if attempt.looks_first else None
    return perform(attempt, context, host.outside) if found is None else found


def noted(page: Page, attempt: Attempt) -> Attempt:
    """Note an attempt before it is made, and return it with the moment of that."""
    note_begun(page, attempt)
    return replace(attempt, noted_at=page.now)


def note_begun(page: Page, attempt: Attempt) -> None:
    """Note an attempt before it is made."""
    page.mark(attempt, store.WORKING)
    page.note(attempt, EntryKind.ATTEMPT, {"attempt": attempt.number})


def perform(attempt: Attempt, context: ActionContext, outside: Outside) -> Settled:
    """Make an attempt that was noted.

    Args:
        attempt: which.
        context: what its action is handed.
        outside: where it is made.
    """
    try:
        receipt = outside.perform(attempt, context)
    except TryAgainError as error:
        return Settled(attempt=attempt, ending=Ending.NOT_YET, receipt=Receipt(succeeded=False, message=str(error)))
    except OutcomeUnknownError as error:
        return _unknown(attempt, error)
    except Exception as error:  # an action must never take the engine down with it; the receipt says what happened
        _LOGGER.exception("action %s of run %s failed", attempt.action, attempt.run.run)
        receipt = Receipt(succeeded=False, message=f"{type(error).__name__}: {error}")
    return Settled(attempt=attempt, ending=Ending.RECEIPT, receipt=receipt)


def recover(attempt: Attempt, context: ActionContext, outside: Outside) -> Settled | Attempt:
    """Ask an action whether an attempt was made whose runner is gone; return the next one where it is to be made.

    Args:
        attempt: which.
        context: what its action is handed.
        outside: where it may have been made.

    Raises:
        Exception: whatever the action's own `check` raises, which settles nothing.
    """
    try:
        receipt = outside.check(attempt, context)
    except OutcomeUnknownError as error:
        if ACTIONS[attempt.action].on_unknown == "repeat":
            return replace(attempt.next, repeats=True)
        return _unknown(attempt, error)
    return attempt.next if receipt is None else Settled(attempt=attempt, ending=Ending.RECEIPT, receipt=receipt)


def _found_made(attempt: Attempt, context: ActionContext, outside: Outside) -> Settled | None:
    """Return what came of an action that was put off and made late all the same; None where nothing tells that.

    Raises:
        Exception: whatever the action's own `check` raises but that nobody can tell: it is asked again later.
    """
    try:
        receipt = outside.check(attempt, context)
    except OutcomeUnknownError as error:
        # The attempt before was certainly not made.
        _LOGGER.debug("action %s of run %s cannot be looked up: %s", attempt.action, attempt.run.run, error)
        return None
    return None if receipt is None else Settled(attempt=attempt, ending=Ending.RECEIPT, receipt=receipt)


def settle(page: Page, settled: Settled, now: datetime) -> None:
    """Write what came of an attempt: its receipt, that a person has to look, or when it is made again."""
    attempt, receipt = settled.attempt, settled.receipt
    if settled.ending is Ending.UNKNOWN:
        page.mark(attempt, store.REVIEW, settled_at=now)
        page.note(attempt, EntryKind.REVIEW, {"reason": receipt.message})
        return
    if settled.ending is Ending.NOT_YET:
        pause = pause_before(attempt.number + 1, attempt.key)
        if pause is None:
            page.mark(attempt, store.DEAD, settled_at=now)
        else:
            page.mark(attempt, store.DECIDED, due_at=now + pause)
        page.note(attempt, EntryKind.POSTPONED, {"attempt": attempt.number, "reason": receipt.message})
        return
    page.mark(attempt, store.DONE if receipt.succeeded else store.FAILED, settled_at=now)
    detail = settled.facts(now).to_record()
    body = {"succeeded": receipt.succeeded, "message": receipt.message, "detail": detail}
    page.note(attempt, EntryKind.RECEIPT, body)


def _unknown(attempt: Attempt, error: OutcomeUnknownError) -> Settled:
    message = f"whether it was done is not known: {error}"
    return Settled(attempt=attempt, ending=Ending.UNKNOWN, receipt=Receipt(succeeded=False, message=message))


def _context(host: Host, presence: Presence, attempt: Attempt, now: datetime) -> ActionContext:
    run = attempt.run

    def is_wanted() -> bool:
        return is_held(host, presence, attempt.claim)

    return ActionContext(
        engine=host.engine,
        project=host.project,
        key=attempt.key,
        run=run.run,
        subject=run.subject,
        now=now,
        inputs=run.inputs,
        remembered=run.remembered,
        definitions=attempt.definitions,
        services=host.services,
        repeats=attempt.repeats,
        is_wanted=is_wanted,
    )
