"""What was promised of delivery metrics, on the way that a user's data takes: events, git, store, figures.

Where each bug that others had is tested, in the order in which the field tells of them:

no data shown as 0 or "One day": `test_a_window_without_anything_is_unknown_and_not_zero` (here) and
    `test_no_failure_is_zero_where_failures_are_looked_for_and_unknown_where_not` (tests/unit/dora/test_metric_rules.py)
9 deployments in 30 days shown as 2 a month: `test_a_rate_is_divided_by_what_the_history_covers_of_a_window` (here)
the failure rate counted incidents, or passed 100 %: `test_the_failure_rate_counts_deployments_that_failed` (here) and
    `test_devlake_8890_…` (tests/integration/dora/test_ingest.py)
`finished_date` taken from `updated_at`: `test_devlake_8302_…` (tests/unit/sources/test_payloads.py)
the window moved by a day: `test_a_window_that_moves_by_a_day_changes_by_what_lies_at_its_edges` (here)
an incident linked however old the deployment: `test_devlake_8150_…` (tests/unit/dora/test_attribution.py)
squash merges and batched deployments: `test_fourkeys_456_…` (tests/integration/dora/test_ingest.py) and
    `test_changes_that_wait_together_are_deployed_together` (here)
a cross join of incidents and deployments: `test_devlake_8374_…` (tests/unit/dora/test_attribution.py)
30,001 queries for 10,000 changes: `test_devlake_8714_…` (tests/integration/dora/test_ingest.py)
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from iact.config.opening import open_project
from iact.core import instants
from iact.dora.archive import Archive
from iact.dora.collect import collect
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window, plain, seconds
from iact.dora.ingest import ingest
from iact.dora.measure import read_history
from iact.dora.rules import Measured, NamedMetric, measured
from iact.sources.events.files import understand
from iact.sources.events.rules import EventRules
from iact.sources.git.rules import GitRules
from tests.support.git import GitRepository
from tests.support.kept import passing
from tests.support.project import ROOT

EXAMPLES = settings(max_examples=30, deadline=None)
BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
LIMIT = timedelta(hours=24)
TOLD = EventRules(incidents_within=LIMIT, incidents_told=True)
HOURS = st.integers(0, 24 * 60)
ZONES = st.sampled_from(
    ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Asia/Beirut"]
)


@dataclass(frozen=True)
class Place:
    """A repository with one commit and the store that events about it go to."""

    connection: Connection
    path: Path
    metrics: Mapping[str, NamedMetric]

    def measure(self, window: Window) -> dict[str, Measured]:
        """Read what is new and compute every figure of a window."""
        collect(self.connection, "p", "r", self.path, GitRules(), BEGIN, events=TOLD)
        history = read_history(self.connection, "p", "r", window)
        return {name: measured(named, history, window) for name, named in self.metrics.items()}

    def take_in(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Take in rows of our own form."""
        assert ingest(self.connection, "p", "r", [understand(row, 1) for row in rows]).rejected == []

    @contextmanager
    def thrown_away(self) -> Iterator[None]:
        """Take back at the end what was written."""
        transaction = self.connection.begin()
        try:
            yield
        finally:
            transaction.rollback()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    repository = GitRepository.create(tmp_path_factory.mktemp("bars") / "repository")
    repository.commit("first", at="2026-01-01")
    with passing() as engine, engine.connect() as connection:
        yield Place(connection, repository.path, named_metrics(open_project(ROOT)))


def at(hour: float) -> datetime:
    return BEGIN + timedelta(hours=hour)


def deployed(number: int, hour: float) -> dict[str, Any]:
    moment = at(hour).isoformat()
    return {"kind": "deployment", "id": number, "environment": "production", "deployed_at": moment}


def incident(number: int, hour: float, length: float | None) -> dict[str, Any]:
    ended = {} if length is None else {"resolved_at": at(hour + length).isoformat()}
    return {"kind": "incident", "id": number, "opened_at": at(hour).isoformat()} | ended


DEPLOYMENTS = st.lists(HOURS, max_size=25, unique=True)
INCIDENTS = st.lists(st.tuples(HOURS, st.none() | st.integers(0, 200)), max_size=25)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Draw a window that may hold nothing, part of what happened, or more than all of it."""
    start = draw(st.integers(-500, 24 * 70))
    return Window(at(start), at(start + draw(st.integers(1, 24 * 90))))


def told(deployments: Sequence[int], incidents: Sequence[tuple[int, int | None]]) -> list[dict[str, Any]]:
    # Half an hour later, so that no incident opens at the moment of a deployment.
    return [
        *(deployed(number, hour) for number, hour in enumerate(deployments)),
        *(incident(number, hour + 0.5, length) for number, (hour, length) in enumerate(incidents)),
    ]


def at_fault(opened: datetime, deployments: Sequence[int]) -> datetime | None:
    """Return when the deployment was whose fault an incident is, looked for one by one."""
    before = [at(hour) for hour in deployments if timedelta() <= opened - at(hour) <= LIMIT]
    return max(before, default=None)


@EXAMPLES
@given(deployments=DEPLOYMENTS, incidents=INCIDENTS, window=windows())
def test_the_failure_rate_counts_deployments_that_failed(place, deployments, incidents, window):
    """It is the share of the window's deployments of which any incident is the fault, so it never passes 1."""
    with place.thrown_away():
        place.take_in(told(deployments, incidents))
        found = place.measure(window)["change_failure_rate"]

    links = [(at(hour + 0.5), at_fault(at(hour + 0.5), deployments)) for hour, _ in incidents]
    inside = [at(hour) for hour in deployments if at(hour) in window]
    failed = {moment for _, moment in links if moment is not None and moment in window}
    assert found.figure.n == len(inside)
    if inside:
        assert found.figure.value is not None
        assert abs(found.figure.value - Decimal(len(failed)) / len(inside)) < Decimal("1e-9")
        assert 0 <= found.figure.value <= 1
        left_out = sum(moment is None and opened in window for opened, moment in links)
        assert sum(reason.count for reason in found.figure.left_out) == left_out
    else:
        assert found.figure.value is None


@EXAMPLES
@given(incidents=INCIDENTS, window=windows())
def test_the_time_to_restore_is_the_middle_of_an_even_number_as_of_an_odd_one(place, incidents, window):
    with place.thrown_away():
        place.take_in(told(range(0, 24 * 60, 12), incidents))
        found = place.measure(window)["time_to_restore"].figure

    restored = [length * 3600 for hour, length in incidents if length is not None and at(hour + 0.5 + length) in window]
    assert found.n == len(restored)
    assert found.value == (Decimal(str(statistics.median(restored))) if restored else None)


@EXAMPLES
@given(deployments=DEPLOYMENTS, incidents=INCIDENTS, window=windows())
def test_a_window_that_moves_by_a_day_changes_by_what_lies_at_its_edges(place, deployments, incidents, window):
    day = timedelta(days=1)
    moved = Window(window.start + day, window.end + day)
    with place.thrown_away():
        place.take_in(told(deployments, incidents))
        before, after = place.measure(window), place.measure(moved)

    for name in ("deployment_frequency", "change_failure_rate", "time_to_restore"):
        old, new = set(before[name].samples), set(after[name].samples)
        assert all(row.at < moved.start for row in old - new)
        assert all(row.at >= window.end for row in new - old)


@EXAMPLES
@given(
    deployments=DEPLOYMENTS,
    incidents=st.lists(st.tuples(HOURS, st.none() | st.integers(0, 2000), st.none() | st.integers(0, 24)), max_size=25),
    window=windows(),
    late=st.none() | st.integers(-200, 24 * 70),
)
def test_figures_are_those_of_all_failures_though_a_window_reads_only_its_own(
    place, deployments, incidents, window, late
):
    """Incidents name deployments however old, last however long, and end before the deployment that they name."""
    as_of = None if late is None else at(late)
    with place.thrown_away():
        place.take_in(told(deployments, [(hour, length) for hour, length, _ in incidents]))
        named = [
            incident(number, hour + 0.5, length) | {"deployment": str(of)}
            for number, (hour, length, of) in enumerate(incidents)
            if of is not None
        ]
        place.take_in(named)
        collect(place.connection, "p", "r", place.path, GitRules(), BEGIN, events=TOLD)
        whole = Archive.read(place.connection, "p", "r").history(window, as_of)
        read = read_history(place.connection, "p", "r", window, as_of=as_of)

    assert set(read.failures) <= set(whole.failures)
    for metric in place.metrics.values():
        assert measured(metric, read, window) == measured(metric, whole, window)


@EXAMPLES
@given(deployments=DEPLOYMENTS, incidents=INCIDENTS, window=windows(), data=st.data())
def test_events_in_any_order_and_twice_give_the_same_figures(place, deployments, incidents, window, data):
    rows = told(deployments, incidents)
    again = data.draw(st.permutations(rows + rows))
    figures = []
    for one in (rows, again):
        with place.thrown_away():
            place.take_in(one)
            figures.append({name: found.figure.to_record() for name, found in place.measure(window).items()})

    assert figures[0] == figures[1]


@EXAMPLES
@given(deployments=DEPLOYMENTS, incidents=INCIDENTS, hours=st.integers(1, 5000))
def test_a_window_without_anything_is_unknown_and_not_zero(place, deployments, incidents, hours):
    """Only a count may be 0, and only of time in which the history was known."""
    later = Window(at(24 * 100), at(24 * 100 + hours))
    earlier = Window(datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
    with place.thrown_away():
        place.take_in(told(deployments, incidents))
        found, unknown = place.measure(later), place.measure(earlier)

    assert all(one.figure.value is None and one.figure.missing for one in unknown.values())
    for name, one in found.items():
        if name == "deployment_frequency" and deployments:
            assert one.figure.value == 0
        else:
            assert one.figure.value is None
            assert one.figure.missing is not None


@EXAMPLES
@given(count=st.integers(1, 40), days=st.integers(30, 2000))
def test_a_rate_is_divided_by_what_the_history_covers_of_a_window(place, count, days):
    """So nine deployments in a history of 30 days are 2.1 a week, however long the window that was asked for."""
    with place.thrown_away():
        place.take_in([deployed(number, number * 24 * 30 / count) for number in range(count)])
        window = Window.ending(at(24 * 30), timedelta(days=days))
        found = place.measure(window)["deployment_frequency"].figure

    covered = at(24 * 30) - max(window.start, BEGIN)
    assert found.observed.span == covered
    assert found.value is not None
    assert abs(found.value - Decimal(count) * 604_800 / seconds(covered)) < Decimal("1e-9")


@given(zone=ZONES, day=st.dates(date(2015, 1, 1), date(2030, 1, 1)))
def test_a_day_of_a_zone_is_as_long_as_its_clocks_make_it_and_days_adjoin(zone, day):
    """The first moment of a day is the earliest that bears its date there, on days of 23 and 25 hours too."""
    where = ZoneInfo(zone)
    first, after = (instants.parse(one.isoformat(), where) for one in (day, day + timedelta(days=1)))

    assert first.astimezone(where).date() == day
    assert (first - timedelta(microseconds=1)).astimezone(where).date() < day
    assert timedelta(hours=22) < after - first < timedelta(hours=26)


@EXAMPLES
@given(zone=ZONES, day=st.dates(date(2026, 1, 8), date(2026, 11, 20)), days=st.integers(1, 21))
def test_a_rate_a_week_is_the_same_in_weeks_of_167_and_169_hours(steady, zone, day, days):
    """There is a deployment each hour, and windows of whole days of a zone in which the clocks were changed."""
    where = ZoneInfo(zone)
    bounds = [instants.parse(one.isoformat(), where) for one in (day, day + timedelta(days=days))]

    found = steady.measure(Window(*bounds))["deployment_frequency"].figure

    assert found.n == (bounds[1] - bounds[0]) / timedelta(hours=1)
    assert plain(found.value) == "168"


@pytest.fixture(scope="module")
def steady(place: Place) -> Iterator[Place]:
    """A place with a deployment each hour of a year."""
    with passing() as engine, engine.connect() as connection:
        found = Place(connection, place.path, {"deployment_frequency": place.metrics["deployment_frequency"]})
        found.take_in([deployed(number, number + 0.25) for number in range(24 * 365)])
        yield found


@EXAMPLES
@given(waits=st.lists(st.integers(1, 400), min_size=1, max_size=9, unique=True))
def test_changes_that_wait_together_are_deployed_together(tmp_path_factory, waits):
    """Each has its own lead time, they are one cluster, and nothing is deployed twice."""
    repository = GitRepository.create(tmp_path_factory.mktemp("batch") / "repository")
    repository.commit("before", at="2026-01-01")
    repository.tag("v1.0.0")
    for wait in sorted(waits, reverse=True):
        repository.commit(f"waits {wait}", at=f"{at(500 - wait):%Y-%m-%d %H:%M}")
    with passing() as engine, engine.begin() as connection:
        row = deployed(1, 500) | {"sha": repository.head}
        place = Place(connection, repository.path, named_metrics(open_project(ROOT)))
        place.take_in([row])
        found = place.measure(Window(at(400), at(600)))["lead_time"].figure

    assert (found.n, found.clusters) == (len(waits), 1)
    assert found.value == Decimal(str(statistics.median(waits))) * 3600
