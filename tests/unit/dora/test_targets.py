"""How far figures have come from baseline to target: what is credible, what is on track, and nothing from nothing."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from iact.core.problems import Problems
from iact.core.scope import Scope
from iact.core.shape import build
from iact.core.tree import from_plain
from iact.dora.figures import DefinitionReference, Figure, Interval, Missing, Unit, Window
from iact.dora.model import Targets
from iact.dora.progress import NamedTargets, progress_record
from tests.support.histories import MONDAY

DAY = 86_400
BEGINS = "2026-01-01"
LEAD_TIME: dict[str, Any] = {"over": "100d", "figures": {"lead_time": {"baseline": "7d", "target": "2d"}}}


def targets(written: dict[str, Any]) -> Targets:
    """Read targets that are well formed."""
    problems = Problems()
    built = build(Targets, from_plain(written), problems)
    assert built is not None, list(map(str, problems))
    return built


def figure(days: float | None, low: float | None = None, high: float | None = None) -> Figure:
    """Return a lead time of so many days, with an interval where one is given."""
    interval = None
    if low is not None and high is not None:
        interval = Interval(low=Decimal(str(low)) * DAY, high=Decimal(str(high)) * DAY, method="made up", source="here")
    window = Window(MONDAY, MONDAY + timedelta(days=1))
    return Figure(
        name="lead_time",
        label="Lead time",
        question="How long?",
        value=None if days is None else Decimal(str(days)) * DAY,
        unit=Unit.SECONDS,
        n=9,
        clusters=9,
        interval=interval,
        no_interval="",
        window=window,
        observed=window,
        definition=DefinitionReference(name="lead_time", version="", digest=""),
        missing=None if days is not None else Missing(reason="no releases in the window"),
        better="lower",
        left_out=(),
        statistic="median",
        shown_in="days",
    )


def progress(found: Figure | None, after: float = 50, *, begins: str | None = BEGINS) -> dict[str, Any]:
    """Return how far the lead time has come so many days after the beginning."""
    written = targets(LEAD_TIME | ({"begins": begins} if begins else {}))
    named = NamedTargets(reference=DefinitionReference(name="ours", version="", digest=""), targets=written)
    now = targets(LEAD_TIME | {"begins": BEGINS}).begins
    assert now is not None
    figures = {} if found is None else {"lead_time": found}
    record = progress_record(named, figures, now + timedelta(days=after))
    [row] = record["figures"]
    return dict(row)


@pytest.mark.parametrize(("days", "expected"), [(7, "0%"), (4.5, "50%"), (2, "100%"), (1, "120%"), (9.5, "-50%")])
def test_the_share_of_the_way_is_counted_from_the_baseline_and_may_go_the_other_way(days: float, expected: str):
    assert progress(figure(days))["share_of_way"]["shown"] == expected


@pytest.mark.parametrize(
    ("ends", "reached"),
    [
        ((1.5, 2), "reached"),
        ((1.5, 2.1), "not sure yet"),
        ((2.1, 3), "not reached"),
        ((None, None), "not sure yet: no interval"),
    ],
)
def test_a_target_is_reached_only_where_the_whole_interval_is_there(
    ends: tuple[float | None, float | None], reached: str
):
    assert progress(figure(1.9, *ends))["reached"] == reached


@pytest.mark.parametrize(
    ("after", "ends", "said"),
    [
        (50, (3, 4.5), "on track"),
        (50, (3, 4.6), "not sure yet"),
        (50, (4.6, 6), "behind"),
        (80, (3, 4.5), "not sure yet"),
        (200, (2.5, 4), "behind"),
    ],
)
def test_a_figure_is_on_track_by_the_time_that_is_gone(after: float, ends: tuple[float, float], said: str):
    assert progress(figure(sum(ends) / 2, *ends), after)["on_track"] == said


def test_of_a_figure_that_is_not_known_nothing_is_said():
    row = progress(figure(None))

    assert (row["share_of_way"], row["reached"], row["on_track"]) == (None, "unknown", "unknown")
    assert row["missing"] == "no releases in the window"


def test_a_figure_that_the_definition_does_not_compute_says_so():
    assert progress(None)["missing"] == "the definition does not compute lead_time"


@pytest.mark.parametrize(("begins", "after"), [(None, 50), (BEGINS, -1)])
def test_without_a_beginning_nobody_can_say_whether_a_figure_is_on_track(begins: str | None, after: float):
    row = progress(figure(3, 2.5, 3.5), after, begins=begins)

    assert row["share_of_way"]["shown"] == "80%"
    assert row["on_track"].startswith("unknown: nobody says when it began")


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({"over": "0s"}, "`over` is no time at all"),
        ({"figures": {"lead_time": {"baseline": "7d", "target": "7d"}}}, "begins where it is to end"),
        ({"figures": {"lead_time": {"baseline": "7d", "target": "5%"}}}, "does not go from 1w to 5%"),
    ],
)
def test_targets_that_make_no_sense_are_refused(written: dict[str, Any], message: str):
    [problem] = targets(LEAD_TIME | written).check(Scope())

    assert message in problem.message
