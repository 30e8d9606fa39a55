"""A metric over the parts of a window; decisions only."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from iact.dora.figures import WEEK, ManySamples, Sample, Window
from iact.dora.rules import History, Measured, missing_source, observed_part, value_of


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendPoint:
    """A metric in one part of a window.

    Attributes:
        window: the part.
        value: in the figure's unit; None where it is unknown.
        n: how many rows it was computed from.
    """

    window: Window
    value: Decimal | None
    n: int


def trend(measured: Measured, history: History, window: Window) -> tuple[TrendPoint, ...]:
    """Return a metric in each part of a window: a part is a week where the window has six to thirteen of them."""
    has_source = missing_source(measured.named.metric, history, observed_part(history, window)) is None
    parts = window.parts(min(13, max(6, round(window.span / WEEK))))
    inside = _parted(measured.samples, parts)
    return tuple(
        TrendPoint(
            window=part,
            value=value_of(measured.named.metric, samples, observed_part(history, part) if has_source else None),
            n=len(samples),
        )
        for part, samples in zip(parts, inside, strict=True)
    )


def _parted(samples: Sequence[Sample], parts: Sequence[Window]) -> Sequence[Sequence[Sample]]:
    """Return the rows of each part."""
    if isinstance(samples, ManySamples):
        return [samples.between(part.start, part.end) for part in parts]
    starts = [part.start for part in parts]
    inside: list[list[Sample]] = [[] for _ in parts]
    for sample in samples:
        inside[bisect_right(starts, sample.at) - 1].append(sample)
    return inside
