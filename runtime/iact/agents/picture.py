"""An agent as a picture: one SVG file that needs no network, no browser and no other program.

Colours are those of reports, light or dark as the reader's screen is. Whoever points at an arrow is told its
conditions; a screen reader is told the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import Template
from typing import Final

from markupsafe import Markup

from iact.agents.diagram import Arrow, Diagram, DrawnState
from iact.agents.layout import Box, Layout, Link, Point, Route, laid_out
from iact.reports import palette
from iact.reports.svg import element, label, rectangle, text_width, units

MARGIN: Final = 24
"""Room around the drawing."""
NAME: Final = 14
SMALL: Final = 12
"""Sizes of the writing."""
LINE: Final = 16
"""From one line of writing to the next."""
LOOP: Final = 26
"""How far an arrow from a state to itself reaches to the right."""
ENTRY: Final = 34
"""How far above its state the beginning of a run stands."""

_STYLE: Final = Template("""
text { font-family: ui-sans-serif, system-ui, 'Segoe UI', Roboto, 'Liberation Sans', sans-serif; }
.name { font-size: ${name}px; font-weight: 650; }
.does, .label { font-size: ${small}px; }
.state, .final, .arrow { stroke-width: 1.25; }
${light}
@media (prefers-color-scheme: dark) {
${dark}
}
""")
_COLOURED: Final = Template("""\
.paper { fill: ${card}; }
.state { fill: ${tint}; stroke: ${accent}; }
.final { fill: ${card}; stroke: ${edge}; }
.arrow { fill: none; stroke: ${edge}; }
.head, .entry { fill: ${edge}; }
text { fill: ${ink}; }
.does { fill: ${soft}; }""")
"""Every colour is written out: programs other than browsers know no custom properties."""


def picture(diagram: Diagram) -> str:
    """Return the whole file."""
    placed = laid_out(
        {state.name: _box(state, diagram.arrows) for state in diagram.states},
        [Link(arrow.source, arrow.target, _label_box(arrow)) for arrow in diagram.arrows],
        diagram.start,
    )
    width, height = placed.width + 2 * MARGIN, placed.height + 2 * MARGIN + ENTRY
    moved = f"translate({MARGIN} {MARGIN + ENTRY})"
    light, dark = _COLOURED.substitute(palette.LIGHT), _COLOURED.substitute(palette.DARK)
    style = _STYLE.substitute(light=light, dark=dark, name=NAME, small=SMALL)
    drawing = element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {units(width)} {units(height)}",
            "width": width,
            "height": height,
            "role": "img",
            "aria-labelledby": "title description",
        },
        element("title", {"id": "title"}, f"The agent {diagram.name}"),
        element("desc", {"id": "description"}, _in_words(diagram)),
        element("style", {}, Markup(style)),  # noqa: S704 - made of the constants above
        _head(),
        rectangle((0, 0), (width, height), "paper", radius=8),
        element("g", {"transform": moved}, *_shapes(diagram, placed)),
    )
    return f"{drawing}\n"


def _in_words(diagram: Diagram) -> str:
    ways = (f"{arrow.source} to {arrow.target}: {'; '.join(arrow.sentences)}." for arrow in diagram.arrows)
    ends = ", ".join(state.name for state in diagram.states if state.final)
    return " ".join([f"A run begins in {diagram.start}.", *ways, f"It ends in {ends}." if ends else ""]).strip()


def _head() -> Markup:
    shape = element("path", {"class": "head", "d": "M0 0 L10 5 L0 10 z"})
    marker: dict[str, str | float] = {"id": "head", "viewBox": "0 0 10 10", "refX": 9, "refY": 5}
    size: dict[str, str | float] = {"markerWidth": 7, "markerHeight": 7, "orient": "auto"}
    return element("defs", {}, element("marker", marker | size, shape))


def _box(state: DrawnState, arrows: Iterable[Arrow]) -> Box:
    own = next((arrow for arrow in arrows if arrow.source == arrow.target == state.name), None)
    beside = LOOP + 6 + _label_box(own).width if own else 0
    lines = [text_width(state.name, NAME), text_width(_does(state), SMALL)]
    return Box(max(*lines, 60) + 24, 30 + (LINE if state.does else 0), beside)


def _does(state: DrawnState) -> str:
    return f"do: {state.does}" if state.does else ""


def _label_box(arrow: Arrow) -> Box:
    return Box(max(text_width(line, SMALL) for line in arrow.labels) + 8, LINE * len(arrow.labels) + 4)


def _shapes(diagram: Diagram, placed: Layout) -> Iterator[Markup]:
    """Yield the arrows, then their labels over them, then the states."""
    routes = list(zip(diagram.arrows, placed.routes, strict=True))
    boxes = {state.name: _box(state, diagram.arrows) for state in diagram.states}
    start = placed.centres[diagram.start]
    top = start.y - boxes[diagram.start].height / 2
    yield element("circle", {"class": "entry", "cx": start.x, "cy": top - ENTRY + 4, "r": 6})
    yield _line((f"M{_at(Point(start.x, top - ENTRY + 10))}", f"L{_at(Point(start.x, top))}"))
    for arrow, route in routes:
        if route is None:
            yield _loop(placed.centres[arrow.source], boxes[arrow.source])
        else:
            yield _line(_curve(route))
    for arrow, route in routes:
        size = _label_box(arrow)
        yield _label(arrow, size, route.label if route else _beside(placed.centres[arrow.source], arrow, diagram))
    for state in diagram.states:
        yield _state(state, placed.centres[state.name], boxes[state.name])


def _beside(centre: Point, arrow: Arrow, diagram: Diagram) -> Point:
    state = next(state for state in diagram.states if state.name == arrow.source)
    return Point(centre.x + _box(state, ()).width / 2 + LOOP + 6 + _label_box(arrow).width / 2, centre.y)


def _state(state: DrawnState, centre: Point, box: Box) -> Markup:
    corner = (centre.x - box.width / 2, centre.y - box.height / 2)
    shapes = [rectangle(corner, (box.width, box.height), "final" if state.final else "state", radius=8)]
    if state.final:
        inner = (corner[0] + 3, corner[1] + 3), (box.width - 6, box.height - 6)
        shapes.append(rectangle(*inner, "final", radius=6))
    base = corner[1] + 20
    shapes.append(label(centre.x, base, state.name, "name", anchor="middle"))
    if state.does:
        shapes.append(label(centre.x, base + LINE, _does(state), "does", anchor="middle"))
    return element("g", {}, *shapes)


def _label(arrow: Arrow, size: Box, middle: Point) -> Markup:
    corner = (middle.x - size.width / 2, middle.y - size.height / 2)
    lines = [
        label(middle.x, corner[1] + 14 + LINE * number, line, "label", anchor="middle")
        for number, line in enumerate(arrow.labels)
    ]
    told = element("title", {}, "\n".join(arrow.sentences))
    return element("g", {}, told, rectangle(corner, (size.width, size.height), "paper", radius=4), *lines)


def _line(steps: Iterable[str]) -> Markup:
    return element("path", {"class": "arrow", "d": " ".join(steps), "marker-end": "url(#head)"})


def _curve(route: Route) -> Iterator[str]:
    """Yield the steps of a path that leaves and meets each of its points vertically."""
    before = route.points[0]
    yield f"M{_at(before)}"
    for point in route.points[1:]:
        middle = (before.y + point.y) / 2
        yield f"C{_at(Point(before.x, middle))} {_at(Point(point.x, middle))} {_at(point)}"
        before = point


def _loop(centre: Point, box: Box) -> Markup:
    side, away = centre.x + box.width / 2, centre.x + box.width / 2 + LOOP
    upper, lower = centre.y - 8, centre.y + 8
    return _line(
        [
            f"M{_at(Point(side, upper))}",
            f"C{_at(Point(away, upper - 10))} {_at(Point(away, lower + 10))} {_at(Point(side, lower))}",
        ]
    )


def _at(point: Point) -> str:
    return f"{units(point.x)},{units(point.y)}"
