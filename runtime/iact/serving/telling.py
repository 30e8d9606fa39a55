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
from iact.engine.persons import Persons
from iact.stores.units import write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.core.facts import FactValue
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

    What the run's rules read is kept as it was told, since decisions are made from it. Every other text, and who told
    it, is kept so that it can be erased (`iact.engine.persons`).

    Args:
        runtime: where it is.
        run: which.
        told: what happened.

    Returns:
        Whether it was news.

    Raises:
        ConfigurationError: if the agent knows no such event.
        FindingError: if the run has ended.
    """
    states = runtime.machine(run).states.values()
    known = sorted({way.event for state in states for way in state.transitions if way.event})
    if told.event not in known:
        hint = did_you_mean(told.event, known) or f"It knows {', '.join(known) or 'none'}."
        message = f"{run.agent} knows no event `{told.event}`. {hint}"
        raise ConfigurationError(message)
    if not run.active:
        message = f"{run.run} has ended ({run.stands}); nothing can be told to it any more."
        raise FindingError(message)
    now = runtime.now()
    values = {name: _value(written) for name, written in {BY: told.by, **told.given}.items()}
    kept = _erasable(runtime, run, values, now)
    facts = (
        Fact(name=f"event.{name}", value=value, observed_at=now, source="person")
        for name, value in (values | kept).items()
    )
    return runtime.tell(run.run, told.event, facts=FactSet.of(facts), key=told.key or str(uuid.uuid4()))


def _value(written: str) -> FactValue:
    """Return what is written as YAML would read it: an amount, true or false, or else a text."""
    return value_of(written == "true" if written in {"true", "false"} else written, FactType.ANY)


def _erasable(runtime: Runtime, run: Run, values: Mapping[str, FactValue], now: datetime) -> dict[str, FactValue]:
    """Return what stands for the texts that no rule of the run reads."""
    rules = json.dumps(to_record(runtime.definition(run).tree), ensure_ascii=False)
    texts = {name: value for name, value in values.items() if isinstance(value, str) and not _reads(rules, name)}
    who = str(values[BY])

    def keep(connection: Connection) -> dict[str, FactValue]:
        persons = Persons(connection, runtime.project, now)
        person = persons.pseudonym(who)
        return {
            name: person if name == BY else persons.remark(words, person=person, run=run.run)
            for name, words in texts.items()
        }

    return write(runtime.engine, keep, meets_others=True) if texts else {}


def _reads(rules: str, name: str) -> bool:
    """Return whether the rules of a run speak of what came along with an event under a name."""
    return re.search(rf"(?<![\w.])event\.{re.escape(name)}(?!\w)", rules) is not None
