"""How far delivery figures have come from their baselines to their targets; decisions only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any

from iact.core import instants
from iact.core.quantities import Quantity, duration, share
from iact.dora.figures import DefinitionReference, Figure, plain, rounded
from iact.dora.model import Target, Targets

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedTargets:
    """Targets with the name and digest of their resource.

    Attributes:
        reference: which targets they are.
        targets: what they say.
    """

    reference: DefinitionReference
    targets: Targets


def progress_record(named: NamedTargets, figures: Mapping[str, Figure], now: datetime) -> dict[str, Any]:
    """Return how far each figure has come, as JSON data.

    Args:
        named: the targets.
        figures: the figures of the report, by delivery figure.
        now: the end of the report's window.
    """
    elapsed = _elapsed(named.targets, now)
    return {
        **named.reference.to_record(),
        "begins": None if named.targets.begins is None else instants.write(named.targets.begins),
        "over": str(named.targets.over),
        "elapsed": _share(elapsed),
        "figures": [
            _figure(name.value, target, figures.get(name), elapsed)
            for name, target in named.targets.figures.by_figure.items()
        ],
    }


def _elapsed(targets: Targets, now: datetime) -> Fraction | None:
    """Return how much of the time is gone, 1 when all of it is; None where nobody knows when it began."""
    if targets.begins is None or now < targets.begins:
        return None
    return min(Fraction(1), duration(now - targets.begins).amount / targets.over.amount)


def _figure(name: str, target: Target, figure: Figure | None, elapsed: Fraction | None) -> dict[str, Any]:
    value = None if figure is None else figure.quantity
    way = None if value is None or value.dimension is not target.target.dimension else target.share_of_way(value)
    ends = _ends(target, figure) if way is not None else None
    return {
        "figure": name,
        "baseline": str(target.baseline),
        "target": str(target.target),
        "present": None if way is None else str(value),
        "interval": figure.interval.to_record(figure.unit)["shown"] if figure and figure.interval else None,
        "share_of_way": _share(way),
        "interval_of_way": None if ends is None else [_share(end) for end in ends],
        "reached": judged(ends, way, Fraction(1), ("reached", "not reached", "not sure yet")),
        "on_track": _on_track(ends, way, elapsed),
        "missing": _missing(name, figure) if way is None else "",
    }


def _on_track(ends: tuple[Fraction, Fraction] | None, way: Fraction | None, elapsed: Fraction | None) -> str:
    if elapsed is None:
        return f"{UNKNOWN}: nobody says when it began (`begins`)" if way is not None else UNKNOWN
    return judged(ends, way, elapsed, ("on track", "behind", "not sure yet"))


def judged(
    ends: tuple[Fraction, Fraction] | None, way: Fraction | None, wanted: Fraction, words: tuple[str, str, str]
) -> str:
    """Return whether a figure is as far as wanted: credibly only where the whole 95 % interval is on one side.

    Args:
        ends: the least and the greatest share of the way that the interval holds; None where there is no interval.
        way: the share of the way; None where it is not known.
        wanted: how far it should be.
        words: what to say where it is, where it is not, and where the interval holds both.
    """
    yes, no, unsure = words
    if way is None:
        return UNKNOWN
    if ends is None:
        return f"{unsure}: no interval"
    least, greatest = ends
    if least >= wanted:
        return yes
    return no if greatest < wanted else unsure


def _ends(target: Target, figure: Figure | None) -> tuple[Fraction, Fraction] | None:
    if figure is None or figure.interval is None:
        return None
    low, high = (figure.unit.quantity(end) for end in (figure.interval.low, figure.interval.high))
    ways = sorted((target.share_of_way(low), target.share_of_way(high)))
    return ways[0], ways[1]


def _missing(name: str, figure: Figure | None) -> str:
    if figure is None:
        return f"the definition does not compute {name}"
    return str(figure.missing) if figure.missing else "it is measured in another unit than its target"


def _share(way: Fraction | None) -> dict[str, str] | None:
    if way is None:
        return None
    shown: Quantity = share(rounded(way))
    return {"value": plain(rounded(way)), "shown": str(shown)}
