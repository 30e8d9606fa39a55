"""What PDCA may try (`Improvement`), and how it decides about it (`ImprovementPolicy`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, ClassVar, Literal

from iact.core.condition_syntax import ConditionField
from iact.core.facts import FactType
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import Dimension, Quantity, duration, share
from iact.core.registry import kind
from iact.core.shape import Duration, Name, Points, Ref, Scope, Share, Within, part
from iact.core.tree import NOWHERE, Position
from iact.dora.terms import Better
from iact.pdca.examples import ImprovementExample, ParameterExample, PolicyExample
from iact.pdca.patches import fault


def hours(count: int) -> Quantity:
    """Return so many hours."""
    return duration(timedelta(hours=count))


def weeks(count: int) -> Quantity:
    """Return so many weeks."""
    return duration(timedelta(weeks=count))


class Mode(StrEnum):
    """What a rule may do by itself."""

    OBSERVE = "observe"
    """Only say what it would do."""
    PROPOSE = "propose"
    """Wait until a person starts it."""
    ENFORCE = "enforce"
    """Do it."""


class ChangeKind(StrEnum):
    """Who or what carries a change out."""

    MANUAL = "manual"
    PARAMETER = "parameter"
    PATCH = "patch"


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value that teams and programs work by.

    Attributes:
        value: the value that holds while no experiment has replaced it.
        means: what it is for.
    """

    value: Any
    means: str


@kind("Parameters", folder="policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """Values that an improvement may change, version by version, and change back exactly.

    `iact pdca parameters` shows the value in force: the newest override, or else the declared one.

    Example:
        apiVersion: iact/v1
        kind: Parameters
        metadata: {name: limits, owner: tech-lead}
        spec:
          values:
            review_limit: {value: 5, means: How many reviews one person has open at once.}
          examples:
            - {parameter: review_limit, at_least: 1, at_most: 10}

    Attributes:
        values: the parameters by name; a name is declared once in a project.
        examples: parameters, and what their values are or must stay within.
    """

    values: Mapping[Name, Parameter]
    examples: tuple[ParameterExample, ...] = ()

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every example run is handed the scope
        """Yield the examples that come out otherwise than they say."""
        declared = {name: parameter.value for name, parameter in self.values.items()}
        for example in self.examples:
            yield from example.run(declared)


def _declared(scope: Scope) -> dict[str, Parameter]:
    """Return every parameter that the project declares."""
    return {
        name: parameter
        for spec in scope.specs.get("Parameters", {}).values()
        for name, parameter in spec.values.items()
    }


def _are_whole(scope: Scope) -> bool:
    """Return whether every `Parameters` of the project could be read."""
    return scope.declared("Parameters").keys() == scope.specs.get("Parameters", {}).keys()


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChange:
    """A parameter that gets another value.

    Attributes:
        name: which parameter, as a `Parameters` resource declares it.
        to: its new value.
    """

    name: str
    to: Any
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield a parameter that nothing declares, or a value of another type than the declared one."""
        declared = _declared(scope)
        if self.name not in declared and _are_whole(scope):
            message = f"`{self.name}`: no `Parameters` declare a parameter of that name."
            hint = did_you_mean(self.name, declared)
            yield Problem(
                rule="unknown-parameter", position=self.positions.get("name", self.position), message=message, hint=hint
            )
        elif self.name not in declared:
            return  # it may be in what could not be read
        elif type(declared[self.name].value) is not type(self.to):
            message = f"`{self.name}` is declared as {declared[self.name].value!r}; `{self.to}` is of another type."
            yield Problem(rule="wrong-type", position=self.positions.get("to", self.position), message=message)
        elif declared[self.name].value == self.to:
            message = f"`{self.name}` is {self.to} already, as it is declared, so this would change nothing."
            yield Problem(rule="wrong-change", position=self.positions.get("to", self.position), message=message)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is changed: exactly one of the three.

    Attributes:
        manual: what people do, as one sentence.
        parameter: a parameter that gets another value.
        patch: a unified diff beside this file, which is committed on a git branch of its own.
    """

    replaced_whole: ClassVar[bool] = True

    manual: str | None = None
    parameter: ParameterChange | None = None
    patch: str | None = None
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def kind(self) -> ChangeKind:
        """Which of the three it is."""
        return next(kind for kind in ChangeKind if getattr(self, kind.value) is not None)

    def __str__(self) -> str:
        """Return it for people."""
        match self.kind:
            case ChangeKind.MANUAL:
                return str(self.manual)
            case ChangeKind.PARAMETER if self.parameter is not None:
                return f"Set {self.parameter.name} to {self.parameter.to}"
            case _:
                return f"Apply {self.patch} on a branch of its own"

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what is wrong with it as a whole."""
        written = [kind.value for kind in ChangeKind if getattr(self, kind.value) is not None]
        if len(written) != 1:
            found = " and ".join(f"`{name}`" for name in written) or "none"
            message = f"expected exactly one of `manual`, `parameter` and `patch`, found {found}."
            yield Problem(rule="wrong-change", position=self.position, message=message)
        elif self.manual is not None and not self.manual.strip():
            message = "say in one sentence what people do; nothing is said here."
            yield Problem(rule="wrong-change", position=self.positions.get("manual", self.position), message=message)
        elif self.patch is not None and (wrong := self._patch_fault(self.patch, scope)):
            message, hint = f"`patch: {self.patch}`: {wrong}.", "Put the output of `git diff` beside this file."
            place = self.positions.get("patch", self.position)
            yield Problem(rule="wrong-patch", position=place, message=message, hint=hint)

    def _patch_fault(self, patch: str, scope: Scope) -> str:
        """Return why the patch could not be tried; empty where it could."""
        if patch.startswith("/") or ".." in patch.split("/"):
            return "a patch stands beside the file that names it, or in a folder below"
        content = scope.read_beside(self.positions.get("patch", self.position), patch)
        return content if isinstance(content, str) else fault(content)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the change should do to a metric.

    Attributes:
        metric: which metric is judged.
        falls_by: by how much it should fall: a share of its present value, or points where it is a share itself.
        rises_by: by how much it should rise, likewise.
    """

    replaced_whole: ClassVar[bool] = True

    metric: Annotated[str, Ref("Metric")]
    falls_by: Share | Points | None = None
    rises_by: Share | Points | None = None
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def amount(self) -> Quantity:
        """By how much it should move, without its direction."""
        found = self.falls_by or self.rises_by
        return found if found is not None else share(0)

    @property
    def better(self) -> Better:
        """The direction in which it should move."""
        return Better.LOWER if self.falls_by is not None else Better.HIGHER

    def relative_to(self, current: Quantity) -> Fraction | None:
        """Return it as a share of the present value; None where that is zero."""
        if self.amount.dimension is Dimension.SHARE:
            return self.amount.amount
        return self.amount.amount / abs(current.amount) if current.amount else None

    def goal(self, current: Quantity) -> Quantity | None:
        """Return the value that the metric should come to; None where the present one is zero."""
        relative = self.relative_to(current)
        if relative is None:
            return None
        moved = 1 - relative if self.better is Better.LOWER else 1 + relative
        return Quantity(max(Fraction(0), current.amount * moved), current.dimension)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what is wrong with its direction or its size."""
        if (self.falls_by is None) == (self.rises_by is None):
            message = "expected one of `falls_by` and `rises_by`."
            yield Problem(rule="wrong-expectation", position=self.position, message=message)
            return
        place = self.positions.get("falls_by" if self.falls_by is not None else "rises_by", self.position)
        if not self.amount.amount > 0 or (self.falls_by is not None and self.amount.amount >= 1):
            message = f"`{self.amount}`: expected more than 0%, and a fall of less than 100%."
            yield Problem(rule="wrong-expectation", position=place, message=message)
        metric = scope.spec("Metric", self.metric)
        is_share = getattr(metric, "fact_type", FactType.SHARE) is FactType.SHARE
        if self.amount.dimension is Dimension.POINTS and not is_share:
            message = f"`{self.amount}`: `{self.metric}` is no share, so it cannot move by points."
            yield Problem(
                rule="wrong-unit",
                position=place,
                message=message,
                hint="Write a share such as 20%.",
            )
        wanted = getattr(metric, "better", None)
        if wanted is not None and str(wanted) != self.better.value:
            message = f"`{self.metric}` is better {wanted}, so this would make it worse."
            hint = f"Did you mean `{'falls_by' if str(wanted) == 'lower' else 'rises_by'}`?"
            yield Problem(rule="wrong-expectation", position=place, message=message, hint=hint)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """When the change is judged.

    Attributes:
        first: when adoption and harm are judged for the first time; the policy's window when left out.
        verdict_by: when the outcome is judged at the latest.
        if_unclear: what becomes of a change about which nothing certain can be said in the end.
        extensions: how often the time may be extended by as much again; the policy's number when left out.
    """

    first: Duration | None = None
    verdict_by: Duration = weeks(8)
    if_unclear: Literal["revert", "keep", "escalate"] = "revert"
    extensions: Annotated[int, Within(0, 10)] | None = None
    position: Position = NOWHERE

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the scope
        """Yield times that cannot follow each other."""
        if not self.verdict_by.amount:
            message = "`verdict_by` must be longer than no time at all."
            yield Problem(rule="wrong-value", position=self.position, message=message)
        elif self.first is not None and self.first.amount > self.verdict_by.amount:
            message = (
                f"the first check (`first: {self.first}`) comes after the verdict (`verdict_by: {self.verdict_by}`)."
            )
            yield Problem(rule="wrong-value", position=self.position, message=message)


@kind("Improvement", folder="playbooks/improvements")
@dataclass(frozen=True, slots=True, kw_only=True)
class Improvement:
    """A change that PDCA may try where a delivery metric says that it could help, and how it is judged.

    It is tried as an experiment: the figures before it are compared with the figures since, deployment by deployment.
    It is kept only where the comparison excludes that nothing improved.

    Example:
        apiVersion: iact/v1
        kind: Improvement
        metadata: {name: release-on-tuesdays, owner: tech-lead}
        spec:
          try_when: {metric: wait_for_release, above: 50% of lead_time}
          change: {manual: Release every Tuesday}
          adopted_if: {metric: deployment_frequency, at_least: 1/week}
          expect: {metric: lead_time, falls_by: 30%}
          stop_if: {metric: change_failure_rate, rises_by: 5 points}
          check: {first: 48h, verdict_by: 8 weeks, if_unclear: revert}

    Attributes:
        try_when: when it is worth trying.
        change: what is changed.
        expect: what that should do, and to which metric; decides which improvement is tried first.
        adopted_if: how to see that it is really practised; without it, it counts as practised.
        stop_if: the harm at which it is stopped; `falls_by` and `rises_by` compare with the time before the change.
        check: when it is judged.
        mode: what may be done without asking: nothing (`observe`), wait for a person (`propose`), try it (`enforce`).
        by_agent: whether an AI agent suggested or makes the change, so that such changes can be compared with others.
        examples: figures, and what it says to them.
    """

    try_when: ConditionField
    change: Change
    expect: Expectation
    adopted_if: ConditionField | None = None
    stop_if: ConditionField | None = None
    check_: Checks = field(default_factory=Checks)
    mode: Mode = Mode.PROPOSE
    by_agent: bool = False
    examples: tuple[ImprovementExample, ...] = ()

    def run_examples(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every example run is handed the scope
        """Yield the examples that come out otherwise than they say."""
        for example in self.examples:
            yield from example.run(self.try_when)


@kind("ImprovementPolicy", folder="policies")
@dataclass(frozen=True, slots=True, kw_only=True)
class ImprovementPolicy:
    """How PDCA decides: how often it looks, how large an improvement must promise to be, and what proves one.

    A project has one; docs/pdca.md explains the statistics.

    Example:
        apiVersion: iact/v1
        kind: ImprovementPolicy
        metadata: {name: improvement, owner: tech-lead}
        spec:
          window: 48h
          min_improvement: 15%
          every: 1 week
          verdict: evidence
          on_worse: revert
          examples:
            - {promises: 15%, expect: leave}
            - {promises: 16%, expect: try}

    Attributes:
        window: how long after a change adoption and harm are judged for the first time.
        history: how far back the baseline reaches; as far again while it holds fewer than six releases.
        every: how long a proposal stands before the figures are looked at anew.
        min_improvement: an improvement is worth trying when it promises strictly more than this.
        verdict: `evidence` judges by intervals; `threshold` keeps what is better by strictly more than
            `min_improvement` at the first check, which proves nothing and says so.
        on_worse: what becomes of a change that made its metric worse.
        extensions: how often the time of an unclear experiment may be extended.
        confidence: the probability with which the interval holds the effect; a verdict is given where that interval
            excludes that nothing changed. A look after half a year asks for more.
        drift: by which share of its value a figure may fall, or rise again, by itself in a year; an experiment is not
            credited with it.
        examples: what an improvement promises, and whether it would be tried where nobody has to be asked.
    """

    window: Duration = hours(48)
    history: Duration = hours(365 * 24)
    every: Duration = weeks(1)
    min_improvement: Share = share(Fraction(15, 100))
    verdict: Literal["evidence", "threshold"] = "evidence"
    on_worse: Literal["revert", "escalate"] = "revert"
    extensions: Annotated[int, Within(0, 10)] = 2
    confidence: Share = share(Fraction(95, 100))
    drift: Share = share(Fraction(20, 100))
    examples: tuple[PolicyExample, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:
        """Yield the examples that come out otherwise than they say."""
        for example in self.examples:
            yield from example.run(self.min_improvement, scope)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what is wrong with its numbers, and a second policy: nobody could say which one is in force."""
        others = {name: place for name, place in scope.declared("ImprovementPolicy").items() if name != scope.name}
        for name, place in sorted(others.items()):
            message = f"a project has one ImprovementPolicy; `{name}` at {place} is another."
            hint = f"Override that one instead: `metadata: {{name: {name}}}`."
            yield Problem(rule="two-policies", position=scope.position, message=message, hint=hint)
        if not self.every.amount:
            message = "`every` must be longer than no time at all."
            yield Problem(rule="wrong-value", position=self.positions.get("every", self.position), message=message)
        if not Fraction(1, 2) <= self.confidence.amount < 1:
            message = f"`confidence: {self.confidence}`: expected at least 50% and less than 100%."
            yield Problem(rule="wrong-value", position=self.positions.get("confidence", self.position), message=message)
        for key, amount in (("min_improvement", self.min_improvement), ("drift", self.drift)):
            if not 0 <= amount.amount < 1:
                message = f"`{key}: {amount}`: expected at least 0% and less than 100%."
                yield Problem(rule="wrong-value", position=self.positions.get(key, self.position), message=message)
