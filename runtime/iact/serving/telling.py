"""Telling a run that something happened."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from iact.core.errors import ConfigurationError, FindingError
from iact.core.facts import Fact, FactSet, FactType
from iact.core.problems import did_you_mean
from iact.core.tree import to_record
from iact.engine.examples import value_of
from iact.engine.soundness import ENDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iact.core.facts import FactValue
    from iact.core.machine import State
    from iact.engine.persons import Persons
    from iact.engine.runtime import Run, Runtime

BY: Final = "by"
"""The fact that says who tells it: `event.by`."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person tells a run.

    Attributes:
        event: what its agent calls `event`.
        given: what came along, as it is written; rules read it as facts named `event.…`.
        by: who tells it.
        key: the same thing told twice has the same key, and is told once; None where it is told for the first time.
    """

    event: str
    given: Mapping[str, str] = field(default_factory=dict)
    by: str = field(kw_only=True)
    key: str | None = field(kw_only=True, default=None)


def tell_event(runtime: Runtime, run: Run, told: Told) -> bool:
    """Tell a run that something happened; durable once this returns.

    What the run's rules read is kept as it was told, since decisions are made from it. Everything else, and who told
    it, is kept so that it can be erased (`iact.engine.persons`).

    Args:
        runtime: where it is.
        run: which.
        told: what happened.

    Returns:
        Whether it was news.

    Raises:
        ConfigurationError: if the agent knows no such event, or it is one by which its actions end.
        FindingError: if the run has ended.
    """
    states = runtime.machine(run).states.values()
    known = sorted({way.event for state in states for way in state.transitions if way.event})
    if told.event not in known:
        hint = did_you_mean(told.event, known) or f"It knows {', '.join(known) or 'none'}."
        message = f"{run.agent} knows no event `{told.event}`. {hint}"
        raise ConfigurationError(message)
    if told.event in ENDINGS and any(state.do and _answers(state, told.event) for state in states):
        hint = "`iact approve` lets what is proposed be done, and `iact reject` does not."
        message = f"`{told.event}` is what comes of an action of {run.agent}, and nobody else says it. {hint}"
        raise ConfigurationError(message)
    if not run.active:
        message = f"{run.run} has ended ({run.stands}); nothing can be told to it any more."
        raise FindingError(message)
    written = {BY: told.by, **told.given}
    rules = json.dumps(to_record(runtime.definition(run).tree), ensure_ascii=False)
    read = {name for name in written if _reads(rules, name)}
    now = runtime.now()

    def facts(persons: Persons) -> FactSet:
        person = persons.pseudonym(written[BY]) if written.keys() - read else ""
        values: dict[str, FactValue] = {
            name: _value(text) if name in read else persons.remark(text, person=person, run=run.run)
            for name, text in written.items()
            if name != BY
        }
        values[BY] = written[BY] if BY in read else person
        return FactSet.of(
            Fact(name=f"event.{name}", value=value, observed_at=now, source="person") for name, value in values.items()
        )

    return runtime.tell(run.run, told.event, facts=facts, key=told.key or str(uuid.uuid4()))


def _answers(state: State, event: str) -> bool:
    return any(way.event == event for way in state.transitions)


def _value(written: str) -> FactValue:
    """Return what is written as YAML would read it: an amount, true or false, or else a text."""
    return value_of(written == "true" if written in {"true", "false"} else written, FactType.ANY)


def _reads(rules: str, name: str) -> bool:
    """Return whether the rules of a run speak of what came along with an event under a name."""
    return re.search(rf"(?<![\w.])event\.{re.escape(name)}(?!\w)", rules) is not None
