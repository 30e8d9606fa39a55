"""Looks at an SVG drawing the way a reader's eye does: where is each shape, and does it lie in the picture?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from iact.reports.svg import text_width

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Box:
    """The extent of a shape.

    Attributes:
        left: its smallest x.
        top: its smallest y.
        right: its largest x.
        bottom: its largest y.
        kind: its class.
    """

    left: float
    top: float
    right: float
    bottom: float
    kind: str


def parse(markup: str) -> ET.Element:
    """Return the root of a drawing; anything that is not well-formed raises."""
    return ET.fromstring(markup)  # noqa: S314 - made by the code under test, a moment ago


def boxes(markup: str) -> Iterator[Box]:
    """Walk the extents of all visible shapes."""
    root = parse(markup)
    hidden = {shape for definitions in root.iter("defs") for shape in definitions.iter()}
    for shape in root.iter():
        if shape not in hidden and shape.tag in _EXTENTS:
            yield _EXTENTS[shape.tag](shape)


def of_kind(markup: str, kind: str) -> list[Box]:
    """Return the extents of the shapes of one class, in the order in which they are drawn."""
    return [box for box in boxes(markup) if box.kind == kind]


def texts(markup: str, kind: str | None = None) -> list[str]:
    """Return what is written in a drawing, or what is written in one class."""
    return [shape.text or "" for shape in parse(markup).iter("text") if kind in {None, shape.get("class")}]


def outside(markup: str, slack: float = 0.5) -> list[Box]:
    """Return the shapes that reach beyond the picture by more than `slack` units."""
    _, _, width, height = (float(number) for number in NUMBER.findall(parse(markup).get("viewBox", "")))
    return [
        box
        for box in boxes(markup)
        if box.left < -slack or box.top < -slack or box.right > width + slack or box.bottom > height + slack
    ]


def _number(shape: ET.Element, name: str) -> float:
    return float(shape.get(name, "0"))


def _kind(shape: ET.Element) -> str:
    return shape.get("class", "")


def _rectangle(shape: ET.Element) -> Box:
    x, y = _number(shape, "x"), _number(shape, "y")
    return Box(x, y, x + _number(shape, "width"), y + _number(shape, "height"), _kind(shape))


def _line(shape: ET.Element) -> Box:
    across = sorted((_number(shape, "x1"), _number(shape, "x2")))
    down = sorted((_number(shape, "y1"), _number(shape, "y2")))
    return Box(across[0], down[0], across[1], down[1], _kind(shape))


def _circle(shape: ET.Element) -> Box:
    x, y, radius = _number(shape, "cx"), _number(shape, "cy"), _number(shape, "r")
    return Box(x - radius, y - radius, x + radius, y + radius, _kind(shape))


def _points(shape: ET.Element) -> Box:
    numbers = [float(number) for number in NUMBER.findall(shape.get("points", ""))]
    across, down = numbers[::2], numbers[1::2]
    return Box(min(across), min(down), max(across), max(down), _kind(shape))


def _text(shape: ET.Element) -> Box:
    x, y, width = _number(shape, "x"), _number(shape, "y"), text_width(shape.text or "", 11)
    left = {"start": x, "middle": x - width / 2, "end": x - width}[shape.get("text-anchor", "start")]
    return Box(left, y - 11, left + width, y + 3, _kind(shape))


_EXTENTS = {
    "rect": _rectangle,
    "line": _line,
    "circle": _circle,
    "polyline": _points,
    "polygon": _points,
    "text": _text,
}
