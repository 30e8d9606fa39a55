"""Classes of delivery figures: strict limits, ties, what no band holds, and how sure a class is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from iact.config.loading import load
from iact.core.problems import Problems
from iact.core.quantities import parse
from iact.core.scope import Scope
from iact.core.shape import build
from iact.core.tree import from_plain
from iact.dora.classes import class_record, overall_record
from iact.dora.definitions import NamedBands, named_definition
from iact.dora.figures import DefinitionReference, Figure, Interval, Missing, Unit, Window
from iact.dora.model import Bands
from iact.dora.model.bands import majority
from tests.support.histories import MONDAY
from tests.support.project import ROOT

ORDER = ("elite", "high", "medium", "low")
DAY = 86_400


def shipped(name: str) -> NamedBands:
    """Return shipped bands."""
    project = load(ROOT).project
    assert project is not None
    found = named_definition(project, "iact", name).bands
    assert found is not None
    return found


def bands(written: dict[str, Any]) -> Bands:
    """Read bands that are well formed."""
    problems = Problems()
    built = build(Bands, from_plain({"year": 2025, "source": "us"} | written), problems)
    assert built is not None, list(map(str, problems))
    return built


def figure(value: int | str | None, low: int | str = "", high: int | str = "", unit: Unit = Unit.SECONDS) -> Figure:
    """Return a figure with an interval where one is given."""
    interval = Interval(low=Decimal(low), high=Decimal(high), method="made up", source="here") if low != "" else None
    return Figure(
        name="lead_time",
        label="Lead time",
        question="How long?",
        value=None if value is None else Decimal(value),
        unit=unit,
        n=9,
        clusters=9,
        interval=interval,
        no_interval="" if interval else "too few",
        window=Window(MONDAY, MONDAY.replace(year=MONDAY.year + 1)),
        observed=Window(MONDAY, MONDAY.replace(year=MONDAY.year + 1)),
        definition=DefinitionReference(name="lead_time", version="1", digest="sha256:0"),
        missing=Missing(reason="nothing") if value is None else None,
        better="lower",
        left_out=(),
        statistic="median",
        shown_in="days",
    )


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("deployment_frequency", "3/week", "elite"),
        ("deployment_frequency", "1/week", None),
        ("lead_time", "1.5d", "elite"),
        ("lead_time", "2d", None),
        ("lead_time", "48.5h", None),
        ("lead_time", "47h", "elite"),
        ("change_failure_rate", "8%", "high"),
        ("change_failure_rate", "15%", None),
        ("time_to_restore", "2.5h", "elite"),
        ("time_to_restore", "15m", "elite"),
        ("time_to_restore", "4h", None),
    ],
)
def test_a_limit_of_the_owner_that_is_just_met_is_not_kept(name: str, value: str, expected: str | None):
    assert shipped("owner").bands.class_of(name, parse(value)) == expected


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (("elite", "elite", "high", "elite"), "elite"),
        (("elite", "elite", "high", "high"), "high"),
        (("low", "elite", "medium", "high"), "low"),
        (("elite", "elite", None, None), None),
        (("elite", "elite", "elite", None), "elite"),
        (("elite", None, None, None), None),
        ((None, None, None, None), None),
        ((), None),
    ],
)
def test_the_overall_class_is_the_most_frequent_one_and_of_ties_the_lower(
    classes: tuple[str | None, ...], expected: str | None
):
    assert majority(ORDER, classes) == expected


def test_a_figure_that_is_not_known_has_no_class_in_any_bands():
    """Four Keys and Middleware showed a lead time of nothing as the best class."""
    for name in ("owner", "dora-2021", "dora-2023"):
        record = class_record(shipped(name), "lead_time", figure(None))
        assert record is not None
        assert (record["class"], record["shown"]) == (None, "no class")
        overall = overall_record(shipped(name), {"lead_time": record})
        assert (overall["overall"], overall["classed"]) == (None, 0)


def test_a_class_whose_interval_crosses_a_limit_says_which_classes_it_reaches():
    record = class_record(shipped("dora-2023"), "lead_time", figure(DAY // 2, DAY // 4, 8 * DAY))

    assert record == {
        "class": "elite",
        "shown": "Elite, interval reaches High and Medium",
        "interval_reaches": ["high", "medium"],
        "bands": "dora-2023",
    }


def test_an_interval_that_only_touches_a_strict_limit_reaches_beyond_it():
    """At two days exactly the owner's class ends, so an interval that ends there holds a value without a class."""
    record = class_record(shipped("owner"), "lead_time", figure(DAY, DAY // 2, 2 * DAY))

    assert record is not None
    assert record["shown"] == "Elite, interval reaches Unclassed"
    assert record["bands"] == "owner (2025)"


def test_an_interval_within_one_class_adds_no_doubt():
    record = class_record(shipped("owner"), "lead_time", figure(DAY, DAY // 2, DAY + 1))

    assert record is not None
    assert record["shown"] == "Elite"


def test_a_class_without_an_interval_says_that_there_is_none():
    record = class_record(shipped("owner"), "lead_time", figure(DAY))

    assert record is not None
    assert record["shown"] == "Elite, no interval"


def test_figures_that_bands_say_nothing_of_are_not_classed():
    rework = figure("0.5", unit=Unit.SHARE)

    assert class_record(shipped("owner"), "rework_rate", rework) is None


@pytest.mark.parametrize(
    ("band", "message", "hint"),
    [
        ({"class": "elit", "below": "2d"}, "`class: elit` is none of `classes`", "Did you mean elite?"),
        ({"class": "elite"}, "the band has no limit", "at_least"),
        ({"class": "elite", "below": "15%"}, "`below: 15%` does not fit lead_time: expected a duration", "unit"),
    ],
)
def test_a_band_that_cannot_be_kept_is_refused(band: dict[str, Any], message: str, hint: str):
    [problem] = bands({"bands": {"lead_time": [band]}}).check(Scope())

    assert message in problem.message
    assert hint in problem.hint


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"figures": {"lead_time": "2d"}, "expect": {"lead_time": "elite"}}, "expected elite, classed unclassed"),
        ({"figures": {}, "expect": {"lead_tim": "elite"}}, "`lead_tim` is no figure of these bands"),
        ({"figures": {"lead_time": "1d"}, "expect": {"overall": "elite"}}, "`overall`: expected elite"),
    ],
)
def test_an_example_of_bands_that_comes_out_otherwise_is_told(example: dict[str, Any], message: str):
    written = bands({"bands": {"lead_time": [{"class": "elite", "below": "2d"}]}, "examples": [example]})

    [problem] = written.run_examples(Scope())

    assert message in problem.message
