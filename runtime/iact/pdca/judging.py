"""How a change that was made is judged: whether it is practised, does harm, and has proven itself.

Only decisions stand here, as in `rules.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
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


def check(experiment: Experiment, before: Measured, after: Measured, *, judges: bool, explains: bool = True) -> Check:
    """Return how an experiment stands.

    Args:
        experiment: what is tried, and how it is judged.
        before: the figures of the history before the change.
        after: the figures since the change.
        judges: whether the outcome is judged now, which may extend the time.
        explains: whether all that it rests on is told; otherwise only the effect on the metric that is tried, and what
            changes no decision is not computed.
    """
    now, trial, last = after.window.end, experiment.trial, experiment.last
    effect = _effect(experiment, trial.metric, before, after)
    adopted = _judge(experiment.improvement.adopted_if, before, after, now, otherwise=Truth.TRUE)
    harm = _judge(experiment.improvement.stop_if, before, after, now, otherwise=Truth.FALSE)
    threshold = experiment.policy.verdict == "threshold"
    certain = _certain_harm(experiment, before, after, effect) if explains or harm.truth.is_true else ()
    better = by_evidence(effect, trial.better) is Verdict.KEEP
    others = _others(experiment, before, after) if explains or better else {}
    guarded = tuple(name for name, found in others.items() if is_harm(found, before.better(name)))
    verdict = _verdict(experiment, before, after, effect, adopted, guarded)
    early = now < experiment.deadline
    looks = last.looks if last else 0
    then = _then(experiment, early=early, traded=bool(guarded) and better)
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
            "certain_harm": list(certain),
            "held_back": [] if threshold or not better else list(_held_back(adopted, guarded)),
        }
        | (
            {}
            if not explains
            else {
                "adopted": adopted.to_record(),
                "harm": harm.to_record(),
                "before": before.figures[trial.metric].to_record(),
                "after": after.figures[trial.metric].to_record(),
                "others": [{"metric": name, "effect": numbers.effect_record(found)} for name, found in others.items()],
                "harmed_others": list(guarded),
                "threshold": _threshold(experiment, before, after) if threshold else None,
            }
        ),
    )


def _others(experiment: Experiment, before: Measured, after: Measured) -> dict[str, Comparison]:
    """Return what is believed of the effect on every metric but the one that is tried, by its name.

    The metric that is tried has the confidence of the policy. The others share the permitted error evenly (Bonferroni;
    Dunn, JASA 56, 1961), so that all of them together are seldom blamed by chance.
    """
    confidence = experiment.policy.confidence.amount
    shared = float(1 - (1 - confidence) / max(1, len(before.metrics) - 1))
    names = (name for name in sorted(before.metrics) if name != experiment.trial.metric)
    return {name: _effect(experiment, name, before, after, shared) for name in names}


def _effect(
    experiment: Experiment, metric: str, before: Measured, after: Measured, confidence: float | None = None
) -> Comparison:
    """Return what is believed of the effect on one metric, with deployments followed up where their rows may change.

    Args:
        experiment: what is tried.
        metric: the metric.
        before: the figures before the change.
        after: the figures since.
        confidence: of the interval; None for that of the policy.
    """
    if not needs_follow_up(before, metric):
        return _seen(experiment, metric, before, after, confidence)
    now = after.window.end
    span = follow_up(before.history, experiment.trial.verdict_by.timedelta / 2)
    found = _seen(experiment, metric, followed(before, span, now), followed(after, span, now), confidence)
    how = f"every release followed up for {duration(span)}, younger ones left out"
    if isinstance(found, NotComparable):
        return NotComparable(f"{found.reason}; {how}")
    return replace(found, method=f"{found.method}; {how}")


def _seen(
    experiment: Experiment, metric: str, before: Measured, after: Measured, confidence: float | None = None
) -> Comparison:
    """Return what is believed of the effect on one metric by what is known now; parameters as for `_effect`."""
    policy = experiment.policy
    return posterior(
        before.dimension(metric),
        before.stretch(metric),
        after.stretch(metric),
        confidence=float(policy.confidence.amount) if confidence is None else confidence,
        belief=belief_of(policy),
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


def _held_back(adopted: Judgement, guarded: tuple[str, ...]) -> Iterator[str]:
    """Walk the reasons why an improvement that is certain is not credited to what was tried."""
    if not adopted.truth.is_true:
        yield "it is not known whether it is practised" if adopted.truth is Truth.UNKNOWN else "it is not practised"
    for metric in guarded:
        yield f"{metric} credibly got worse"


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
    return condition.judge(after.facts(before, frozenset(condition.names())), now)


def _certain_harm(experiment: Experiment, before: Measured, after: Measured, effect: Comparison) -> tuple[str, ...]:
    """Return the metrics that `stop_if` names and whose interval excludes that they got no worse.

    A single failed deployment makes the failure rate 100 %; stopping at that would stop on noise. Harm is looked for
    among what is known now, without waiting until every release was followed up; where nothing waits, that is the
    effect on the metric that is tried, which is known already.
    """
    condition, tried = experiment.improvement.stop_if, experiment.trial.metric
    named = {leaf.fact.removeprefix("metric.") for leaf in leaves(condition) if leaf.fact.startswith("metric.")}
    known = {} if needs_follow_up(before, tried) else {tried: effect}
    return tuple(
        metric
        for metric in sorted(named & set(before.metrics))
        if is_harm(known.get(metric) or _seen(experiment, metric, before, after), before.better(metric))
    )
