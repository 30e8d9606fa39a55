"""The few SVG shapes that charts are made of, as escaped markup (SVG 2, W3C, https://www.w3.org/TR/SVG2/).

Colours are classes, never values: the page's style sheet knows light, dark and paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

from iact.core.visible import visible

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """The size of a drawing and what it is called.

    Attributes:
        key: unique in the page; the drawing's title and description are found by it.
        width: in user units, which are CSS pixels where the drawing is shown at its natural size.
        height: in the same.
    """

    key: str
    width: float
    height: float


def drawing(canvas: Canvas, *, title: str, description: str, shapes: Iterable[Markup]) -> Markup:
    """Return a whole `svg` element that a screen reader announces as one image with a name and a description."""
    return element(
        "svg",
        {
            "viewBox": f"0 0 {units(canvas.width)} {units(canvas.height)}",
            "role": "img",
            "aria-labelledby": f"{canvas.key}-title",
            "aria-describedby": f"{canvas.key}-description",
        },
        element("title", {"id": f"{canvas.key}-title"}, title),
        element("desc", {"id": f"{canvas.key}-description"}, description),
        *shapes,
    )


def element(name: str, attributes: dict[str, str | float], *content: Markup | str) -> Markup:
    """Return an element; attributes and text content are escaped, markup is taken as it is."""
    written = "".join(f' {key}="{_attribute(value)}"' for key, value in attributes.items())
    inside = "".join(part if isinstance(part, Markup) else str(escape(visible(part))) for part in content)
    markup = f"<{name}{written}>{inside}</{name}>" if inside else f"<{name}{written}/>"
    return Markup(markup)  # noqa: S704 - everything in it is escaped above, or is a name out of this package


def group(shapes: Iterable[Markup], kind: str) -> Markup:
    """Return shapes that share a class."""
    return element("g", {"class": kind}, *shapes)


def rectangle(corner: tuple[float, float], size: tuple[float, float], kind: str, *, radius: float = 0) -> Markup:
    """Return a rectangle from its upper left corner, with its width and height."""
    place: dict[str, str | float] = {"class": kind, "x": corner[0], "y": corner[1]}
    attributes = place | {"width": size[0], "height": size[1]}
    return element("rect", attributes | ({"rx": radius} if radius else {}))


def line(start: tuple[float, float], end: tuple[float, float], kind: str) -> Markup:
    """Return a straight line."""
    return element("line", {"class": kind, "x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]})


def polyline(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """Return a line through several points."""
    written = " ".join(f"{units(x)},{units(y)}" for x, y in points)
    return element("polyline", {"class": kind, "points": written})


def polygon(points: Iterable[tuple[float, float]], kind: str) -> Markup:
    """Return a filled shape through several points."""
    written = " ".join(f"{units(x)},{units(y)}" for x, y in points)
    return element("polygon", {"class": kind, "points": written})


def circle(centre: tuple[float, float], radius: float, kind: str) -> Markup:
    """Return a disc."""
    return element("circle", {"class": kind, "cx": centre[0], "cy": centre[1], "r": radius})


def label(x: float, y: float, text: str, kind: str, *, anchor: str = "start") -> Markup:
    """Return text whose base line is at `y`.

    Args:
        x: where it starts, has its middle or ends.
        y: of its base line.
        text: what it says; escaped here.
        kind: its class.
        anchor: `start`, `middle` or `end`: which part of the text is at `x`.
    """
    return element("text", {"class": kind, "x": x, "y": y, "text-anchor": anchor}, text)


def cross(x: float, y: float, size: float, kind: str) -> Markup:
    """Return a ✗ around a point; a shape, so that no font has to have the character."""
    half = size / 2
    return group(
        [
            line((x - half, y - half), (x + half, y + half), kind),
            line((x - half, y + half), (x + half, y - half), kind),
        ],
        "mark",
    )


def units(value: float) -> str:
    """Return a coordinate with at most two decimals: finer is invisible, and would differ between machines.

    Raises:
        ValueError: if it is not a finite number, because no drawing can hold it.
    """
    rounded = round(float(value), 2)
    if rounded - rounded != 0:
        message = f"{value} is no place in a drawing"
        raise ValueError(message)
    text = f"{rounded:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def text_width(text: str, size: float = 12) -> float:
    """Return about how wide `text` is, on the wide side: whether a label fits is decided without the reader's font.

    Args:
        text: what it says.
        size: of the font, in user units.
    """
    return len(text) * size * 0.58


def _attribute(value: str | float) -> str:
    return str(escape(visible(value) if isinstance(value, str) else units(value)))
