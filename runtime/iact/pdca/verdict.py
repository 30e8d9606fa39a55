"""Keep, revert or inconclusive: what an observed effect allows to say, and the owner's older rule beside it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import TYPE_CHECKING

from iact.dora.terms import Better
from iact.pdca.effect import Effect, NotComparable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iact.pdca.effect import Comparison


class Verdict(StrEnum):
    """What a check came to."""

    KEEP = "keep"
    REVERT = "revert"
    INCONCLUSIVE = "inconclusive"


def by_evidence(effect: Comparison, better: Better) -> Verdict:
    """Judge by the interval of the effect alone.

    Keep where it excludes that nothing improved, revert where it excludes that nothing got worse, and otherwise say
    that it is not known. How large an improvement is worth trying was decided before (`min_improvement`), not here.
    """
    if isinstance(effect, NotComparable):
        return Verdict.INCONCLUSIVE
    rose, fell = effect.low > 0, effect.high < 0
    improved, worsened = (fell, rose) if better is Better.LOWER else (rose, fell)
    if improved:
        return Verdict.KEEP
    return Verdict.REVERT if worsened else Verdict.INCONCLUSIVE


def is_harm(effect: Comparison, better: Better) -> bool:
    """Return whether the effect excludes that nothing got worse."""
    return by_evidence(effect, better) is Verdict.REVERT


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A metric before and after, in its base unit; None where nothing could be measured.

    Attributes:
        metric: the metric's name.
        before: the baseline, never the goal.
        after: what was measured since.
        better: which way it should go.
    """

    metric: str
    before: Fraction | None
    after: Fraction | None
    better: Better

    @property
    def improvement(self) -> Fraction | None:
        """The share of the baseline by which it got better, negative where it got worse; None if that is not known."""
        if self.before is None or self.after is None or self.before == 0:
            return None
        change = (self.after - self.before) / abs(self.before)
        return -change if self.better is Better.LOWER else change


def by_threshold(readings: Iterable[Reading], minimum: Fraction) -> Verdict:
    """Judge by the owner's rule: keep where every metric improved by strictly more than `minimum` on its baseline.

    Exactly `minimum` is not enough. With few changes this fires on noise about as often as not, so whoever reports it
    has to say that it proves nothing.

    Args:
        readings: what the experiment is about, at least one.
        minimum: such as 15 % as 3/20.
    """
    improvements = [reading.improvement for reading in readings]
    if not improvements or None in improvements:
        return Verdict.INCONCLUSIVE
    return Verdict.KEEP if all(value is not None and value > minimum for value in improvements) else Verdict.REVERT


def is_proven(effect: Comparison) -> bool:
    """Return whether there is an effect whose interval excludes no change."""
    return isinstance(effect, Effect) and (effect.low > 0 or effect.high < 0)
