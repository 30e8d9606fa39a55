"""How PDCA decides what is worth trying, and what trying it could show.

Only decisions stand here: the same figures, rules and moment give the same answer. How a change that was made is judged
stands in `judging.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from iact.core.conditions import AllOf, AnyOf, Condition, Judgement, Leaf, Not
from iact.core.quantities import Dimension, Quantity, duration
from iact.pdca import numbers
from iact.pdca.effect import MINIMUM_CLUSTERS
from iact.pdca.guards import Belief
from iact.pdca.measured import Measured
from iact.pdca.model import Improvement, ImprovementPolicy
from iact.pdca.plan import Plan, Trial
from iact.pdca.power import Spread, detectable, needed, spread_of

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
    def is_known(self) -> bool:
        """Whether its metric is known, so that there is something to compare with."""
        return self.current is not None and self.expected is not None

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
                comparable=baseline.clusters(improvement.expect.metric) >= MINIMUM_CLUSTERS,
                busy_with=past.busy.get(improvement.expect.metric, ""),
                tried=past.tried.get(name, ""),
            ),
        )
    return tuple(found)


def choose(found: tuple[Candidate, ...], requested: str = "") -> Candidate | None:
    """Return the candidate to try: the one that a person asked for, or the one that promises most.

    Without a person's word its condition must be true, and it must not have been tried before: what was kept, taken
    back, stopped or given to a person is not proposed again until its definition is changed; what could not be started
    was not tried. Of equal promises the first name wins. One
    whose baseline is too small to be compared with comes after all others, because no experiment could judge it. What
    is about a metric that is being experimented on is passed over; where a person asked for it, it is returned all the
    same, and refused with that reason (`plan.metric_free`).
    """
    known = [one for one in found if one.is_known]
    if requested:
        return next((one for one in known if one.name == requested), None)
    open_ones = [one for one in known if one.judgement.truth.is_true and not one.busy_with and not one.tried]
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
    explains: bool = True,
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
        explains: whether the statistics behind it are told; no decision rests on them.
    """
    found = candidates(improvements, baseline, past)
    chosen = choose(found, requested)
    considered = tuple(one.to_record() for one in found)
    made_at = baseline.window.end
    if chosen is None or chosen.current is None or chosen.expected is None:
        return Plan(made_at=made_at, trial=None, requested=bool(requested), considered=considered)
    stretch = baseline.stretch(chosen.improvement.expect.metric)
    spread = spread_of(chosen.current.dimension, stretch, belief_of(policy))
    history = duration(baseline.window.span)
    trial = _trial(chosen, chosen.current, chosen.expected, policy, repository, digests[chosen.name], history, spread)
    return Plan(
        made_at=made_at,
        trial=trial,
        requested=bool(requested),
        considered=considered,
        details=_details(chosen, trial, policy, baseline, window, spread) if explains else {},
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
        sample = needed(spread, effect, per_week=rate, confidence=float(policy.confidence.amount)).releases
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
    confidence = float(policy.confidence.amount)
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


def belief_of(policy: ImprovementPolicy) -> Belief:
    """Return what is believed of figures before they are looked at."""
    return Belief(drift=float(policy.drift.amount))
