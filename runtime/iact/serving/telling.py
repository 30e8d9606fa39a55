"""Telling a run that something happened."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from iact.core.errors import ConfigurationError, FindingError
from iact.core.facts import Fact, FactSet, FactType
from iact.core.problems import did_you_mean
from iact.engine.examples import value_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iact.core.facts import FactValue
    from iact.engine.runtime import Run, Runtime


def tell_event(runtime: Runtime, run: Run, event: str, given: Mapping[str, str], *, key: str | None = None) -> bool:
    """Tell a run that something happened; durable once this returns.

    Args:
        runtime: where it is.
        run: which.
        event: what its agent calls `event`.
        given: what came along, as it is written; rules read it as facts named `event.…`.
        key: the same thing told twice has the same key, and is told once; None where it is told for the first time.

    Returns:
        Whether it was news.

    Raises:
        ConfigurationError: if the agent knows no such event.
        FindingError: if the run has ended.
    """
    states = runtime.machine(run).states.values()
    known = sorted({way.event for state in states for way in state.transitions if way.event})
    if event not in known:
        hint = did_you_mean(event, known) or f"It knows {', '.join(known) or 'none'}."
        message = f"{run.agent} knows no event `{event}`. {hint}"
        raise ConfigurationError(message)
    if not run.active:
        message = f"{run.run} has ended ({run.stands}); nothing can be told to it any more."
        raise FindingError(message)
    now = runtime.now()
    facts = (
        Fact(name=f"event.{name}", value=_value(value), observed_at=now, source="person")
        for name, value in given.items()
    )
    return runtime.tell(run.run, event, facts=FactSet.of(facts), key=key or str(uuid.uuid4()))


def _value(written: str) -> FactValue:
    """Return what is written as YAML would read it: an amount, true or false, or else a text."""
    return value_of(written == "true" if written in {"true", "false"} else written, FactType.ANY)
