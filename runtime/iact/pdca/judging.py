"""How a change that was made is judged: whether it is practised, does harm, and has proven itself.

Only decisions stand here, as in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from iact.core.conditions import Condition, Judgement
from iact.core.quantities import duration
from iact.core.truth import Truth
from iact.pdca import numbers
from iact.pdca.effect import Comparison, NotComparable
from iact.pdca.followed import follow_up, followed, needs_follow_up
from iact.pdca.measured import Measured
from iact.pdca.model import Improvement, ImprovementPolicy
from iact.pdca.plan import Check, Trial
from iact.pdca.posterior import posterior
from iact.pdca.rules import belief_of, leaves
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
        judges: whether the outcome is judged now, which may extend the time.
    """
    now, trial, last = after.window.end, experiment.trial, experiment.last
    effects = _effects(experiment, before, after)
    effect = effects[trial.metric]
    adopted = _judge(experiment.improvement.adopted_if, before, after, now, otherwise=Truth.TRUE)
    harm = _judge(experiment.improvement.stop_if, before, after, now, otherwise=Truth.FALSE)
    threshold = experiment.policy.verdict == "threshold"
    certain = _certain_harm(experiment, before, after)
    guarded = _harmed_others(trial.metric, effects, before)
    verdict = _verdict(experiment, before, after, effect, adopted, guarded)
    early = now < experiment.deadline
    looks = last.looks if last else 0
    then = _then(experiment, early=early, traded=bool(guarded) and by_evidence(effect, trial.better) is Verdict.KEEP)
    extends = judges and verdict is Verdict.INCONCLUSIVE and then == "extend"
    return Check(
        made_at=now,
        applied_at=experiment.applied_at,
        adopted=adopted.truth.value,
        harmed=harm.truth.is_true and (threshold or bool(certain)),
        due=not early or (verdict is not Verdict.INCONCLUSIVE and not threshold),
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
            "others": [
                {"metric": name, "effect": numbers.effect_record(found)}
                for name, found in sorted(effects.items())
                if name != trial.metric
            ],
            "harmed_others": list(guarded),
            "threshold": _threshold(experiment, before, after) if threshold else None,
        },
    )


def _effects(experiment: Experiment, before: Measured, after: Measured) -> dict[str, Comparison]:
    """Return what is believed of the effect on every metric, by its name.

    The metric that is tried has the confidence of the policy. The others share the permitted error evenly (Bonferroni;
    Dunn, JASA 56, 1961), so that all of them together are seldom blamed by chance.
    """
    trial, confidence = experiment.trial, experiment.policy.confidence.amount
    others = max(1, len(before.metrics) - 1)
    shared = 1 - (1 - confidence) / others
    return {
        name: _effect(experiment, name, before, after, float(confidence if name == trial.metric else shared))
        for name in before.metrics
    }


def _effect(experiment: Experiment, metric: str, before: Measured, after: Measured, confidence: float) -> Comparison:
    """Return what is believed of the effect on one metric, with deployments followed up where their rows may change."""
    span = None
    if needs_follow_up(before, metric):
        now = after.window.end
        span = follow_up(before.history, experiment.trial.verdict_by.timedelta / 2)
        before, after = followed(before, span, now), followed(after, span, now)
    found = posterior(
        before.figures[metric].dimension,
        before.stretch(metric),
        after.stretch(metric),
        confidence=confidence,
        belief=belief_of(experiment.policy),
    )
    if span is None:
        return found
    how = f"every release followed up for {duration(span)}, younger ones left out"
    if isinstance(found, NotComparable):
        return NotComparable(f"{found.reason}; {how}")
    return replace(found, method=f"{found.method}; {how}")


def _harmed_others(metric: str, effects: Mapping[str, Comparison], before: Measured) -> tuple[str, ...]:
    """Return the other metrics that credibly got worse. A change that costs something else is no improvement yet."""
    return tuple(
        name for name, effect in sorted(effects.items()) if name != metric and is_harm(effect, before.better(name))
    )


def _verdict(  # noqa: PLR0913, PLR0917 - private; what a verdict rests on
    experiment: Experiment,
    before: Measured,
    after: Measured,
    effect: Comparison,
    adopted: Judgement,
    guarded: tuple[str, ...],
) -> Verdict:
    """Judge the outcome.

    What was not practised has not been tried, so nothing can be credited to it; and what credibly made another metric
    worse is not kept without a person.
    """
    trial = experiment.trial
    if experiment.policy.verdict == "threshold":
        return by_threshold([reading(trial.metric, before, after)], experiment.policy.min_improvement.amount)
    verdict = by_evidence(effect, trial.better)
    if verdict is Verdict.KEEP and (guarded or not adopted.truth.is_true):
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


def _then(experiment: Experiment, *, early: bool, traded: bool) -> str:
    """Return what follows if the verdict is inconclusive.

    Where one metric credibly improved and another credibly got worse, no more time tells which of them matters.
    """
    if early:
        return "wait"
    if traded:
        return "escalate"
    return "extend" if experiment.extended < experiment.trial.extensions else experiment.trial.if_unclear


def _judge(
    condition: Condition | None, before: Measured, after: Measured, now: datetime, *, otherwise: Truth
) -> Judgement:
    if condition is None:
        return Judgement(truth=otherwise, text="nothing was asked for")
    return condition.judge(after.facts(before), now)


def _certain_harm(experiment: Experiment, before: Measured, after: Measured) -> tuple[str, ...]:
    """Return the metrics that `stop_if` names and whose interval excludes that they got no worse.

    A single failed deployment makes the failure rate 100 %; stopping at that would stop on noise. Harm is looked for
    among what is known now, without waiting until every release was followed up.
    """
    condition, policy = experiment.improvement.stop_if, experiment.policy
    named = {leaf.fact.removeprefix("metric.") for leaf in leaves(condition) if leaf.fact.startswith("metric.")}
    return tuple(
        metric
        for metric in sorted(named & set(before.metrics))
        if is_harm(
            posterior(
                before.figures[metric].dimension,
                before.stretch(metric),
                after.stretch(metric),
                confidence=float(policy.confidence.amount),
                belief=belief_of(policy),
            ),
            before.better(metric),
        )
    )
