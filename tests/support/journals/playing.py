"""Runs that are led from stage to stage by the real engine; what is known and how actions end can be given.

The same code plays what is recorded and goes on with what was recorded, so both see the same world.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy.engine import Engine

from iact.core import instants
from iact.core.facts import Fact, FactRequest, FactSet, fact_from_record
from iact.core.machine import Mode
from iact.core.registry import OutcomeUnknownError, Receipt
from iact.engine.attempts import Attempt
from iact.engine.clocks import ManualClock
from iact.engine.context import ActionContext, FactContext
from iact.engine.journal import Entry, EntryKind
from iact.engine.outside import WORLD
from iact.engine.proposals import Answer
from iact.engine.runtime import Runtime

_PERSON: Final = "a tech lead"


class What(StrEnum):
    """What can happen to a run."""

    LOOK = "look"
    """Somebody looks at the facts."""
    TELL = "tell"
    """It is told something."""
    WAIT = "wait"
    """Time passes."""
    APPROVE = "approve"
    """A person says yes to what it proposed."""
    REJECT = "reject"
    """A person says no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What happens to a run at one moment, and what follows from it at once.

    Attributes:
        project: whose run it is.
        run: its name.
        mode: of its agent, in the rules that are in force.
        at: when.
        what: what happens.
        event: what it is told.
        facts: what is known then.
        endings: how the actions end that it comes to, each with what is known from then on.
    """

    project: str
    run: str
    mode: Mode
    at: datetime
    what: What
    event: str = ""
    facts: tuple[Fact, ...] = ()
    endings: tuple[tuple[str, tuple[Fact, ...]], ...] = ()

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "project": self.project,
            "run": self.run,
            "mode": self.mode.value,
            "at": instants.write(self.at),
            "what": self.what.value,
            "event": self.event,
            "facts": _written(self.facts),
            "endings": [{"event": event, "facts": _written(facts)} for event, facts in self.endings],
        }


def stage_from_record(record: Mapping[str, Any]) -> Stage:
    """Return the stage that `Stage.to_record` wrote."""
    return Stage(
        project=record["project"],
        run=record["run"],
        mode=Mode(record["mode"]),
        at=instants.parse(record["at"]),
        what=What(record["what"]),
        event=record["event"],
        facts=tuple(map(fact_from_record, record["facts"])),
        endings=tuple((one["event"], tuple(map(fact_from_record, one["facts"]))) for one in record["endings"]),
    )


def _written(facts: Iterable[Fact]) -> list[dict[str, Any]]:
    return [fact.to_record() for fact in facts]


@dataclass(slots=True)
class Given:
    """A world in which whatever is known, and how every action ends, is given.

    Attributes:
        facts: what is known, by run and name.
        endings: how the next actions of a run end, and what is known then; those after them end well.
    """

    facts: dict[str, dict[str, Fact]] = field(default_factory=dict)
    endings: dict[str, list[tuple[str, tuple[Fact, ...]]]] = field(default_factory=dict)

    def learn(self, stage: Stage) -> None:
        """Let be known what is known in a stage, and let the actions end that its run comes to."""
        self.facts[stage.run] = {fact.name: fact for fact in stage.facts}
        self.endings[stage.run] = list(stage.endings)

    def observe(self, requests: Iterable[FactRequest], context: FactContext) -> FactSet:
        """Return what is given to the run."""
        known = self.facts.get(context.run, {})
        return FactSet.of(self._fact(request.name, known, context.now) for request in requests)

    def perform(self, attempt: Attempt, context: ActionContext) -> Receipt:  # noqa: ARG002 - the protocol's
        """Let it end as is given, and let be known what is known then; nothing is done."""
        left = self.endings.get(attempt.run.run)
        event, facts = left.pop(0) if left else ("finished", ())
        self.facts[attempt.run.run].update({fact.name: fact for fact in facts})
        if event == "unknown":
            message = "nobody can tell"
            raise OutcomeUnknownError(message)
        return Receipt(succeeded=event == "finished", message=f"it {event}")

    def check(self, attempt: Attempt, context: ActionContext) -> Receipt | None:  # noqa: ARG002 - the protocol's
        """Say that it was not done."""
        return None

    @staticmethod
    def _fact(name: str, known: Mapping[str, Fact], now: datetime) -> Fact:
        if name in known:
            return replace(known[name], observed_at=now, source="given")
        return Fact(name=name, missing=f"the source {name.partition('.')[0]} does not know it")


class Player:
    """Leads runs in one store through their stages."""

    def __init__(self, engine: Engine, moment: datetime, agents: Iterable[str], *, is_given: bool) -> None:
        """Prepare to play.

        Args:
            engine: the store.
            moment: the present one.
            agents: the names of the agents, whose mode is that of each stage.
            is_given: whether the stages say what is known and how actions end; else the agents' sources and actions do.
        """
        self.clock = ManualClock(moment)
        self._given = Given() if is_given else None
        self.agents = tuple(agents)
        self._engine = engine
        self._runtimes: dict[tuple[str, Mode], Runtime] = {}

    def runtime(self, stage: Stage) -> Runtime:
        """Return what advances the run of a stage."""
        key = stage.project, stage.mode
        if key not in self._runtimes:
            self._runtimes[key] = Runtime(
                self._engine,
                project=stage.project,
                clock=self.clock,
                modes=dict.fromkeys(self.agents, stage.mode),
                outside=self._given or WORLD,
            )
        return self._runtimes[key]

    def know(self, stage: Stage) -> None:
        """Go to the moment of a stage, and let be known what is known then."""
        self.clock.moment = stage.at
        if self._given is not None:
            self._given.learn(stage)

    def play(self, stage: Stage) -> None:
        """Let happen what a stage says."""
        self.know(stage)
        runtime = self.runtime(stage)
        key = instants.write(stage.at)
        match stage.what:
            case What.LOOK:
                runtime.look(stage.run, key=key)
            case What.TELL:
                runtime.tell(stage.run, stage.event, key=key)
            case What.WAIT:
                pass
            case What.APPROVE | What.REJECT:
                approved = stage.what is What.APPROVE
                runtime.answer(stage.run, Answer(approved=approved, by=_PERSON, reason="it was asked for"))
        runtime.advance(stage.run)


def decisions(entries: Iterable[Entry]) -> list[Any]:
    """Return of each entry of a journal its number, moment and kind, and what was decided for which reason."""
    return [
        (
            entry.sequence,
            instants.write(entry.at),
            entry.kind.value,
            (entry.body["trigger"], entry.body["decision"]) if entry.kind is EntryKind.DECISION else None,
        )
        for entry in entries
    ]


def moves(entries: Iterable[Entry]) -> list[Any]:
    """Return the transitions of a journal: when, from where, to where, and what each means."""
    made = [(entry.at, entry.body["decision"]) for entry in entries if entry.kind is EntryKind.DECISION]
    return [(instants.write(at), one["from"], one["to"], one["outcome"]) for at, one in made if one["moved"]]
