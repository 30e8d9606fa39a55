"""Where the states of a diagram stand and how its arrows run: layers from top to bottom.

The method of K. Sugiyama, S. Tagawa and M. Toda, *Methods for visual understanding of hierarchical system structures*,
IEEE Transactions on Systems, Man and Cybernetics 11 (1981): turn around the arrows that close a circle, give every box
a layer below those that lead to it, order each layer so that few arrows cross, then move boxes sideways to where their
neighbours are. Two neighbours of one layer keep their distance; the nearest places that do are found exactly (pool
adjacent violators: M. Ayer and others, Annals of Mathematical Statistics 26, 1955).

Lengths are in user units of the drawing. The same boxes and arrows give the same places on every machine.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

BESIDE: Final = 22
"""Room between two neighbours of a layer."""
BETWEEN: Final = 30
"""Room between two layers."""
_ORDERINGS: Final = 16
_PLACINGS: Final = 40
_STRAIGHT: Final = 6
"""How much more an arrow's own bends follow one another than boxes do, so that long arrows run straight."""


@dataclass(frozen=True, slots=True)
class Box:
    """What takes room: a state, or a label of an arrow.

    Attributes:
        width: from its left to its right side.
        height: from top to bottom.
        beside: further room that it needs on its right.
    """

    width: float
    height: float
    beside: float = 0


@dataclass(frozen=True, slots=True)
class Link:
    """An arrow between two boxes, with the room that its label takes."""

    source: str
    target: str
    label: Box


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the drawing."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Route:
    """How an arrow runs.

    Attributes:
        points: from its beginning to its head; the arrow leaves and meets each of them vertically.
        label: the middle of its label.
    """

    points: tuple[Point, ...]
    label: Point


@dataclass(frozen=True, slots=True)
class Layout:
    """A laid out diagram.

    Attributes:
        width: of the whole.
        height: of the whole.
        centres: the middle of each box.
        routes: how each link runs, in the order in which they were given; None for one from a box to itself.
    """

    width: float
    height: float
    centres: Mapping[str, Point]
    routes: tuple[Route | None, ...]


@dataclass(slots=True, eq=False)
class _Cell:
    """Something that has a place in a layer: a box, a label, or a bend of an arrow that passes."""

    layer: int
    box: Box
    is_bend: bool = False
    above: list[_Cell] = field(default_factory=list)
    below: list[_Cell] = field(default_factory=list)
    order: int = 0
    x: float = 0
    y: float = 0
    room: float = 0

    @property
    def left(self) -> float:
        return self.box.width / 2

    @property
    def right(self) -> float:
        return self.box.width / 2 + self.box.beside


def laid_out(boxes: Mapping[str, Box], links: Sequence[Link], first: str) -> Layout:
    """Return where everything stands.

    Args:
        boxes: what takes room, by name.
        links: the arrows between them.
        first: the box that is to stand at the top.
    """
    turned = _turned(boxes, links, first)
    layer_of = _layers(boxes, links, turned)
    cells = {name: _Cell(2 * layer_of[name], box) for name, box in boxes.items()}
    chains = [_chain(cells, link, turned=number in turned) for number, link in enumerate(links)]
    layers = _in_layers([*cells.values(), *(cell for chain in chains for cell in chain[1:-1])])
    _order(layers)
    _place(layers)
    width, height = _extent(layers)
    routes = tuple(
        None if link.source == link.target else _route(chain, layer_of[link.source], turned=number in turned)
        for number, (link, chain) in enumerate(zip(links, chains, strict=True))
    )
    return Layout(width, height, {name: Point(cell.x, cell.y) for name, cell in cells.items()}, routes)


def _turned(boxes: Mapping[str, Box], links: Sequence[Link], first: str) -> set[int]:
    """Return the links that close a circle, as a walk from `first` along the links in their order meets them."""
    leaving: dict[str, list[int]] = {name: [] for name in boxes}
    for number, link in enumerate(links):
        leaving[link.source].append(number)
    turned: set[int] = set()
    done: set[str] = set()
    for root in (first, *boxes):
        path: list[tuple[str, int]] = [] if root in done else [(root, 0)]
        on_path = {root}
        while path:
            name, place = path.pop()
            if place == len(leaving[name]):
                done.add(name)
                on_path.discard(name)
                continue
            path.append((name, place + 1))
            target = links[leaving[name][place]].target
            if target in on_path:
                turned.add(leaving[name][place])
            elif target not in done:
                path.append((target, 0))
                on_path.add(target)
    return turned


def _layers(boxes: Mapping[str, Box], links: Sequence[Link], turned: set[int]) -> dict[str, int]:
    """Return for each box how many others are at most on a way down to it."""
    downwards = [
        (link.target, link.source) if number in turned else (link.source, link.target)
        for number, link in enumerate(links)
        if link.source != link.target
    ]
    layer = dict.fromkeys(boxes, 0)
    for _ in boxes:
        for upper, lower in downwards:
            layer[lower] = max(layer[lower], layer[upper] + 1)
    return layer


def _chain(cells: Mapping[str, _Cell], link: Link, *, turned: bool) -> list[_Cell]:
    """Return what an arrow passes from top to bottom: its upper box, bends and its label, its lower box."""
    source, target = cells[link.source], cells[link.target]
    if source is target:
        return [source, source]
    upper, lower = (target, source) if turned else (source, target)
    labelled = source.layer - 1 if turned else source.layer + 1
    between = range(upper.layer + 1, lower.layer)
    bends = [_Cell(layer, link.label if layer == labelled else Box(4, 0), is_bend=True) for layer in between]
    chain = [upper, *bends, lower]
    for above, below in pairwise(chain):
        above.below.append(below)
        below.above.append(above)
    return chain


def _in_layers(cells: Sequence[_Cell]) -> list[list[_Cell]]:
    layers: list[list[_Cell]] = [[] for _ in range(max(cell.layer for cell in cells) + 1)]
    for cell in cells:
        layers[cell.layer].append(cell)
    return layers


def _order(layers: list[list[_Cell]]) -> None:
    """Order each layer by where its neighbours are, down and up in turn, and keep the order with fewest crossings."""
    _number(layers)
    fewest, best = _crossings(layers), [list(layer) for layer in layers]
    for turn in range(_ORDERINGS):
        down = turn % 2 == 0
        for layer in layers if down else reversed(layers):
            layer.sort(key=lambda cell: _middle(cell, down=down))
            for order, cell in enumerate(layer):
                cell.order = order
        crossings = _crossings(layers)
        if crossings < fewest:
            fewest, best = crossings, [list(layer) for layer in layers]
    layers[:] = best
    _number(layers)


def _number(layers: list[list[_Cell]]) -> None:
    for layer in layers:
        for order, cell in enumerate(layer):
            cell.order = order


def _middle(cell: _Cell, *, down: bool) -> float:
    """Return where the neighbours on one side are on average; where there are none, where the cell is."""
    neighbours = cell.above if down else cell.below
    return sum(each.order for each in neighbours) / len(neighbours) if neighbours else cell.order


def _crossings(layers: list[list[_Cell]]) -> int:
    """Return how many pairs of lines between neighbouring layers cross."""
    crossings = 0
    for layer in layers:
        seen: list[int] = []
        for cell in layer:
            ends = sorted(below.order for below in cell.below)
            crossings += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return crossings


def _place(layers: list[list[_Cell]]) -> None:
    """Move boxes sideways to where their neighbours are, as far as the boxes beside them let them."""
    for layer in layers:
        _spread(layer, [0.0] * len(layer), [1.0] * len(layer))
    for turn in range(_PLACINGS):
        down = turn % 2 == 0
        for layer in layers if down else reversed(layers):
            pulls = [_pull(cell, down=down) for cell in layer]
            _spread(layer, [place for place, _ in pulls], [weight for _, weight in pulls])


def _pull(cell: _Cell, *, down: bool) -> tuple[float, float]:
    """Return where a cell is drawn to, and how much: a bend follows the bend before it, all else its neighbours."""
    before = cell.above if down else cell.below
    if cell.is_bend and before[0].is_bend:
        return before[0].x, _STRAIGHT
    weights = [(each.x, 1.0) for each in (*cell.above, *cell.below)]
    total = sum(weight for _, weight in weights)
    return (sum(x * weight for x, weight in weights) / total, total) if total else (cell.x, 0.1)


def _spread(layer: list[_Cell], wanted: list[float], weights: list[float]) -> None:
    """Give the cells of a layer the places nearest to those wanted at which each keeps its distance to the next."""
    offsets = [0.0]
    for before, after in pairwise(layer):
        offsets.append(offsets[-1] + before.right + BESIDE + after.left)
    # With the distances taken away, the places only must not fall: equal ones are pooled into their mean.
    pools: list[tuple[float, float, int]] = []
    for place, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, count = place - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other, its_weight, its_count = pools.pop()
            mean = (mean * total + other * its_weight) / (total + its_weight)
            total, count = total + its_weight, count + its_count
        pools.append((mean, total, count))
    means = [mean for mean, _, count in pools for _ in range(count)]
    for cell, mean, offset in zip(layer, means, offsets, strict=True):
        cell.x = mean + offset


def _extent(layers: list[list[_Cell]]) -> tuple[float, float]:
    """Give every layer its height, begin at nought, and return width and height of the whole."""
    left = min(cell.x - cell.left for layer in layers for cell in layer)
    y = 0.0
    for layer in layers:
        height = max((cell.box.height for cell in layer), default=0.0)
        for cell in layer:
            cell.x -= left
            cell.y = y + height / 2
            cell.room = height
        y += height + BETWEEN
    return max(cell.x + cell.right for layer in layers for cell in layer), y - BETWEEN


def _route(chain: list[_Cell], source_layer: int, *, turned: bool) -> Route:
    upper, lower = chain[0], chain[-1]
    leaves, meets = _port(upper, upper.below, chain[1]), _port(lower, lower.above, chain[-2])
    # Within a layer an arrow runs straight down, so that it crosses no box or label beside it.
    straight = [(cell.x, cell.y - cell.room / 2, cell.y + cell.room / 2) for cell in chain[1:-1]]
    begins = [Point(leaves, upper.y + upper.box.height / 2), Point(leaves, upper.y + upper.room / 2)]
    ends = [Point(meets, lower.y - lower.room / 2), Point(meets, lower.y - lower.box.height / 2)]
    # A point that comes twice would leave the arrow's head without a direction.
    points = tuple(dict.fromkeys((*begins, *(Point(x, y) for x, *both in straight for y in both), *ends)))
    labelled = 2 * source_layer - 1 if turned else 2 * source_layer + 1
    label = next(cell for cell in chain[1:-1] if cell.layer == labelled)
    return Route(tuple(reversed(points)) if turned else points, Point(label.x, label.y))


def _port(cell: _Cell, neighbours: list[_Cell], neighbour: _Cell) -> float:
    """Return where an arrow leaves or meets a box: those of one side spread over the middle of it, none crossing."""
    ordered = sorted(neighbours, key=lambda each: each.order)
    place = next(number for number, each in enumerate(ordered) if each is neighbour)
    room = min(cell.box.width * 0.7, 30.0 * (len(ordered) - 1))
    return cell.x + (room * (place / (len(ordered) - 1) - 0.5) if len(ordered) > 1 else 0.0)
