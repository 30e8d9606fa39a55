"""What a run of PDCA carries along: the plan that was made, and what its last check came to. Data, no decisions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Self

from iact.core import instants
from iact.core.facts import Fact, FactValue
from iact.core.quantities import Quantity, duration, from_record, number, share
from iact.dora.terms import Better


def measured(metric: str, repository: str) -> str:
    """Return the name that only one experiment at a time may hold: a metric and whose it is."""
    return f"{metric} of {repository}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The experiment that a plan proposes.

    Attributes:
        improvement: name of the improvement.
        definition: digest of its definition.
        repository: key of the repository whose figures are judged.
        change: what is changed, for people.
        change_kind: `manual`, `parameter` or `patch`.
        by_agent: whether an AI agent suggested or makes it.
        mode: `observe`, `propose` or `enforce`.
        metric: the metric that is judged.
        better: which way the metric should go.
        current: its value in the baseline.
        goal: the value it is expected to come to; None where that cannot be said.
        expected: the expected improvement as a share of the present value.
        history: how long the baseline is.
        first_check: how long after the change adoption and harm are judged.
        verdict_by: how long after the change the outcome is judged at the latest.
        extensions: how often that time may be extended.
        if_unclear: what becomes of it when nothing certain can be said in the end.
        sample_needed: deployments after the change that would show the expected effect; None where no number would.
    """

    improvement: str
    definition: str
    repository: str
    change: str
    change_kind: str
    by_agent: bool
    mode: str
    metric: str
    better: Better
    current: Quantity
    goal: Quantity | None
    expected: Fraction
    history: Quantity
    first_check: Quantity
    verdict_by: Quantity
    extensions: int
    if_unclear: str
    sample_needed: int | None

    @property
    def measured(self) -> str:
        """The metric and whose it is; only one experiment at a time may be about it."""
        return measured(self.metric, self.repository)

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "improvement": self.improvement,
            "definition": self.definition,
            "repository": self.repository,
            "change": self.change,
            "change_kind": self.change_kind,
            "by_agent": self.by_agent,
            "mode": self.mode,
            "metric": self.metric,
            "better": self.better.value,
            "current": self.current.to_record(),
            "goal": None if self.goal is None else self.goal.to_record(),
            "expected": str(self.expected),
            "history": self.history.to_record(),
            "first_check": self.first_check.to_record(),
            "verdict_by": self.verdict_by.to_record(),
            "extensions": self.extensions,
            "if_unclear": self.if_unclear,
            "sample_needed": self.sample_needed,
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the trial that `to_record` wrote."""
        return cls(
            **{
                **record,
                "better": Better(record["better"]),
                "current": from_record(record["current"]),
                "goal": None if record["goal"] is None else from_record(record["goal"]),
                "expected": Fraction(record["expected"]),
                "history": from_record(record["history"]),
                "first_check": from_record(record["first_check"]),
                "verdict_by": from_record(record["verdict_by"]),
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What planning came to.

    Attributes:
        made_at: when.
        trial: the experiment that it proposes; None where there is nothing to try.
        requested: whether a person asked for this very improvement.
        considered: every improvement with the judgement of its condition, as canonical JSON data.
        details: the statistics behind it, as canonical JSON data for the report.
    """

    made_at: datetime
    trial: Trial | None
    requested: bool = False
    considered: tuple[Mapping[str, Any], ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "made_at": instants.write(self.made_at),
            "trial": None if self.trial is None else self.trial.to_record(),
            "requested": self.requested,
            "considered": [dict(one) for one in self.considered],
            "details": dict(self.details),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the plan that `to_record` wrote."""
        return cls(
            made_at=instants.parse(record["made_at"]),
            trial=None if record["trial"] is None else Trial.from_record(record["trial"]),
            requested=record["requested"],
            considered=tuple(record["considered"]),
            details=record["details"],
        )

    def values(self) -> Iterator[tuple[str, FactValue | None]]:
        """Walk what it says, by the names that conditions use; None where it says nothing of that name."""
        yield "plan", self.to_record()
        yield "plan.found", self.trial is not None
        yield "plan.requested", self.requested
        if self.trial is not None:
            yield "plan.improvement", self.trial.improvement
            yield "plan.metric", self.trial.metric
            yield "plan.measured", self.trial.measured
            yield "plan.mode", self.trial.mode
            yield "plan.by_agent", self.trial.by_agent
            yield "plan.current", self.trial.current
            yield "plan.goal", self.trial.goal
            yield "plan.expected_improvement", share(self.trial.expected)
            yield "plan.first_check", self.trial.first_check
            yield "plan.verdict_by", self.trial.verdict_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What looking at an experiment came to.

    Attributes:
        made_at: when.
        applied_at: when the change was made.
        adopted: `true`, `false` or `unknown`: whether it is practised.
        harmed: whether it is known to do the harm at which it is stopped.
        due: whether the outcome is to be judged now.
        until: when it is judged at the latest, as this check leaves it.
        verdict: `keep`, `revert` or `inconclusive`.
        then: what follows an inconclusive verdict: `wait`, `extend`, or what `if_unclear` says.
        proven: whether the verdict rests on an interval that excludes no change.
        looks: how often the outcome has been judged, this time included if it is.
        extended: how often the time has been extended, this time included.
        details: the statistics behind it, as canonical JSON data for the report.
    """

    made_at: datetime
    applied_at: datetime
    adopted: str
    harmed: bool
    due: bool
    until: datetime
    verdict: str
    then: str
    proven: bool
    looks: int = 0
    extended: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        return {
            "made_at": instants.write(self.made_at),
            "applied_at": instants.write(self.applied_at),
            "adopted": self.adopted,
            "harmed": self.harmed,
            "due": self.due,
            "until": instants.write(self.until),
            "verdict": self.verdict,
            "then": self.then,
            "proven": self.proven,
            "looks": self.looks,
            "extended": self.extended,
            "details": dict(self.details),
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Self:
        """Return the check that `to_record` wrote."""
        return cls(
            **{
                **record,
                "made_at": instants.parse(record["made_at"]),
                "applied_at": instants.parse(record["applied_at"]),
                "until": instants.parse(record["until"]),
            },
        )

    def values(self) -> Iterator[tuple[str, FactValue | None]]:
        """Walk what it says, by the names that conditions use."""
        yield "check", self.to_record()
        yield "check.adopted", None if self.adopted == "unknown" else self.adopted == "true"
        yield "check.harmed", self.harmed
        yield "check.due", self.due
        yield "check.remaining", duration(max(self.until, self.made_at) - self.made_at)
        yield "check.verdict", self.verdict
        yield "check.then", self.then
        yield "check.proven", self.proven
        yield "check.looks", number(self.looks)


def as_fact(name: str, value: FactValue | None, *, at: datetime, missing: str, source: str) -> Fact:
    """Return a value as a fact, or the fact that it is missing."""
    if value is None:
        return Fact(name=name, missing=missing, source=source)
    return Fact(name=name, value=value, observed_at=at, source=source)
