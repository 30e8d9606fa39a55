"""Whatever an agent is, its picture can be read: nothing lies over anything else, and every arrow meets its states."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from iact.agents.layout import BESIDE, Box, Layout, Link, Point, laid_out

NAMES = "abcdefgh"
LINKS = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=24, unique=True)


def layout_of(pairs: list[tuple[str, str]], boxes: str = NAMES) -> Layout:
    return laid_out(
        {name: Box(60 + 10 * place, 30) for place, name in enumerate(boxes)},
        [Link(source, target, Box(50, 16)) for source, target in pairs],
        boxes[0],
    )


@given(LINKS)
def test_no_two_boxes_or_labels_lie_over_each_other_and_all_lie_in_the_drawing(pairs: list[tuple[str, str]]):
    layout = layout_of(pairs)
    sizes = {name: Box(60 + 10 * place, 30) for place, name in enumerate(NAMES)}
    placed = [(centre, sizes[name]) for name, centre in layout.centres.items()]
    placed += [(route.label, Box(50, 16)) for route in layout.routes if route]

    assert [pair for pair in combinations(placed, 2) if overlap(*pair)] == []
    assert all(centre.x - box.width / 2 + 1e-6 >= 0 for centre, box in placed)
    assert all(centre.x + box.width / 2 <= layout.width + 1e-6 for centre, box in placed)
    assert all(0 < centre.y < layout.height for centre, _ in placed)


@given(LINKS)
def test_an_arrow_leaves_one_state_and_meets_the_other(pairs: list[tuple[str, str]]):
    layout = layout_of(pairs)

    for (source, target), route in zip(pairs, layout.routes, strict=True):
        assert (route is None) == (source == target)
        if route:
            assert abs(route.points[0].y - layout.centres[source].y) == 15
            assert abs(route.points[-1].y - layout.centres[target].y) == 15


def overlap(one: tuple[Point, Box], other: tuple[Point, Box]) -> bool:
    (here, box), (there, its) = one, other
    beside = abs(here.x - there.x) - (box.width + its.width) / 2
    above = abs(here.y - there.y) - (box.height + its.height) / 2
    return beside < BESIDE - 1e-6 and above < 0
