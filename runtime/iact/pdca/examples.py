"""Examples that parameters, improvements and their policy carry. `iact validate` runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from iact.core.conditions import Condition
from iact.core.evaluator import decide
from iact.core.facts import Fact, FactSet, FactValue
from iact.core.instants import EPOCH
from iact.core.machine import RunState, Trigger
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import Quantity
from iact.core.scope import Scope
from iact.core.shape import AnyQuantity, Share, part
from iact.core.tree import NOWHERE, Position
from iact.core.truth import Truth
from iact.engine.calendars import YEARS_KNOWN
from iact.engine.model import compiled_in

AGENT: Final = "pdca"
"""The agent whose rule says what is worth trying."""


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterExample:
    """A parameter, and what its declared value is or must stay within.

    Attributes:
        parameter: which parameter.
        expect: its value; left out, any within the bounds.
        at_least: the smallest whole number that it may be.
        at_most: the largest whole number that it may be.
    """

    parameter: str
    expect: Any = None
    at_least: int | None = None
    at_most: int | None = None
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the scope
        """Yield an example that expects nothing."""
        if self.expect is None and self.at_least is None and self.at_most is None:
            message = "expected `expect`, `at_least` or `at_most`: an example says what must come out."
            yield Problem(rule="wrong-example", position=self.position, message=message)

    def run(self, declared: Mapping[str, Any]) -> Iterator[Problem]:
        """Yield that the parameter is otherwise, where it is.

        Args:
            declared: the value of each parameter.
        """
        if self.parameter not in declared:
            message = f"the example names `{self.parameter}`, and no parameter of that name is declared here."
            place = self.positions.get("parameter", self.position)
            yield _failed(place, message, did_you_mean(self.parameter, declared))
            return
        found = declared[self.parameter]
        if self.expect is not None and (type(found), found) != (type(self.expect), self.expect):
            yield self._otherwise(found, f"`{self.expect}`")
        if self.at_least is not None and not (_is_whole(found) and found >= self.at_least):
            yield self._otherwise(found, f"at least {self.at_least}")
        if self.at_most is not None and not (_is_whole(found) and found <= self.at_most):
            yield self._otherwise(found, f"at most {self.at_most}")

    def _otherwise(self, found: Any, wanted: str) -> Problem:
        return _failed(self.position, f"the example expects {wanted}, and `{self.parameter}` is `{found}`.")


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class ImprovementExample:
    """Figures, and what the improvement says to them; `iact validate` runs it.

    Attributes:
        when: the value of each metric that the conditions name.
        expect: whether it would be tried.
    """

    when: Mapping[str, AnyQuantity]
    expect: Literal["try", "leave", "unknown"]
    position: Position = NOWHERE

    def run(self, try_when: Condition) -> Iterator[Problem]:
        """Yield that the condition says otherwise, where it does."""
        judgement = try_when.judge(_known({f"metric.{name}": value for name, value in self.when.items()}), EPOCH)
        came_to = _SAID[judgement.truth]
        if came_to != self.expect:
            message = f"the example expects `{self.expect}`, and the condition says `{came_to}`."
            hint = f"{judgement.text}: saw {judgement.saw}." if judgement.saw else ""
            yield _failed(self.position, message, hint)


_SAID: Final = {Truth.TRUE: "try", Truth.FALSE: "leave", Truth.UNKNOWN: "unknown"}


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyExample:
    """What an improvement promises, and whether that is enough to try it where nobody has to be asked.

    Attributes:
        promises: by how much the metric should become better.
        expect: whether it would be tried.
    """

    promises: Share
    expect: Literal["try", "leave"]
    position: Position = NOWHERE

    def run(self, min_improvement: Quantity, scope: Scope) -> Iterator[Problem]:
        """Yield that the agent `pdca`, under this policy, decides otherwise, where it does."""
        agent = scope.spec("Agent", AGENT)
        if agent is None and AGENT in scope.declared("Agent"):
            return  # what is wrong with the agent is told where it stands
        if agent is None:
            message = f"the example cannot be run: there is no agent `{AGENT}` that decides by this policy."
            yield _failed(self.position, message, "Add `extends: [iact]` to `iact.yaml`.")
            return
        facts = _known(
            {
                "plan.found": True,
                "plan.metric_free": True,
                "plan.mode": "enforce",
                "plan.requested": False,
                "plan.measured": "any metric",
                "plan.expected_improvement": self.promises,
                "policy.min_improvement": min_improvement,
            }
        )
        state = RunState(state=agent.start, visit=1, entered_at=EPOCH)
        try:
            machine = compiled_in(agent, scope, name=AGENT, years=range(EPOCH.year - 1, EPOCH.year + YEARS_KNOWN))
        except LookupError:
            return  # what is wrong with a calendar is told where it stands
        decision = decide(machine, state, Trigger.entered(), facts, EPOCH)
        came_to = "try" if decision.outcome == "apply" else "leave"
        if came_to != self.expect:
            message = f"the example expects `{self.expect}`, and the agent `{AGENT}` says `{came_to}`."
            hint = f"It promises {self.promises}; `min_improvement` is {min_improvement}."
            yield _failed(self.position, message, hint)


def _known(facts: Mapping[str, FactValue]) -> FactSet:
    return FactSet.of(
        Fact(name=name, value=value, observed_at=EPOCH, source="example") for name, value in facts.items()
    )


def _failed(position: Position, message: str, hint: str = "") -> Problem:
    return Problem(rule="failed-example", position=position, message=message, hint=hint)
