"""The kind `PolicyTest`: what is given, what happens, and what has to be decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from iact.agents.model.given import ALWAYS_THERE, GivenFacts, facts_wrong, inputs_wrong, state_wrong
from iact.core.instants import EPOCH
from iact.core.problems import Problem, did_you_mean
from iact.core.registry import ACTIONS, kind
from iact.core.shape import AtLeastOne, Duration, Moment, OneOrMany, Ref, Scope, part
from iact.core.tree import NOWHERE, Position
from iact.engine.examples import STAY


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """An action that has to be decided.

    Attributes:
        do: its name.
        with_: what it has to be told at least.
    """

    do: str
    with_: Mapping[str, Any] = field(default_factory=dict)
    position: Position = NOWHERE


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What has to come out. What is left out may be anything.

    Attributes:
        state: the state that follows, or `stay` where nothing may be taken.
        decide: what the last way that was taken means, such as `GO`.
        effects: the actions that have to be decided, all of them and in this order; `[]` for none.
        due: the times that the run waits for afterwards, all of them.
        because: what the explanation has to say, each anywhere in it, such as `error_rate above 10/min is true`.
    """

    state: str = ""
    decide: str = ""
    effects: tuple[str | Effect, ...] | None = None
    due: OneOrMany[Moment] | None = None
    because: OneOrMany[str] = ()
    position: Position = NOWHERE


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happens next, and what has to come out of it.

    Attributes:
        event: an event that comes.
        after: how much time passes; every time that comes due is tried, the earliest first.
        facts: what is known from now on; what comes along with an event (`receipt.…`, `event.…`) only for this once.
        expect: what has to come out: the state that follows, `stay`, or more than that.
    """

    event: str = ""
    after: Duration | None = None
    facts: GivenFacts = field(default_factory=dict)
    expect: str | Expectation
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def expected(self) -> Expectation:
        """Return what has to come out, written out."""
        return Expectation(state=self.expect) if isinstance(self.expect, str) else self.expect

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield two happenings in one."""
        if self.event and self.after is not None:
            message = "`event` and `after` stand in one happening; which of them comes first?"
            hint = "Write one for each, the second below `then`."
            yield Problem(rule="wrong-test", position=self.position, message=message, hint=hint)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A story: where a run stands, what is known, what happens, and what has to come out.

    Attributes:
        it: what the agent has to do, as the rest of a sentence that begins with "it".
        state: the state that the run has just entered; left out, the run is started.
        at: the moment at which the story begins.
        inputs: what the run is started with; defaults stand in for the rest.
        facts: what is known, by the name of each fact; all else is unknown.
        event: an event that comes; without `event` and `after` it is what happens at once.
        after: how much time passes.
        expect: what has to come out: the state that follows, `stay`, or more than that.
        then: what happens afterwards, one after the other.
    """

    it: str
    state: str = ""
    at: Moment = EPOCH
    inputs: Mapping[str, str] = field(default_factory=dict)
    facts: GivenFacts = field(default_factory=dict)
    event: str = ""
    after: Duration | None = None
    expect: str | Expectation
    then: tuple[Happening, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def happenings(self) -> tuple[Happening, ...]:
        """Return everything that happens, the first of it included."""
        first = Happening(
            event=self.event, after=self.after, expect=self.expect, position=self.position, positions=self.positions
        )
        return (first, *self.then)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield two happenings in one."""
        yield from self.happenings()[0].check(scope)


@kind("PolicyTest", folder="tests/policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyTest:
    """Stories about an agent: given facts, with their times, and what has to be decided.

    `iact test` tells them with the same evaluator that decides about runs, and touches nothing: no store, no source and
    no action. What is not given is unknown, as in a run whose sources are silent.

    Example:
        apiVersion: iact/v1
        kind: PolicyTest
        metadata: {name: pdca-judges-by-its-figures}
        spec:
          agent: pdca
          facts: {plan.measured: lead_time, policy.on_worse: revert}
          cases:
            - it: keeps what the figures bear out
              state: judging
              facts: {check.verdict: keep}
              expect: {decide: KEEP, state: kept, effects: []}
            - it: takes back what made it worse, and says which fact told it
              state: judging
              facts: {check.verdict: revert}
              expect:
                decide: REVERT
                effects: [revert_change]
                because: check.verdict is revert is true
              then:
                - {event: finished, expect: reverted}

    Attributes:
        agent: the agent that is tested.
        inputs: what each run is started with, unless its case says otherwise.
        facts: what is known in each case, unless it says otherwise.
        cases: the stories.
    """

    agent: Annotated[str, Ref("Agent")]
    inputs: Mapping[str, str] = field(default_factory=dict)
    facts: GivenFacts = field(default_factory=dict)
    cases: AtLeastOne[Case]
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield names of states, facts, inputs and actions that there are not, and values of another type."""
        agent = scope.spec("Agent", self.agent)
        if agent is None:
            return
        inputs = {f"input.{name}": each.fact_type for name, each in agent.inputs.items()}
        around = replace(scope, facts={**scope.facts, **ALWAYS_THERE, **inputs})
        yield from facts_wrong(self.facts, self.positions.get("facts", self.position), around)
        yield from inputs_wrong(self.inputs, self.positions.get("inputs", self.position), agent)
        for case in self.cases:
            yield from facts_wrong(case.facts, case.positions.get("facts", case.position), around)
            yield from inputs_wrong(case.inputs, case.positions.get("inputs", case.position), agent)
            yield from state_wrong(case.state, case.positions.get("state", case.position), agent)
            for happening in case.happenings():
                place = happening.positions.get("facts", happening.position)
                yield from facts_wrong(happening.facts, place, around)
                yield from _expected(happening, agent)


def _expected(happening: Happening, agent: Any) -> Iterator[Problem]:
    expected, place = happening.expected(), happening.positions.get("expect", happening.position)
    if expected.state != STAY:
        yield from state_wrong(expected.state, place, agent)
    for effect in expected.effects or ():
        name = effect.do if isinstance(effect, Effect) else effect
        if name not in ACTIONS:
            message = f"`{name}`: there is no action of that name."
            yield Problem(rule="unknown-action", position=place, message=message, hint=did_you_mean(name, ACTIONS))
