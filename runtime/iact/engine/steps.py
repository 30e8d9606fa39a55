"""Steps of runs: facts in, decisions out, and everything that follows from them in one transaction.

Many runs take a step in one transaction, which costs the disk as much as one would. What one of them cannot do must not
keep the others: then each is tried by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import IntegrityError

from iact.core.errors import EnvironmentProblemError
from iact.core.evaluator import decide, holder_fact, needs
from iact.core.facts import EMPTY, Fact, FactRequest, FactSet
from iact.core.machine import Mode, Trigger, TriggerKind
from iact.engine import attempts, store
from iact.engine.attempts import Ending
from iact.engine.claims import ClaimLostError, still_held
from iact.engine.context import FactContext
from iact.engine.page import Page
from iact.engine.revocations import first_revoked, refusal, revoked_digests
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.core.machine import Decision, Machine
    from iact.engine.attempts import Attempt, Settled
    from iact.engine.claims import Claim
    from iact.engine.definitions import Definition
    from iact.engine.host import Host
    from iact.engine.store import Run

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Why a run is asked to decide, and what belongs to that.

    Attributes:
        claim: under which it decides.
        run: the run as it was read.
        machine: its compiled definition.
        definitions: what it pinned.
        trigger: why it is asked; for a settled action, what it came to says it.
        visit: the visit that this is about; 0 when it is about the run as a whole.
        number: of the row that told it; None where no row did.
        due: the time that has come; None where it is none.
        settled: the action whose ending makes it decide.
        facts: what the decision wanted to know.
    """

    claim: Claim
    run: Run
    machine: Machine
    definitions: Mapping[str, Definition] = field(repr=False)
    trigger: Trigger = field(default_factory=Trigger.looked)
    visit: int = 0
    number: int | None = None
    due: datetime | None = None
    settled: Settled | None = None
    facts: FactSet = EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """An action that was decided earlier and is attempted now.

    Attributes:
        attempt: the attempt, which is noted before it is made.
    """

    attempt: Attempt

    @property
    def claim(self) -> Claim:
        """The claim under which it is made."""
        return self.attempt.claim

    @property
    def run(self) -> Run:
        """The run that decided it."""
        return self.attempt.run


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a step.

    Attributes:
        step: which.
        decision: what it came to; None where it was about a state that the run has left, or was none.
        attempts: the actions that are noted as begun and are to be made now.
    """

    step: Step | Beginning
    decision: Decision | None = None
    attempts: tuple[Attempt, ...] = ()

    def seen_to_hold(self, at: float) -> Taken:
        """Return the same with the moment, on the process's monotonic clock, at which its claim certainly held."""
        return replace(self, attempts=tuple(replace(attempt, held_at=at) for attempt in self.attempts))


class RunMovedError(Exception):
    """Somebody else moved the run between reading and writing, or took what it wants: read again and decide again."""


@dataclass(frozen=True, slots=True)
class Stumbled:
    """A step that was not taken.

    Attributes:
        step: which.
        error: why; `RunMovedError` and `ClaimLostError` are nobody's fault.
    """

    step: Step | Beginning
    error: Exception


def take(host: Host, runner: str, steps: Sequence[Step | Beginning], *, begins: bool = True) -> list[Taken | Stumbled]:
    """Let runs decide, each once, and write all that follows from it.

    Args:
        host: where they live.
        runner: who advances them.
        steps: one for each run at most.
        begins: whether the first action that a run decides is noted as begun, since the caller makes it now.

    Raises:
        EnvironmentProblemError: if the store does not answer.
    """
    ready, broken = _with_facts(host, steps)
    try:
        return [*broken, *_together(host, runner, ready, begins=begins)]
    except EnvironmentProblemError:
        raise
    except Exception as error:  # noqa: BLE001 - below it is tried again, run by run, and stays with the one that it hit
        if len(ready) == 1 and not isinstance(error, IntegrityError):
            return [*broken, Stumbled(ready[0], error)]
        # Two runs want to hold the same, or one of them cannot be written.
        return [*broken, *(_alone(host, runner, step, begins=begins) for step in ready)]


def is_stale(trigger: Trigger, visit: int, run: Run) -> bool:
    """Return whether a trigger is about a state that the run has left; `visit` 0 is about the run as a whole."""
    return visit not in {0, run.visit} or (trigger.kind is TriggerKind.ENTERED and visit != run.visit)


def _is_early(step: Step | Beginning, now: datetime) -> bool:
    """Return whether a time had come when it was read and has not any more, since the clock was set back."""
    return isinstance(step, Step) and step.due is not None and step.due > now


def _pinned(step: Step | Beginning) -> Iterable[Definition]:
    return (step.attempt if isinstance(step, Beginning) else step).definitions.values()


def _is_heard(step: Step | Beginning) -> bool:
    """Return whether a step is about what has happened already, which is heard whatever was revoked."""
    return isinstance(step, Step) and step.settled is not None


def _alone(host: Host, runner: str, step: Step | Beginning, *, begins: bool) -> Taken | Stumbled:
    try:
        (found,) = _together(host, runner, [step], begins=begins)
    except IntegrityError as error:
        # Somebody else took in between what it wants to hold.
        return Stumbled(step, RunMovedError(str(error.orig)))
    except EnvironmentProblemError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it stays with this run
        return Stumbled(step, error)
    return found


def _together(host: Host, runner: str, steps: Sequence[Step | Beginning], *, begins: bool) -> list[Taken | Stumbled]:
    if not steps:
        return []
    claims = [step.claim for step in steps]

    def carry_out(connection: Connection) -> list[Taken | Stumbled]:
        held = still_held(connection, host.project, runner, claims)
        rows = store.LOCKED_RUNS.all(connection, project=host.project, runs=[claim.run for claim in claims])
        versions = {row["run"]: row["version"] for row in rows}
        page = Page(connection, host.project, [claim.run for claim in held], host.now(connection))
        revoked = revoked_digests(connection, host.project)
        found: list[Taken | Stumbled] = []
        for step in steps:
            no_more = first_revoked(_pinned(step), revoked)
            if step.claim not in held:
                found.append(Stumbled(step, ClaimLostError(step.run.run)))
            elif versions[step.run.run] != step.run.version or _is_early(step, page.now):
                found.append(Stumbled(step, RunMovedError(step.run.run)))
            elif no_more is not None and not _is_heard(step):
                found.append(Stumbled(step, refusal(no_more)))
            else:
                found.append(_carry_out(connection, host, page, step, begins=begins and no_more is None))
        page.flush()
        # Their claims are locked until the commit that follows.
        now = host.monotonic()
        return [one.seen_to_hold(now) if isinstance(one, Taken) and one.attempts else one for one in found]

    found = write(host.engine, carry_out)
    if _LOGGER.isEnabledFor(logging.INFO):
        _say_what_moved(found)
    return found


def _say_what_moved(found: Sequence[Taken | Stumbled]) -> None:
    """Log each transition that was made durable, for whoever watches a process that serves; why is in the journal."""
    for one in found:
        if isinstance(one, Stumbled) or one.decision is None or not one.decision.moved:
            continue
        run, decision, asked = one.step.run, one.decision, _asked(one.step)
        outcome = f", {decision.outcome.upper()}" if decision.outcome else ""
        do = f", to do: {', '.join(intent.action for intent in decision.intents)}" if decision.intents else ""
        end = ", which ends it" if decision.final else ""
        moved = f"{decision.before.state} → {decision.after.state}"
        _LOGGER.info("run %s of %s: %s (%s%s)%s%s", run.run, run.agent, moved, asked, outcome, do, end)


def _asked(step: Step | Beginning) -> str:
    if isinstance(step, Beginning):
        return ""
    if step.settled is not None:
        return f"{step.settled.event} of its action"
    return step.trigger.name or step.trigger.kind.value


def _carry_out(connection: Connection, host: Host, page: Page, step: Step | Beginning, *, begins: bool) -> Taken:
    if isinstance(step, Beginning):
        return Taken(step, attempts=(attempts.noted(page, step.attempt),))
    run, now = step.run, page.now
    _settle(page, step)
    if step.settled is not None and step.settled.ending is Ending.NOT_YET:
        return Taken(step)
    trigger = _asked_by(step, now)
    if not run.active or is_stale(trigger, step.visit, run):
        return Taken(step)
    facts = step.facts
    decision = decide(step.machine, run.standing, trigger, facts, now)
    if decision.holds:
        page.flush()
        taken = _held_by_others(connection, host.project, run, decision)
        if len(taken):
            facts = facts.joined(taken)
            decision = decide(step.machine, run.standing, trigger, facts, now)
    page.write_down(run.run, trigger, facts, decision)
    if not decision.moved:
        return Taken(step, decision)
    mode = host.modes.of(step.machine)
    page.move(run, step.machine, decision, mode)
    return Taken(step, decision, _begun(page, step, decision) if begins and mode is Mode.ENFORCE else ())


def _settle(page: Page, step: Step) -> None:
    """Mark as decided upon what made the run decide."""
    if step.number is not None:
        page.handle(step.number)
    if step.due is not None:
        page.drop_timer(step.run.run, step.visit, step.trigger.transition)
    if step.settled is not None:
        attempts.settle(page, step.settled, page.now)


def _begun(page: Page, step: Step, decision: Decision) -> tuple[Attempt, ...]:
    """Note the first action of the new state as begun, since whoever decided it makes it now."""
    if not decision.intents:
        return ()
    intent = decision.intents[0]
    attempt = attempts.Attempt(
        claim=step.claim,
        run=step.run.after(decision),
        definitions=step.definitions,
        key=f"{step.run.run}/{decision.after.visit}/0",
        visit=decision.after.visit,
        action=intent.action,
        arguments=dict(intent.arguments),
        number=1,
        noted_at=page.now,
    )
    attempts.note_begun(page, attempt)
    return (attempt,)


def _with_facts(host: Host, steps: Sequence[Step | Beginning]) -> tuple[list[Step | Beginning], list[Taken | Stumbled]]:
    """Return the steps with the facts that their decisions want, and those whose sources broke."""
    known: list[Step | Beginning] = []
    broken: list[Taken | Stumbled] = []
    for step in steps:
        if isinstance(step, Beginning):
            known.append(step)
            continue
        try:
            requests = _wanted(step)
            known.append(_observed(host, step, requests) if requests else step)
        except Exception as error:  # noqa: BLE001 - a source that breaks is told of, and keeps no other run
            broken.append(Stumbled(step, error))
    return known, broken


def _wanted(step: Step) -> tuple[FactRequest, ...]:
    """Return the facts that a decision wants; most want none, whatever the receipt brings along."""
    if step.settled is None:
        return needs(step.machine, step.run.standing, step.trigger)
    if not needs(step.machine, step.run.standing, Trigger.event(step.settled.event)):
        return ()
    return needs(step.machine, step.run.standing, step.settled.trigger(step.run.entered_at))


def _asked_by(step: Step, now: datetime) -> Trigger:
    return step.settled.trigger(now) if step.settled else step.trigger


def _observed(host: Host, step: Step, requests: tuple[Any, ...]) -> Step:
    run = step.run

    def look(connection: Connection) -> FactSet:
        context = FactContext(
            connection=connection,
            project=host.project,
            run=run.run,
            subject=run.subject,
            now=host.now(connection),
            inputs=run.inputs,
            remembered=run.remembered,
            definitions=step.definitions,
            services=host.services,
        )
        return host.outside.observe(requests, context)

    return replace(step, facts=read(host.unhurried, look))


def _held_by_others(connection: Connection, project: str, run: Run, decision: Decision) -> FactSet:
    """Return, as facts, which other runs hold what `decision` wants to hold."""
    rows = ((hold, store.HOLDER.one(connection, project=project, name=hold)) for hold in decision.holds)
    return FactSet.of(
        Fact(name=holder_fact(hold), value=row["run"], source="engine")
        for hold, row in rows
        if row is not None and row["run"] != run.run
    )
