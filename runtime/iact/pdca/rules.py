"""How PDCA decides: what is worth trying, whether a change is practised, does harm, and has proven itself.

Only decisions stand here: the same figures, rules and moment give the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any, Final

from iact.core.conditions import AllOf, AnyOf, Condition, Judgement, Leaf, Not
from iact.core.quantities import Dimension, Quantity, duration
from iact.core.truth import Truth
from iact.pdca import numbers
from iact.pdca.effect import MINIMUM_CLUSTERS, Comparison, compare
from iact.pdca.measured import Measured
from iact.pdca.model import Improvement, ImprovementPolicy
from iact.pdca.plan import Check, Plan, Trial, remaining
from iact.pdca.power import Spread, detectable, needed, spread_of
from iact.pdca.verdict import Looks, Reading, Verdict, by_evidence, by_threshold, is_harm, is_proven

HORIZONS: Final = (
    ("48 h", Fraction(2, 7)),
    ("2 weeks", Fraction(2)),
    ("8 weeks", Fraction(8)),
    ("26 weeks", Fraction(26)),
)
"""What people are told that a stretch of time could detect: its name and its weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An improvement, and what the figures say to it.

    Attributes:
        name: its name.
        improvement: what it is.
        judgement: of its `try_when`.
        current: its metric's value in the baseline; None where that is unknown.
        expected: the improvement it promises, as a share of that value; None where that is not known.
        comparable: whether its baseline holds enough deployments to be compared with anything.
        busy_with: the improvement that is being tried on the same metric; empty for none.
        tried: what became of it when it was tried before, by the same definition; empty where it was not.
    """

    name: str
    improvement: Improvement
    judgement: Judgement
    current: Quantity | None
    expected: Fraction | None
    comparable: bool = False
    busy_with: str = ""
    tried: str = ""

    @property
    def is_open(self) -> bool:
        """Whether it could be tried now."""
        return self.current is not None and self.expected is not None and not self.busy_with

    def to_record(self) -> dict[str, Any]:
        """Return it as canonical JSON data."""
        expectation = self.improvement.expect
        return {
            "improvement": self.name,
            "metric": expectation.metric,
            "truth": self.judgement.truth.value,
            "expected": None if self.expected is None else numbers.share(self.expected),
            "judgement": self.judgement.to_record(),
            "comparable": self.comparable,
            "busy_with": self.busy_with,
            "tried": self.tried,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What other runs do and have done on the same repository.

    Attributes:
        busy: for each metric that is being experimented on, the improvement that is tried.
        tried: for each improvement that was tried by its present definition, what became of it.
    """

    busy: Mapping[str, str] = field(default_factory=dict)
    tried: Mapping[str, str] = field(default_factory=dict)


def candidates(improvements: Mapping[str, Improvement], baseline: Measured, past: Past) -> tuple[Candidate, ...]:
    """Judge every improvement by the baseline.

    Args:
        improvements: what may be tried, by name.
        baseline: the figures.
        past: what is being tried and has been.
    """
    facts = baseline.facts()
    found = []
    for name, improvement in sorted(improvements.items()):
        current = baseline.value(improvement.expect.metric)
        found.append(
            Candidate(
                name=name,
                improvement=improvement,
                judgement=improvement.try_when.judge(facts, baseline.window.end),
                current=current,
                expected=None if current is None else improvement.expect.relative_to(current),
                comparable=baseline.figures[improvement.expect.metric].clusters >= MINIMUM_CLUSTERS,
                busy_with=past.busy.get(improvement.expect.metric, ""),
                tried=past.tried.get(name, ""),
            ),
        )
    return tuple(found)


def choose(found: tuple[Candidate, ...], requested: str = "") -> Candidate | None:
    """Return the candidate to try: the one that a person asked for, or the one that promises most.

    Without a person's word its condition must be true, and it must not have been tried before: what was kept, taken
    back or stopped is not proposed again until its definition is changed. Of equal promises the first name wins. One
    whose baseline is too small to be compared with comes after all others, because no experiment could judge it. A
    metric that is being experimented on is left alone in either case.
    """
    if requested:
        return next((one for one in found if one.name == requested and one.is_open), None)
    open_ones = [one for one in found if one.judgement.truth.is_true and one.is_open and not one.tried]
    return max(open_ones, key=lambda one: (one.comparable, one.expected or Fraction(0)), default=None)


def make_plan(  # noqa: PLR0913 - the ingredients of a plan, each named by the caller
    improvements: Mapping[str, Improvement],
    policy: ImprovementPolicy,
    baseline: Measured,
    window: Measured,
    *,
    repository: str,
    past: Past,
    digests: Mapping[str, str],
    requested: str = "",
) -> Plan:
    """Return what is to be tried, if anything, and what trying it could show.

    Args:
        improvements: what may be tried, by name.
        policy: how to decide.
        baseline: the figures of the history.
        window: the figures of the short window that was asked for.
        repository: whose figures they are.
        past: what is being tried on it and has been.
        digests: of the improvements' definitions, by name.
        requested: the improvement that a person asked for; empty for whichever promises most.
    """
    found = candidates(improvements, baseline, past)
    chosen = choose(found, requested)
    considered = tuple(one.to_record() for one in found)
    made_at = baseline.window.end
    if chosen is None or chosen.current is None or chosen.expected is None:
        return Plan(made_at=made_at, trial=None, requested=bool(requested), considered=considered)
    spread = spread_of(chosen.current.dimension, baseline.stretch(chosen.improvement.expect.metric))
    history = duration(baseline.window.span)
    trial = _trial(chosen, chosen.current, chosen.expected, policy, repository, digests[chosen.name], history, spread)
    return Plan(
        made_at=made_at,
        trial=trial,
        requested=bool(requested),
        considered=considered,
        details=_details(chosen, trial, policy, baseline, window, spread),
    )


def _trial(  # noqa: PLR0913, PLR0917 - private; what it gathers comes from as many places
    chosen: Candidate,
    current: Quantity,
    expected: Fraction,
    policy: ImprovementPolicy,
    repository: str,
    definition: str,
    history: Quantity,
    spread: Spread | None,
) -> Trial:
    improvement, checks = chosen.improvement, chosen.improvement.check_
    extensions = policy.extensions if checks.extensions is None else checks.extensions
    sample = None
    if spread is not None:
        rate = releases_a_week(improvement, spread)
        effect = _on_scale(expected, current)
        sample = needed(spread, effect, per_week=rate, confidence=_each_look(policy, extensions)).releases
    return Trial(
        improvement=chosen.name,
        definition=definition,
        repository=repository,
        change=str(improvement.change),
        change_kind=improvement.change.kind.value,
        by_agent=improvement.by_agent,
        mode=improvement.mode.value,
        metric=improvement.expect.metric,
        better=improvement.expect.better,
        current=current,
        goal=improvement.expect.goal(current),
        expected=expected,
        history=history,
        first_check=checks.first or policy.window,
        verdict_by=checks.verdict_by,
        extensions=extensions,
        if_unclear=checks.if_unclear,
        sample_needed=sample,
    )


def _details(  # noqa: PLR0913, PLR0917 - private; the same ingredients as `make_plan`
    chosen: Candidate,
    trial: Trial,
    policy: ImprovementPolicy,
    baseline: Measured,
    window: Measured,
    spread: Spread | None,
) -> dict[str, Any]:
    metric = trial.metric
    record: dict[str, Any] = {
        "window": window.figures[metric].to_record(),
        "history": baseline.figures[metric].to_record(),
        "min_improvement": numbers.amount(policy.min_improvement),
        "detectable": [],
        "spread": None,
    }
    if spread is None:
        return record
    rate = releases_a_week(chosen.improvement, spread)
    confidence = _each_look(policy, trial.extensions)
    least = _on_scale(policy.min_improvement.amount, trial.current)
    return record | {
        "spread": numbers.spread_record(spread),
        "releases_a_week": numbers.text(rate),
        "detectable": horizons(spread, rate, confidence, falls=trial.better.value == "lower"),
        "needed": numbers.needed_record(
            needed(spread, _on_scale(trial.expected, trial.current), per_week=rate, confidence=confidence),
        ),
        "needed_minimum": numbers.needed_record(needed(spread, least, per_week=rate, confidence=confidence)),
    }


def horizons(spread: Spread, rate: float, confidence: float, *, falls: bool) -> list[dict[str, Any]]:
    """Return the smallest effect that each of `HORIZONS` would show, as canonical JSON data."""
    return [
        numbers.detectable_record(
            detectable(spread, float(weeks), per_week=rate, confidence=confidence),
            after,
            spread.dimension,
            falls=falls,
        )
        for after, weeks in HORIZONS
    ]


def releases_a_week(improvement: Improvement, spread: Spread) -> float:
    """Return how many deployments a week an experiment may count on.

    As many as before, or as many as its own `adopted_if` asks for: releasing weekly brings a release a week.
    """
    asked = [
        float(leaf.limit.amount) * _WEEK
        for leaf in leaves(improvement.adopted_if)
        if leaf.comparator in {"at_least", "above"}
        and leaf.fact == "metric.deployment_frequency"
        and isinstance(leaf.limit, Quantity)
        and leaf.limit.dimension is Dimension.RATE
    ]
    return max([spread.per_week, *asked])


_WEEK: Final = 604_800


def leaves(condition: Condition | None) -> Iterator[Leaf]:
    """Walk the comparisons that a condition is made of."""
    match condition:
        case Leaf():
            yield condition
        case AllOf(parts=parts) | AnyOf(parts=parts):
            for inner in parts:
                yield from leaves(inner)
        case Not(part=inner):
            yield from leaves(inner)
        case _:
            return


def _on_scale(relative: Fraction, current: Quantity) -> float:
    """Return a relative improvement on the scale on which its metric is compared: points for shares."""
    return float(relative * current.amount) if current.dimension is Dimension.SHARE else float(relative)


def _each_look(policy: ImprovementPolicy, extensions: int) -> float:
    return float(Looks(confidence=policy.confidence.amount, extensions=extensions).each)


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A change that was made, with the rules it is judged by.

    Attributes:
        trial: what is tried.
        improvement: its definition.
        policy: how to decide.
        applied_at: when the change was made.
        last: what the check before came to; None before the first.
    """

    trial: Trial
    improvement: Improvement
    policy: ImprovementPolicy
    applied_at: datetime
    last: Check | None = None

    @property
    def extended(self) -> int:
        """How often the time has been extended."""
        return self.last.extended if self.last else 0

    @property
    def deadline(self) -> datetime:
        """When the outcome is judged at the latest."""
        return self.applied_at + self.trial.verdict_by.timedelta * (1 + self.extended)


def check(experiment: Experiment, before: Measured, after: Measured, *, judging: bool) -> Check:
    """Return how an experiment stands.

    Args:
        experiment: what is tried, and how it is judged.
        before: the figures of the history before the change.
        after: the figures since the change.
        judging: whether the outcome is judged now, which uses up one of the looks.
    """
    now, trial, last = after.window.end, experiment.trial, experiment.last
    confidence = _each_look(experiment.policy, trial.extensions)
    effect = _effect(trial.metric, before, after, confidence)
    adopted = _judge(experiment.improvement.adopted_if, before, after, now, otherwise=Truth.TRUE)
    harm = _judge(experiment.improvement.stop_if, before, after, now, otherwise=Truth.FALSE)
    threshold = experiment.policy.verdict == "threshold"
    certain = _certain_harm(experiment.improvement.stop_if, before, after, float(experiment.policy.confidence.amount))
    verdict = _verdict(experiment, before, after, effect, adopted)
    early = now < experiment.deadline
    looks = last.looks if last else 0
    enough = trial.sample_needed is not None and len(after.stretch(trial.metric).clusters) >= trial.sample_needed
    then = _then(experiment, early=early)
    return Check(
        made_at=now,
        applied_at=experiment.applied_at,
        adopted=adopted.truth.value,
        harmed=harm.truth.is_true and (threshold or bool(certain)),
        due=not early or (enough and looks == 0 and not threshold),
        remaining=remaining(experiment.deadline, now),
        verdict=verdict.value,
        then=then,
        proven=not threshold and is_proven(effect) and verdict is not Verdict.INCONCLUSIVE,
        looks=looks + judging,
        extended=experiment.extended + (judging and verdict is Verdict.INCONCLUSIVE and then == "extend"),
        details={
            "effect": numbers.effect_record(effect) | {"metric": trial.metric},
            "adopted": adopted.to_record(),
            "harm": harm.to_record(),
            "certain_harm": list(certain),
            "before": before.figures[trial.metric].to_record(),
            "after": after.figures[trial.metric].to_record(),
            "others": _others(trial.metric, before, after, confidence),
            "enough": enough,
        },
    )


def _verdict(
    experiment: Experiment, before: Measured, after: Measured, effect: Comparison, adopted: Judgement
) -> Verdict:
    """Judge the outcome. What was not practised has not been tried, so nothing can be credited to it."""
    trial = experiment.trial
    if experiment.policy.verdict == "threshold":
        return by_threshold([reading(trial.metric, before, after)], experiment.policy.min_improvement.amount)
    verdict = by_evidence(effect, trial.better)
    if verdict is Verdict.KEEP and not adopted.truth.is_true:
        return Verdict.INCONCLUSIVE
    return verdict


def reading(metric: str, before: Measured, after: Measured) -> Reading:
    """Return a metric before and after the change."""
    old, new = before.value(metric), after.value(metric)
    return Reading(
        metric=metric,
        before=None if old is None else old.amount,
        after=None if new is None else new.amount,
        better=before.better(metric),
    )


def _then(experiment: Experiment, *, early: bool) -> str:
    """Return what follows if the verdict is inconclusive."""
    if early:
        return "wait"
    return "extend" if experiment.extended < experiment.trial.extensions else experiment.trial.if_unclear


def _judge(
    condition: Condition | None, before: Measured, after: Measured, now: datetime, *, otherwise: Truth
) -> Judgement:
    if condition is None:
        return Judgement(truth=otherwise, text="nothing was asked for")
    return condition.judge(after.facts(before), now)


def _effect(metric: str, before: Measured, after: Measured, confidence: float) -> Comparison:
    dimension = before.figures[metric].dimension
    return compare(dimension, before.stretch(metric), after.stretch(metric), confidence=confidence)


def _certain_harm(condition: Condition | None, before: Measured, after: Measured, confidence: float) -> tuple[str, ...]:
    """Return the metrics that `stop_if` names and whose interval excludes that they got no worse.

    A single failed deployment makes the failure rate 100 %; stopping at that would stop on noise.
    """
    named = {leaf.fact.removeprefix("metric.") for leaf in leaves(condition) if leaf.fact.startswith("metric.")}
    return tuple(
        metric
        for metric in sorted(named & set(before.metrics))
        if is_harm(_effect(metric, before, after, confidence), before.better(metric))
    )


def _others(metric: str, before: Measured, after: Measured, confidence: float) -> list[dict[str, Any]]:
    """Return how the other metrics changed, for the report."""
    return [
        {"metric": name, "effect": numbers.effect_record(_effect(name, before, after, confidence))}
        for name in sorted(before.metrics)
        if name != metric
    ]
