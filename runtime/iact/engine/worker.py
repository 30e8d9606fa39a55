"""A worker: lets claimed runs take their steps, and makes the actions that they decide.

One turn lets some runs decide in one transaction; what comes of an action and what follows from that are one
transaction again. Whoever calls `turn` makes the actions in between, one after the other or several at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iact.core.errors import ConfigurationError, FindingError
from iact.core.machine import Machine, Trigger
from iact.engine import attempts, store
from iact.engine import definitions as definition_store
from iact.engine.attempts import Attempt, Settled
from iact.engine.claims import ClaimLostError
from iact.engine.model import compile_agent
from iact.engine.steps import Beginning, RunMovedError, Step, Stumbled, Taken, take
from iact.engine.work import Failed, work_of
from iact.stores.lock import exclusive, exclusive_row
from iact.stores.servers import is_server
from iact.stores.units import read

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime

    from iact.engine.claims import Claim
    from iact.engine.definitions import Definition
    from iact.engine.host import Host
    from iact.engine.runners import Presence
    from iact.engine.store import Run
    from iact.engine.work import Work

STEPS_AT_ONCE: Final = 1_000
"""How many steps a run takes without waiting: a machine that goes in circles is stopped, not followed for ever."""


class EndlessRunError(ConfigurationError):
    """A run took more steps in one go than any sound agent does."""

    def __init__(self, run: str) -> None:
        """Say so of `run`."""
        super().__init__(
            f"run {run} took {STEPS_AT_ONCE} steps without waiting, so its states lead back to each other. Let one of "
            "them wait for an event or a time; a new run follows the mended rules."
        )


class StumbledError(FindingError):
    """A run cannot go on."""

    def __init__(self, run: str, error: BaseException, *, parked: bool) -> None:
        """Say why.

        Args:
            run: which.
            error: what was wrong.
            parked: whether it waits for a person now.
        """
        then = "it waits for a person: `iact runs retry`" if parked else "it is tried again later"
        super().__init__(f"run {run} could not go on, and {then}. {type(error).__name__}: {error}")


@dataclass(frozen=True, slots=True)
class Turn:
    """What came of one turn.

    Attributes:
        attempts: actions to be made now; their runs stay claimed until what came of them is handed to a turn.
        again: runs that may have more to do.
        waiting: runs that have nothing to do now.
        failed: runs that could not go on.
        lost: runs that others have taken over.
    """

    attempts: tuple[Attempt, ...] = ()
    again: tuple[Claim, ...] = ()
    waiting: tuple[Claim, ...] = ()
    failed: tuple[Failed, ...] = ()
    lost: tuple[Claim, ...] = ()


class Worker:
    """Lets runs of one project go on, in the name of one runner."""

    def __init__(self, host: Host, presence: Presence, machines: dict[str, Machine] | None = None) -> None:
        """Prepare to work.

        Args:
            host: where the runs live.
            presence: whose claims the runs are under.
            machines: compiled definitions by what they are stored under; runs that pinned the same one share it.
        """
        self.host, self.presence = host, presence
        self._machines = {} if machines is None else machines
        self._pinned: dict[tuple[str, ...], Mapping[str, Definition]] = {}
        self._taken: Counter[str] = Counter()

    def turn(self, claims: Sequence[Claim], ended: Sequence[Settled | Attempt] = (), *, begins: bool = True) -> Turn:
        """Let claimed runs take one step each.

        Args:
            claims: runs that may have something to do.
            ended: what came of actions: their endings, and attempts that are to be made next.
            begins: whether actions are noted as begun, since the caller makes them; otherwise others will.

        Raises:
            EnvironmentProblemError: if the store does not answer.
        """
        failed: list[Failed] = []
        steps: list[Step | Beginning] = [self._after(one) for one in ended]
        waiting: list[Claim] = []
        left: list[Attempt] = []
        for work in work_of(self.host, claims):
            if isinstance(work, Failed):
                failed.append(work)
                continue
            try:
                step = self._next(work)
            except Exception as error:  # noqa: BLE001 - a run that cannot be read keeps no other
                failed.append(Failed(work.claim, error))
                continue
            if step is None:
                waiting.append(work.claim)
            elif isinstance(step, Attempt):
                left.append(step)
            else:
                steps.append(step)
        if not begins:
            steps = [step for step in steps if isinstance(step, Step)]
        found = take(self.host, self.presence.name, steps, begins=begins)
        return self._took(found, waiting, failed, left)

    def make(self, attempt: Attempt) -> Settled | Attempt:
        """Make an attempt; return what came of it, or the attempt that is to be made next.

        Raises:
            ClaimLostError: if others went on with the run meanwhile: it is theirs to find out what came of it.
            Exception: whatever the action's own `check` raises, which settles nothing.
        """
        if not attempt.left:
            return attempts.make(self.host, self.presence, attempt)
        with self._other_releases_wait():
            return attempts.make(self.host, self.presence, attempt)

    def _took(
        self, came: Sequence[Taken | Stumbled], waiting: list[Claim], failed: list[Failed], left: list[Attempt]
    ) -> Turn:
        begun, again, lost = left, [], []
        for found in came:
            claim = found.step.claim
            if not isinstance(found, Stumbled):
                begun += found.attempts
                if not found.attempts:
                    again.append(claim)
            elif isinstance(found.error, ClaimLostError):
                lost.append(claim)
            elif isinstance(found.error, RunMovedError):
                again.append(claim)
            else:
                failed.append(Failed(claim, found.error))
        for claim in waiting:
            del self._taken[claim.run]
        self._taken.update(found.step.run.run for found in came)
        endless = {claim for claim in again if self._taken[claim.run] >= STEPS_AT_ONCE}
        failed += [Failed(claim, EndlessRunError(claim.run)) for claim in endless]
        return Turn(
            attempts=tuple(begun),
            again=tuple(claim for claim in again if claim not in endless),
            waiting=tuple(waiting),
            failed=tuple(failed),
            lost=tuple(lost),
        )

    def _next(self, work: Work) -> Step | Beginning | Attempt | None:
        """Return what a run does next: a step, or an attempt whose ending has to be found out first; None to wait."""
        run, claim = work.run, work.claim
        pinned = self._definitions(run)
        if work.intent is not None:
            attempt = attempts.attempt_of(claim, run, pinned, work.intent)
            return attempt if attempt.left else Beginning(attempt=attempt)
        if work.told is not None:
            told = store.told_from_row(work.told)
            return self._step(claim, run, pinned, told.trigger, visit=told.visit, number=told.number)
        if work.due is None:
            return None
        trigger = Trigger.timer(work.due["transition"])
        return self._step(claim, run, pinned, trigger, visit=work.due["visit"], due=work.due["due_at"])

    def _after(self, ended: Settled | Attempt) -> Step | Beginning:
        if isinstance(ended, Attempt):
            return Beginning(attempt=ended)
        attempt = ended.attempt
        return Step(
            claim=attempt.claim,
            run=attempt.run,
            machine=self._machine(attempt.run, attempt.definitions),
            definitions=attempt.definitions,
            visit=attempt.visit,
            settled=ended,
        )

    def _step(  # noqa: PLR0913 - private; what a step is made of
        self,
        claim: Claim,
        run: Run,
        pinned: Mapping[str, Definition],
        trigger: Trigger,
        *,
        visit: int,
        number: int | None = None,
        due: datetime | None = None,
    ) -> Step:
        machine = self._machine(run, pinned)
        return Step(
            claim=claim,
            run=run,
            machine=machine,
            definitions=pinned,
            trigger=trigger,
            visit=visit,
            number=number,
            due=due,
        )

    def _definitions(self, run: Run) -> Mapping[str, Definition]:
        """Return what a run pinned; runs that pinned the same share it."""
        key = tuple(sorted(run.pins.values()))
        if key not in self._pinned:
            self._pinned[key] = read(
                self.host.engine,
                lambda connection: definition_store.load(connection, self.host.project, run.pins),
            )
        return self._pinned[key]

    def _machine(self, run: Run, pinned: Mapping[str, Definition]) -> Machine:
        """Return the run's own definition, compiled."""
        own = pinned[f"Agent/{run.agent}"]
        key = run.pins[own.pin]
        if key not in self._machines:
            self._machines[key] = compile_agent(own.tree, name=own.name, digest=own.digest)
        return self._machines[key]

    def _other_releases_wait(self) -> AbstractContextManager[None]:
        """Hold the lock under which earlier releases act: an attempt that one of them makes is not left by anybody."""
        if is_server(self.host.engine):
            return exclusive_row(self.host.engine, self.host.project)
        file = self.host.engine.url.database
        return exclusive(Path(f"{file}.lock")) if file else nullcontext()
