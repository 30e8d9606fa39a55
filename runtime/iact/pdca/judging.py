"""How a change that was made is judged: whether it is practised, does harm, and has proven itself.

Only decisions stand here, as in `rules.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from iact.core.conditions import Condition, Judgement
from iact.core.quantities import duration
from iact.core.truth import Truth
from iact.pdca import numbers
from iact.pdca.effect import Comparison, NotComparable, compare
from iact.pdca.followed import follow_up, followed, needs_follow_up
from iact.pdca.measured import Measured
from iact.pdca.model import Improvement, ImprovementPolicy
from iact.pdca.plan import Check, Trial
from iact.pdca.rules import each_look, leaves
from iact.pdca.verdict import Reading, Verdict, by_evidence, by_threshold, is_harm, is_proven


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
        return self.last.until if self.last else self.applied_at + self.trial.verdict_by.timedelta

    def extended_from(self, now: datetime) -> datetime:
        """Return when the outcome is judged after one more extension.

        It counts from the moment of the look: however late somebody looked, the next look sees as much again.
        """
        return now + self.trial.verdict_by.timedelta


def check(experiment: Experiment, before: Measured, after: Measured, *, judges: bool) -> Check:
    """Return how an experiment stands.

    Args:
        experiment: what is tried, and how it is judged.
        before: the figures of the history before the change.
        after: the figures since the change.
        judges: whether the outcome is judged now, which uses up one of the looks.
    """
    now, trial, last = after.window.end, experiment.trial, experiment.last
    confidence = each_look(experiment.policy, trial.extensions)
    followed_up = _followed_up(experiment, before, after)
    effect = followed_up.effect(trial.metric, confidence)
    adopted = _judge(experiment.improvement.adopted_if, before, after, now, otherwise=Truth.TRUE)
    harm = _judge(experiment.improvement.stop_if, before, after, now, otherwise=Truth.FALSE)
    threshold = experiment.policy.verdict == "threshold"
    certain = _certain_harm(experiment.improvement.stop_if, before, after, float(experiment.policy.confidence.amount))
    verdict = _verdict(experiment, before, after, effect, adopted)
    early = now < experiment.deadline
    looks = last.looks if last else 0
    enough = trial.sample_needed is not None and followed_up.observed(trial.metric) >= trial.sample_needed
    then = _then(experiment, early=early)
    extends = judges and verdict is Verdict.INCONCLUSIVE and then == "extend"
    return Check(
        made_at=now,
        applied_at=experiment.applied_at,
        adopted=adopted.truth.value,
        harmed=harm.truth.is_true and (threshold or bool(certain)),
        due=not early or (enough and looks == 0 and not threshold),
        until=experiment.extended_from(now) if extends else experiment.deadline,
        verdict=verdict.value,
        then=then,
        proven=not threshold and is_proven(effect) and verdict is not Verdict.INCONCLUSIVE,
        looks=looks + judges,
        extended=experiment.extended + extends,
        details={
            "effect": numbers.effect_record(effect) | {"metric": trial.metric},
            "adopted": adopted.to_record(),
            "harm": harm.to_record(),
            "certain_harm": list(certain),
            "before": before.figures[trial.metric].to_record(),
            "after": after.figures[trial.metric].to_record(),
            "others": _others(trial.metric, before, after, confidence),
            "enough": enough,
            "threshold": _threshold(experiment, before, after) if threshold else None,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _FollowedUp:
    """Two stretches of time whose deployments were followed up for equally long; for no time where that is needless."""

    before: Measured
    after: Measured
    span: timedelta | None = None

    def observed(self, metric: str) -> int:
        return len(self.after.stretch(metric).clusters)

    def effect(self, metric: str, confidence: float) -> Comparison:
        found = _effect(metric, self.before, self.after, confidence)
        if self.span is None:
            return found
        how = f"every release followed up for {duration(self.span)}, younger ones left out"
        if isinstance(found, NotComparable):
            return NotComparable(f"{found.reason}; {how}")
        return replace(found, method=f"{found.method}; {how}")


def _followed_up(experiment: Experiment, before: Measured, after: Measured) -> _FollowedUp:
    if not needs_follow_up(before, experiment.trial.metric):
        return _FollowedUp(before=before, after=after)
    now = after.window.end
    span = follow_up(before.history, experiment.trial.verdict_by.timedelta / 2)
    return _FollowedUp(before=followed(before, span, now), after=followed(after, span, now), span=span)


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


def _threshold(experiment: Experiment, before: Measured, after: Measured) -> dict[str, Any]:
    """Return what the owner's rule compared, for the report."""
    improvement = reading(experiment.trial.metric, before, after).improvement
    return {
        "improvement": None if improvement is None else numbers.share(improvement),
        "minimum": numbers.amount(experiment.policy.min_improvement),
    }


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
