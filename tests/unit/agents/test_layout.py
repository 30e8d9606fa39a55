"""Where states stand and how arrows run."""

from __future__ import annotations

from itertools import pairwise

from iact.agents.layout import Box, Layout, Link, laid_out


def layout_of(pairs: list[tuple[str, str]], boxes: str) -> Layout:
    return laid_out(
        {name: Box(60, 30) for name in boxes},
        [Link(source, target, Box(50, 16)) for source, target in pairs],
        boxes[0],
    )


def test_a_state_stands_below_those_that_lead_to_it():
    centres = layout_of([("a", "b"), ("b", "c"), ("a", "c"), ("c", "a")], "abc").centres

    assert centres["a"].y < centres["b"].y < centres["c"].y


def test_the_arrow_of_a_way_back_runs_upwards_and_its_label_is_near_where_it_begins():
    layout = layout_of([("a", "b"), ("b", "c"), ("c", "a")], "abc")
    back = layout.routes[2]
    assert back is not None

    assert [before.y > after.y for before, after in pairwise(back.points)] == [True] * (len(back.points) - 1)
    assert layout.centres["b"].y < back.label.y < layout.centres["c"].y


def test_a_straight_line_of_states_is_drawn_straight():
    layout = layout_of([("a", "b"), ("b", "c")], "abc")

    assert len({round(centre.x, 6) for centre in layout.centres.values()}) == 1
