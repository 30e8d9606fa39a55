"""The classes of a report's figures, with how far each is sure; decisions only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from iact.dora.definitions import NamedBands
from iact.dora.figures import Figure
from iact.dora.model.bands import UNCLASSED


def class_record(bands: NamedBands, delivery_figure: str, figure: Figure) -> dict[str, Any] | None:
    """Return the class of one figure as JSON data; None where these bands say nothing of such figures.

    Args:
        bands: what classes it.
        delivery_figure: which delivery figure it is.
        figure: its value and interval.
    """
    if delivery_figure not in bands.bands.bands.by_figure:
        return None
    found = bands.bands.class_of(delivery_figure, figure.quantity)
    reaches = _reached(bands, delivery_figure, figure, found)
    return {
        "class": found,
        "shown": _shown(figure, found, reaches),
        "interval_reaches": list(reaches),
        "bands": bands.label,
    }


def overall_record(bands: NamedBands, classes: Mapping[str, Mapping[str, Any] | None]) -> dict[str, Any]:
    """Return the bands, and the class of all figures together, as JSON data.

    Args:
        bands: what classes them.
        classes: the record of each delivery figure that the report computes.
    """
    found = [(record or {}).get("class") for figure in bands.bands.bands.by_figure for record in [classes.get(figure)]]
    overall = bands.bands.overall_of(found)
    return {
        **bands.reference.to_record(),
        "year": bands.bands.year,
        "source": bands.bands.source,
        "label": bands.label,
        "overall": overall,
        "classed": sum(one is not None for one in found),
        "figures": len(found),
        "shown": _overall_shown(bands, found, overall),
    }


def _reached(bands: NamedBands, name: str, figure: Figure, found: str | None) -> tuple[str, ...]:
    """Return the other classes that the value may as well be in, by its interval."""
    if figure.interval is None or figure.value is None:
        return ()
    low, high = figure.unit.quantity(figure.interval.low), figure.unit.quantity(figure.interval.high)
    return tuple(each or UNCLASSED for each in bands.bands.classes_between(name, low, high) if each != found)


def _shown(figure: Figure, found: str | None, reaches: Iterable[str]) -> str:
    if figure.value is None:
        return "no class"
    own = (found or UNCLASSED).capitalize()
    others = " and ".join(each.capitalize() for each in reaches)
    if others:
        return f"{own}, interval reaches {others}"
    return own if figure.interval is not None else f"{own}, no interval"


def _overall_shown(bands: NamedBands, found: list[str | None], overall: str | None) -> str:
    if bands.bands.overall is None:
        return ""
    counted = f"{sum(one is not None for one in found)} of {len(found)} figures have a class"
    return f"{(overall or UNCLASSED).capitalize()} by {bands.bands.overall}; {counted}"
