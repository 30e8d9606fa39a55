"""Telling the stories of policy tests, and what came of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from iact.agents import story
from iact.agents.given import Types, given_facts
from iact.agents.model import Case, Effect, Expectation, Happening, PolicyTest
from iact.config.project import Project, Resource
from iact.config.scoping import scope_of
from iact.core import instants
from iact.core.conditions import Judgement
from iact.core.errors import ConfigurationError
from iact.core.facts import FactSet
from iact.core.machine import Decision, Machine
from iact.core.scope import Scope
from iact.core.tree import Position
from iact.engine.calendars import YEARS_KNOWN
from iact.engine.examples import STAY
from iact.engine.model import Agent, compiled_in, parse_inputs

SOURCE: Final = "test"
"""Who says what a story gives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """What came of one case.

    Attributes:
        test: name of the policy test.
        agent: the agent that it is about.
        it: what the agent has to do.
        position: where the case stands.
        failures: what came out otherwise, a sentence each; none when it passed.
        explanation: why it was decided so, a line for each comparison.
        taken: the ways out that were taken: state and place in `next`.
    """

    test: str
    agent: str
    it: str
    position: Position
    failures: tuple[str, ...]
    explanation: tuple[str, ...]
    taken: frozenset[tuple[str, int]]

    @property
    def passed(self) -> bool:
        """Whether everything came out as expected."""
        return not self.failures


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way out of a state, and whether any test takes it.

    Attributes:
        state: the state that it leaves.
        to: the state that it leads to.
        said: what it waits for and what it means.
        position: where it stands.
        is_taken: whether a test takes it.
    """

    state: str
    to: str
    said: str
    position: Position
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TestResults:
    """What came of all of them.

    Attributes:
        cases: every case, by where it stands.
        coverage: for each agent that is tested, its ways out.
    """

    __test__ = False  # no test of pytest, whatever its name

    cases: tuple[CaseResult, ...]
    coverage: Mapping[str, tuple[Way, ...]] = field(default_factory=dict)

    @property
    def failed(self) -> tuple[CaseResult, ...]:
        """The cases that came out otherwise."""
        return tuple(case for case in self.cases if not case.passed)


def told(project: Project, tests: Iterable[Resource]) -> TestResults:
    """Tell the stories of some policy tests.

    Raises:
        ConfigurationError: if a calendar of an agent cannot be resolved.
    """
    scope = scope_of(project)
    cases = tuple(result for test in tests for result in _cases(test, project, scope))
    agents = sorted({case.agent for case in cases})
    return TestResults(cases=cases, coverage={name: _ways(project, name, cases) for name in agents})


def _cases(test: Resource, project: Project, scope: Scope) -> Iterator[CaseResult]:
    spec: PolicyTest = test.spec
    agent: Agent = project.get("Agent", spec.agent).spec
    years = [case.at.year for case in spec.cases]
    try:
        machine = compiled_in(
            agent, scope, name=spec.agent, years=range(min(years) - 1, max(years) + YEARS_KNOWN), digest=""
        )
    except LookupError as error:
        message = f"{test.position}: the agent {spec.agent} cannot be tested: {error}."
        raise ConfigurationError(message) from error
    types = Types(scope, agent)
    for case in spec.cases:
        yield _told(test.name, spec, case, agent, machine, types)


def _told(  # noqa: PLR0913, PLR0917 - private; what one story is told with
    test: str, spec: PolicyTest, case: Case, agent: Agent, machine: Machine, types: Types
) -> CaseResult:
    failures: list[str] = []
    explanation: list[str] = []
    taken: set[tuple[str, int]] = set()
    try:
        inputs = parse_inputs(agent, {**spec.inputs, **case.inputs}, spec.agent)
        facts = FactSet.of(given_facts({**spec.facts, **case.facts}, case.at, types, source=SOURCE))
        standing = _beginning(machine, case, inputs, facts)
        for number, happening in enumerate(case.happenings()):
            known = standing.knowing(given_facts(happening.facts, standing.now, types, source=SOURCE))
            before = known.state.state
            standing = _happened(known, case, happening, is_first=number == 0)
            lines = list(_explained(standing.decisions))
            explanation += lines
            where = f"{happening.position.file}:{happening.position.line}: " if number else ""
            failures += [f"{where}{said}" for said in _differences(happening.expected(), before, standing, lines)]
            taken |= {(each.before.state, each.taken) for each in standing.decisions if each.taken is not None}
            standing = standing.silent()
    except (ConfigurationError, ValueError, story.EndlessStoryError) as error:
        failures.append(f"{error}.")
    return CaseResult(
        test=test,
        agent=spec.agent,
        it=case.it,
        position=case.position,
        failures=tuple(failures),
        explanation=tuple(explanation),
        taken=frozenset(taken),
    )


def _beginning(machine: Machine, case: Case, inputs: FactSet, facts: FactSet) -> story.Standing:
    if not case.state:
        return story.started(machine, inputs, facts, case.at)
    return story.standing_in(machine, case.state, inputs, facts, case.at)


def _happened(standing: story.Standing, case: Case, happening: Happening, *, is_first: bool) -> story.Standing:
    """Return a run after what happens; where a story begins with an event, its state was looked at before."""
    if is_first and not (case.state and happening.event):
        standing = story.entered(standing)
    if happening.event:
        return story.told(standing, happening.event)
    if happening.after is not None:
        return story.passed(standing, happening.after.timedelta)
    return standing if is_first else story.looked(standing)


def _differences(expected: Expectation, before: str, standing: story.Standing, lines: list[str]) -> Iterator[str]:
    moves = [decision for decision in standing.decisions if decision.moved]
    state = standing.state.state
    came_to = STAY if not moves and expected.state == STAY else state
    if expected.state and came_to != expected.state:
        wanted = f"stay in `{before}`" if expected.state == STAY else f"be in `{expected.state}`"
        yield f"expected to {wanted}, is in `{state}`"
    outcome = next((each.outcome.upper() for each in reversed(moves) if each.outcome), "")
    if expected.decide and outcome != expected.decide.upper():
        yield f"expected to decide {expected.decide}, decided {outcome or 'nothing'}"
    if expected.effects is not None:
        yield from _other_effects(expected.effects, standing.decisions)
    if expected.due is not None:
        due, wanted_due = sorted(timer.due_at for timer in standing.timers), sorted(expected.due)
        if due != wanted_due:
            yield f"expected to wait for {_moments(wanted_due)}, waits for {_moments(due)}"
    for said in expected.because:
        if not any(said in line for line in lines):
            yield f"expected the explanation to say “{said}”"


def _other_effects(wanted: tuple[str | Effect, ...], decisions: Iterable[Decision]) -> Iterator[str]:
    intents = [intent for decision in decisions for intent in decision.intents]
    names = [each.do if isinstance(each, Effect) else each for each in wanted]
    if names != [intent.action for intent in intents]:
        found = ", ".join(intent.action for intent in intents) or "nothing"
        yield f"expected the effects {', '.join(names) or 'nothing'}, decided {found}"
        return
    for effect, intent in zip(wanted, intents, strict=True):
        for key, value in effect.with_.items() if isinstance(effect, Effect) else ():
            if intent.arguments.get(key) != value:
                yield f"expected `{intent.action}` with {key}: {value}, found {intent.arguments.get(key)}"


def _moments(moments: Iterable[datetime]) -> str:
    return ", ".join(instants.show_second(moment) for moment in moments) or "no time"


def _explained(decisions: Iterable[Decision]) -> Iterator[str]:
    """Yield a line for each comparison of each way out that was tried, as `iact test` shows it."""
    for decision in decisions:
        for judgement in decision.considered:
            yield from _leaves(judgement)
        if decision.moved:
            outcome = f", {decision.outcome.upper()}" if decision.outcome else ""
            yield f"{decision.before.state} → {decision.after.state}{outcome}"
        elif decision.before.visit:
            yield f"stays in {decision.before.state}"


def _leaves(judgement: Judgement) -> Iterator[str]:
    if judgement.saw or not judgement.parts:
        place = f"{judgement.position.file}:{judgement.position.line}: " if judgement.saw else ""
        saw = f" (saw {judgement.saw})" if judgement.saw else ""
        yield f"{place}{judgement.text} is {judgement.truth.value}{saw}"
    for part in judgement.parts:
        yield from _leaves(part)


def _ways(project: Project, name: str, cases: Iterable[CaseResult]) -> tuple[Way, ...]:
    taken = {way for case in cases if case.agent == name for way in case.taken}
    agent: Agent = project.get("Agent", name).spec
    return tuple(
        Way(
            state=state,
            to=way.to,
            said=way.label(),
            position=way.position,
            is_taken=(state, place) in taken,
        )
        for state, spec in agent.states.items()
        for place, way in enumerate(spec.next)
    )
