"""Serving: one process that advances runs until it is told to stop, beside as many others as there are.

A turn is taken whenever something may have come: a time that is due, an action that has ended, or the next look.
Actions are made by a bounded number of threads beside the turns, so that one that takes an hour keeps no other run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import DBAPIError

from iact.core.errors import EnvironmentProblemError
from iact.core.registry import Receipt
from iact.engine import claims, runners, store
from iact.engine.attempts import Attempt, Ending, Settled
from iact.engine.work import Failed
from iact.engine.worker import Turn, Worker
from iact.stores.units import glance

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.engine.claims import Claim
    from iact.engine.host import Host
    from iact.engine.runners import Presence

_LOGGER: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much a process does at once, and how often it looks.

    Attributes:
        runs: how many runs take a step together at most.
        actions: how many actions are made at the same time at most.
        look_every: how long it waits at most before it looks whether others have left something to do.
        clear_up_every: how often it looks for processes that have died.
        drain_within: how long it waits for actions under way once it was told to stop.
        end_within: how long it then waits for those that it has ended, before it leaves without them.
    """

    runs: int = 64
    actions: int = 8
    look_every: timedelta = timedelta(seconds=0.5)
    clear_up_every: timedelta = timedelta(seconds=10)
    drain_within: timedelta = timedelta(minutes=1)
    end_within: timedelta = timedelta(seconds=5)


PACE: Final = Pace()
GATHERING: Final = 0.1
"""For what part of the last turn's length a turn waits for actions that are about to end, to write them with the rest:
fewer and larger transactions, of which each costs the disk as much as the other."""
LOOKS_APART: Final = 0.05
"""Seconds between two looks for more work at least, while there is some: each costs as much as several steps."""


def _nothing() -> None:
    """End no action: there is no way to."""


def _threads(most: int) -> Executor:
    return ThreadPoolExecutor(max_workers=most, thread_name_prefix="iact-action")


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How a process waits and does several things at once; a simulation hands in its own.

    Attributes:
        monotonic: seconds that pass whatever anybody sets a clock to.
        until: waits until something is set, so many seconds at most.
        pool: makes so many actions at the same time.
    """

    monotonic: Callable[[], float] = time.monotonic
    until: Callable[[threading.Event, float], object] = threading.Event.wait
    pool: Callable[[int], Executor] = _threads


REALLY: Final = Waiting()


class Server:
    """Advances the runs of a project, as one of the processes that do."""

    def __init__(  # noqa: PLR0913 - what a process is made of, each by its name
        self,
        host: Host,
        presence: Presence,
        *,
        pace: Pace = PACE,
        before_turn: Callable[[], None] | None = None,
        end_actions: Callable[[], None] = _nothing,
        waiting: Waiting = REALLY,
    ) -> None:
        """Prepare to serve.

        Args:
            host: where the runs live.
            presence: this process among the others.
            pace: how much is done at once.
            before_turn: what else is to be done whenever it looks, such as starting what the calendar says.
            end_actions: ends what actions under way have started, so that they come to an end; asked for once, where
                they take longer than `pace` lets them after `stop`.
            waiting: how it waits and does several things at once.
        """
        self.host, self.presence, self.pace = replace(host, engine=presence.engine), presence, pace
        self._before_turn = before_turn
        self._waiting, self._end_actions = waiting, end_actions
        self._worker = Worker(self.host, presence)
        self._pool = waiting.pool(pace.actions)
        self._woken = threading.Event()
        # No event: a signal's handler that sets one waits for ever where the signal came while the same thread held its
        # lock.
        self._is_stopping = False
        self._drain_until: float | None = None
        self._under_way: dict[Future[Settled | Attempt], Attempt] = {}
        self._ended: SimpleQueue[Future[Settled | Attempt]] = SimpleQueue()
        # What the next turn has to hear of. It is forgotten only once a turn was committed, whatever the store does.
        self._unheard: list[Settled | Attempt] = []
        self._again: list[Claim] = []
        self._failed: list[Failed] = []
        self._done_with: list[str] = []
        self._one_ended = threading.Event()
        self._turn_took = 0.0
        self._looked_at = -LOOKS_APART
        self._answered_at = time.monotonic()

    @property
    def silent_for(self) -> float:
        """For how many seconds the store has not answered, or a look has been taking. Safe to ask from any thread."""
        return time.monotonic() - self._answered_at

    @property
    def is_stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._is_stopping

    @property
    def may_drain_for(self) -> float:
        """For how many seconds from now what is under way may be waited for; negative once that is over."""
        if self._drain_until is None:
            return self.pace.drain_within.total_seconds()
        return self._drain_until - self._waiting.monotonic()

    def wake(self) -> None:
        """Let the next turn begin at once."""
        self._woken.set()

    def stop(self) -> None:
        """Take nothing new, finish what is under way, and leave. Safe to call from a signal's handler.

        It is seen at the next look; whoever is no signal's handler may `wake` it.
        """
        self._is_stopping = True

    def run(self) -> None:
        """Serve until `stop` is called."""
        cleared_up = self._waiting.monotonic()
        try:
            while not self.is_stopping:
                busy = self._in_spite_of_the_store(self._look)
                if self._waiting.monotonic() - cleared_up >= self.pace.clear_up_every.total_seconds():
                    cleared_up = self._waiting.monotonic()
                    self._in_spite_of_the_store(self._clear_up)
                if not busy:
                    self._waiting.until(self._woken, self._pause())
                self._woken.clear()
            self._drain()
        finally:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _look(self) -> bool:
        """Take a turn with whatever there is to do; return whether there may be more at once."""
        if self._before_turn is not None:
            self._before_turn()
        # Only who is written down is known to be in touch with the store, and takes over what others have left.
        self.presence.appear()
        if len(self._under_way) < self.pace.actions and self._may_want_more():
            found = claims.with_work(self.host, self.presence, self.pace.runs)[: self.pace.runs]
            self._claim_anew(claims.take(self.host, self.presence, found))
        return self._turn()

    def _may_want_more(self) -> bool:
        """Return whether it is time to look for more work, and note that it is looked for."""
        now = self._waiting.monotonic()
        has_enough = self._under_way or self._again or self._unheard
        if has_enough and now - self._looked_at < LOOKS_APART:
            return False
        self._looked_at = now
        return True

    def _claim_anew(self, taken: Sequence[Claim]) -> None:
        """Take claims in; whoever lost its lease may find a run that it has, and then only the newest claim holds."""
        anew = {claim.run for claim in taken}
        # What the store did not take back when it was asked to is not to be given back once it is claimed anew.
        self._done_with = [run for run in self._done_with if run not in anew]
        self._again = [*(claim for claim in self._again if claim.run not in anew), *taken]

    def _turn(self) -> bool:
        self._gather()
        self._hear()
        ready, held_back = self._sorted_again()
        if not (ready or self._unheard or self._failed or self._done_with):
            return False
        began = self._waiting.monotonic()
        turn = self._worker.turn(ready, self._unheard)
        self._turn_took = self._waiting.monotonic() - began
        self._again = [*held_back, *turn.again]
        self._after(turn)
        for attempt in turn.attempts:
            self._make(attempt)
        return bool(turn.again) or not self._ended.empty()

    def _gather(self) -> None:
        """Where some actions have ended, wait a moment for the others."""
        until = self._waiting.monotonic() + GATHERING * self._turn_took
        while 0 < self._ended.qsize() < len(self._under_way):
            self._one_ended.clear()
            left = until - self._waiting.monotonic()
            if left <= 0 or self._ended.qsize() == len(self._under_way):
                return
            self._waiting.until(self._one_ended, left)

    def _sorted_again(self) -> tuple[list[Claim], list[Claim]]:
        """Return the claims of runs that can go on, and of those that an action of this process is still made for.

        A process that was paused beyond its lease may claim a run anew whose action it is in the middle of. To look now
        whether that was done would find that it was not, and it would be done twice. Nor may others look before it has
        ended, so the claim is kept.
        """
        busy = {attempt.run.run for attempt in self._under_way.values()}
        ready = [claim for claim in self._again if claim.run not in busy]
        return ready, [claim for claim in self._again if claim.run in busy]

    def _after(self, turn: Turn) -> None:
        """Forget what a turn has heard of, and give back what it leaves."""
        self._unheard = []
        self._failed += turn.failed
        self._done_with += [claim.run for claim in turn.waiting]
        for claim in turn.lost:
            _say_lost(claim)
        self._give_back()

    def _make(self, attempt: Attempt) -> None:
        future = self._pool.submit(self._worker.make, attempt)
        self._under_way[future] = attempt
        future.add_done_callback(self._has_ended)

    def _has_ended(self, future: Future[Settled | Attempt]) -> None:
        self._ended.put(future)
        self._one_ended.set()
        self._woken.set()

    def _hear(self) -> None:
        """Take in what has come of actions."""
        while not self._ended.empty():
            future = self._ended.get()
            attempt = self._under_way.pop(future)
            if future.cancelled():
                self._leave_to_others(attempt)
                continue
            error = future.exception()
            if error is None:
                self._unheard.append(future.result())
            elif isinstance(error, claims.ClaimLostError):
                _say_lost(attempt.claim)
            else:
                self._failed.append(Failed(attempt.claim, error))

    def _leave_to_others(self, attempt: Attempt) -> None:
        """Take in that an attempt was noted but never begun."""
        if attempt.left:
            # It is still to be found out what came of it.
            self._done_with.append(attempt.run.run)
            return
        why = Receipt(succeeded=False, message="the process that was to make it was told to stop before it began")
        self._unheard.append(Settled(attempt=attempt, ending=Ending.NOT_YET, receipt=why))

    def _give_back(self) -> None:
        while self._failed:
            claim, error = self._failed[0].claim, self._failed[0].error
            parked = claims.stumble(self.host, self.presence.name, claim.run, error)
            level = logging.ERROR if parked else logging.WARNING
            what = "waits for a person" if parked else "is tried again later"
            _LOGGER.log(level, "run %s could not go on and %s: %s", claim.run, what, error)
            self._failed.pop(0)
        claims.release(self.host, self.presence.name, self._done_with)
        self._done_with = []

    def _clear_up(self) -> bool:
        """Forget processes that died, and give back what a lost answer left claimed in this one's name."""
        runners.forget_the_dead(self.presence)
        known = {claim.run for claim in self._again} | {attempt.run.run for attempt in self._under_way.values()}
        known |= {failed.claim.run for failed in self._failed}
        known |= {(one.attempt if isinstance(one, Settled) else one).run.run for one in self._unheard}
        claimed = claims.claimed_by(self.host, self.presence.name)
        claims.release(self.host, self.presence.name, [run for run in claimed if run not in known])
        return False

    def _pause(self) -> float:
        """Return for how many seconds nothing is due, as far as this process can know."""
        longest = self.pace.look_every.total_seconds()

        def look(connection: Connection) -> float:
            now = self.host.now(connection)
            row = store.NEXT_TIMER.one(connection, project=self.host.project, now=now)
            due = row["due_at"] if row else None
            return longest if due is None else min(longest, (due - now).total_seconds())

        try:
            return glance(self.host.engine, look)
        except (EnvironmentProblemError, DBAPIError):
            return longest

    def _in_spite_of_the_store(self, do: Callable[[], bool]) -> bool:
        """Do something; where the store does not answer, say so, and go on from where it was later."""
        try:
            done = do()
        except (EnvironmentProblemError, DBAPIError) as error:
            _LOGGER.error("%s", error)  # noqa: TRY400 - its traceback says nothing that the message does not
            return False
        self._answered_at = time.monotonic()
        return done

    def _drain(self) -> None:
        """Hear of the actions that are under way, and of what follows from them, but begin nothing new.

        Those that take too long are ended where that can be. Where one does not end even so, its run stays claimed: it
        is still being done, and whoever began it again would do so at the same time.
        """
        self._drain_until = self._waiting.monotonic() + self.pace.drain_within.total_seconds()
        self._in_spite_of_the_store(self._say_that_it_drains)
        named = self._named()
        _LOGGER.info("draining: nothing new is begun; actions under way: %s", named or "none")
        if self._hears_the_rest(self._drain_until):
            _LOGGER.info("drained: %s", f"these actions have ended: {named}" if named else "no action was under way")
            return
        _LOGGER.warning("stopping although these actions are under way, which are ended now: %s", self._named())
        for future in self._under_way:
            future.cancel()
        self._end_actions()
        if self._hears_the_rest(self._waiting.monotonic() + self.pace.end_within.total_seconds()):
            return
        what = self._named() or "none, but what came of some is not written"
        _LOGGER.warning("leaving although these actions are under way: %s; others find out about them", what)
        self.presence.abandon()

    def _hears_the_rest(self, until: float) -> bool:
        """Hear of what is under way until a moment; return whether that was all."""
        while self._under_way or self._unheard or self._failed:
            left = until - self._waiting.monotonic()
            if left <= 0:
                return False
            self._hear()
            self._in_spite_of_the_store(self._last_turn)
            if self._under_way and self._ended.empty():
                self._waiting.until(self._woken, max(0.0, until - self._waiting.monotonic()))
                self._woken.clear()
        return True

    def _named(self) -> str:
        return ", ".join(sorted(attempt.key for attempt in self._under_way.values()))

    def _say_that_it_drains(self) -> bool:
        self.presence.drain()
        self._leave_what_is_ready()
        self._give_back()
        return False

    def _leave_what_is_ready(self) -> None:
        ready, self._again = self._sorted_again()
        self._done_with += [claim.run for claim in ready]

    def _last_turn(self) -> bool:
        """Write what came of actions; what the runs decide then is theirs who go on with them."""
        turn = self._worker.turn([], self._unheard, begins=False)
        self._done_with += [claim.run for claim in turn.again]
        self._leave_what_is_ready()
        self._after(turn)
        return False


def _say_lost(claim: Claim) -> None:
    _LOGGER.warning("others went on with run %s while this process was not heard of", claim.run)
