"""What agents of a simulation look at and change, with a memory of everything that reached it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from iact.core.facts import Fact, FactRequest, FactType
from iact.core.registry import OutcomeUnknownError, Receipt, TryAgainError, action, fact_source
from iact.engine.context import ActionContext, FactContext
from tests.support.simulation.schedule import Schedule, SimulatedProcess, current_task

COLOURS: Final = ("red", "blue")
SEEN_TO_HOLD_FOR: Final = 0.1
"""For so many seconds after a transaction saw that a run was a process's own, it may act without another look."""
MOST_REFUSALS: Final = 2
"""How often one deed is refused, or its check fails, before it goes through: fewer than let a run wait for a person."""


@dataclass(slots=True)
class SimulatedWorld:
    """The world outside the store.

    Attributes:
        schedule: lets others go on in the middle of a deed.
        chance: draws what facts are and how deeds come out.
        is_anothers: says of a run and a process whether the run is claimed in another process's name by now.
        held_for: says of a run and a process how many seconds ago a transaction last saw that it was that process's.
        done: how often each deed was done, by its idempotency key; a repeat that its key gave away counts as none.
        repeats: keys of deeds that were done again and said so.
        recognised: how often a deed came again that was recognised by its key.
        violations: what must not have happened.
    """

    schedule: Schedule
    chance: random.Random
    is_anothers: Callable[[str, SimulatedProcess], bool]
    held_for: Callable[[str, SimulatedProcess], float]
    done: Counter[str] = field(default_factory=Counter)
    repeats: Counter[str] = field(default_factory=Counter)
    recognised: int = 0
    violations: list[str] = field(default_factory=list)
    _refused: Counter[str] = field(default_factory=Counter)
    _came_late: set[str] = field(default_factory=set)

    def refuses(self, what: str, share: float) -> bool:
        """Return whether something is refused this time."""
        if self._refused[what] >= MOST_REFUSALS or self.chance.random() >= share:
            return False
        self._refused[what] += 1
        return True

    def deliver(self, run: str, key: str, *, repeats: bool) -> None:
        """Let a deed reach the world.

        It must reach it once. It may do so again where it says that it may be a repeat, and where one of the two was
        made by who was paused after it had looked whether the run was still its own, or by who had seen that in a
        transaction a tenth of a second before: no look can help there, and the key does. Where that one came first, its
        run must have been another's by then; a process that has the run still or again knows of its own deed.
        """
        task = current_task()
        paused = task is not None and (task.gave_way_since_look or self.held_for(run, task.process) <= SEEN_TO_HOLD_FOR)
        self.schedule.note(task.process if task else None, f"deed {key}{' again' if self.done[key] else ''}")
        if repeats:
            self.repeats[key] += 1
        elif not self.done[key]:
            self.done[key] += 1
            if task is not None and paused and self.is_anothers(run, task.process):
                self._came_late.add(key)
        elif paused or key in self._came_late:
            self.recognised += 1
        else:
            self.violations.append(f"{key} was done twice")

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
        """Do a deed, refuse it, or lose its answer."""
        if self.refuses(f"perform {context.key}", 0.1):
            raise TryAgainError("the world asks for patience")
        if self.chance.random() < 0.3:
            self.schedule.give_way(self.chance.uniform(0, 3))
        if arguments.get("fails") and self.chance.random() < 0.5:
            return Receipt(succeeded=False, message="the world would not change")
        self.deliver(context.run, context.key, repeats=context.repeats)
        self.schedule.give_way(self.chance.choice((0.0, 0.0, self.chance.uniform(0, 10))))
        if arguments.get("loses") and self.chance.random() < 0.3:
            raise OutcomeUnknownError("the answer was lost")
        return Receipt(succeeded=True, message="done")

    def check(self, context: ActionContext) -> Receipt | None:
        """Say whether a deed was done; now and then break before saying so."""
        if self.refuses(f"check {context.key}", 0.1):
            raise RuntimeError("the check is broken")
        self.schedule.give_way()
        reached = self.done[context.key] + self.repeats[context.key]
        return Receipt(succeeded=True, message="found done") if reached else None


@fact_source("simulated")
class SimulatedFacts:
    """Facts that are drawn, and are missing now and then."""

    provides: Mapping[str, FactType] = {"simulated.*": FactType.TEXT}

    def observe(self, requests: tuple[FactRequest, ...], context: FactContext) -> Mapping[str, Fact]:
        """Return what is drawn for each."""
        world: SimulatedWorld = context.services["world"]
        drawn = {request.name: world.chance.choice((*COLOURS, "")) for request in requests}
        return {name: Fact(name=name, value=value) for name, value in drawn.items() if value}


@action("simulated_checked")
class SimulatedChecked:
    """A deed whose `check` always knows."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
        """Do it."""
        return _world(context).perform(arguments, context)

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - the protocol's
        """Say whether it was done."""
        return _world(context).check(context)


@action("simulated_blind")
class SimulatedBlind(SimulatedChecked):
    """A deed of which nobody can tell whether it was done: a person looks."""

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - the protocol's
        """Say that it is not known."""
        raise OutcomeUnknownError("nobody can tell")


@action("simulated_page", on_unknown="repeat")
class SimulatedPage(SimulatedBlind):
    """A deed of which nobody can tell whether it was done: it is done again and says so."""


def _world(context: ActionContext) -> SimulatedWorld:
    world: SimulatedWorld = context.services["world"]
    return world
