"""Facts as somebody gives them, and what can be wrong with what is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from iact.core.condition_checks import check_fact
from iact.core.facts import FactType
from iact.core.problems import Problem, did_you_mean
from iact.core.shape import AnyQuantity, Duration, Scope, part
from iact.core.tree import NOWHERE, Position
from iact.engine.examples import value_of

ALWAYS_THERE: Final = {"receipt.*": FactType.ANY, "event.*": FactType.ANY, "remembered.*": FactType.ANY}
"""Facts that runs bring along themselves."""


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class GivenFact:
    """A fact with its time, or one that is missing.

    Attributes:
        value: what it is.
        for_: how long it has been at least as far on its present side, which `for:` asks about.
        was: what it was before, which `falls_by` and `rises_by` ask about.
        missing: why it is not known; then it has no value.
    """

    value: bool | str | None = None
    for_: Duration | None = None
    was: AnyQuantity | None = None
    missing: str = ""
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a fact that is both there and missing, or neither."""
        if (self.value is None) == (not self.missing):
            message = "a fact has either a `value`, or the reason why it is `missing`."
            yield Problem(rule="wrong-fact", position=self.position, message=message)


GivenFacts: TypeAlias = Mapping[str, GivenFact | bool | str]
"""What is known, by the name of each fact."""


def facts_wrong(facts: GivenFacts, place: Position, scope: Scope) -> Iterator[Problem]:
    """Yield facts that nothing supplies, and values of another type than their facts."""
    for name, given in facts.items():
        if name.startswith("hold."):
            continue  # which other run holds something, the engine says
        yield from check_fact(name, place, scope)
        value = given.value if isinstance(given, GivenFact) else given
        try:
            if value is not None:
                value_of(value, scope.fact_type(name) or FactType.ANY)
        except ValueError as error:
            yield Problem(rule="wrong-unit", position=place, message=f"`{name}`: {error}.")


def inputs_wrong(inputs: Mapping[str, str], place: Position, agent: Any) -> Iterator[Problem]:
    """Yield inputs that an agent does not have, and values of another type."""
    for name, text in inputs.items():
        if name not in agent.inputs:
            message = f"the agent has no input `{name}`."
            yield Problem(rule="unknown-input", position=place, message=message, hint=did_you_mean(name, agent.inputs))
            continue
        try:
            agent.inputs[name].value(text)
        except ValueError as error:
            yield Problem(rule="wrong-unit", position=place, message=f"`{name}`: {error}.")


def state_wrong(name: str, place: Position, agent: Any) -> Iterator[Problem]:
    """Yield the name of a state that an agent does not have."""
    if name and name not in agent.states:
        message = f"`{name}`: the agent has no state of that name."
        hint = did_you_mean(name, agent.states) or f"It has {', '.join(agent.states)}."
        yield Problem(rule="unknown-state", position=place, message=message, hint=hint)
