"""What holds of delivery metrics whatever the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from iact.dora.figures import DefinitionReference, Figure, Sample, Window, plain, seconds
from iact.dora.model import Metric
from iact.dora.records import Change, Deployment, Failure
from iact.dora.rules import History, NamedMetric, figure, measured, select
from iact.dora.statistics import STATISTICS
from iact.dora.statistics.median import flip_probability, median, median_bounds
from iact.dora.terms import Better, Each, Milestone, NoData, Source, Where
from iact.dora.trend import trend

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
YEAR = Window(MONDAY, MONDAY + timedelta(days=365))
REFERENCE = DefinitionReference(name="figure", version="1", digest="sha256:0")

METRICS = {
    "lead_time": Metric(
        question="?", each=Each.CHANGE, show="median", unit="days", better=Better.LOWER,
        sources=(Source.CHANGES, Source.DEPLOYMENTS), from_=Milestone.COMMITTED, to=Milestone.DEPLOYED,
    ),
    "frequency": Metric(
        question="?", each=Each.DEPLOYMENT, show="per_week", unit="per week", better=Better.HIGHER,
        sources=(Source.DEPLOYMENTS,), no_data=NoData.ZERO,
    ),
    "failure_rate": Metric(
        question="?", each=Each.DEPLOYMENT, show="share", unit="percent", better=Better.LOWER, where=Where.FAILED,
        sources=(Source.DEPLOYMENTS, Source.FAILURES),
    ),
    "restore": Metric(
        question="?", each=Each.FAILURE, show="median", unit="hours", better=Better.LOWER, from_=Milestone.STARTED,
        to=Milestone.RESTORED, sources=(Source.DEPLOYMENTS, Source.FAILURES),
    ),
}  # fmt: skip


def at(hour: int) -> datetime:
    """Return a moment of the year."""
    return MONDAY + timedelta(hours=hour)


HOURS = st.integers(min_value=0, max_value=365 * 24 - 1)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Draw a year of deployments with changes and failures."""
    hours = draw(st.lists(HOURS, max_size=12, unique=True))
    deployments = [
        Deployment(
            key=f"d{hour}", name=f"v{hour}", names=(), sha="", deployed_at=at(hour), previous=None,
            environment="production", source="git", changes=1, is_hotfix=draw(st.booleans()), first_known=False,
        )
        for hour in sorted(hours)
    ]  # fmt: skip
    changes: list[Change] = []
    failures: list[Failure] = []
    for deployment in deployments:
        for lead in draw(st.lists(st.integers(min_value=-50, max_value=5000), max_size=6)):
            committed = deployment.deployed_at - timedelta(hours=lead)
            changes.append(
                Change(
                    sha=f"c{len(changes)}", subject="", authored_at=committed, committed_at=committed,
                    merged_at=committed, merged_by=None, is_merge=draw(st.booleans()), by_agent=False,
                    deployment=deployment.key, deployed_at=deployment.deployed_at,
                )
            )  # fmt: skip
        for length in draw(st.lists(st.none() | st.integers(min_value=0, max_value=5000), max_size=3)):
            restored = None if length is None else deployment.deployed_at + timedelta(hours=length)
            failures.append(
                Failure(
                    key=f"f{len(failures)}", kind="incident", deployment=deployment.key, restored_by=None,
                    started_at=deployment.deployed_at, restored_at=restored, evidence="", source="git",
                )
            )  # fmt: skip
    return History(
        known_from=MONDAY - timedelta(days=1),
        deployments=tuple(deployments),
        changes=tuple(changes),
        failures=tuple(failures),
        failure_sources=("revert",),
    )


def changes_of(known: History) -> tuple[Change, ...]:
    """Return the changes of a history, which holds them one by one."""
    assert isinstance(known.changes, tuple)
    return known.changes


def within(known: History, window: Window) -> History:
    """Return what reading only `window` gives."""
    return replace(
        known,
        deployments=tuple(each for each in known.deployments if each.deployed_at in window),
        changes=tuple(each for each in changes_of(known) if each.deployed_at and each.deployed_at in window),
    )


def figures(known: History, window: Window = YEAR) -> dict[str, Figure]:
    """Return every figure of a window."""
    return {
        name: figure(NamedMetric(reference=REFERENCE, metric=metric), within(known, window), window)
        for name, metric in METRICS.items()
    }


@given(histories())
def test_the_change_failure_rate_is_never_above_one(known: History):
    rate = figures(known)["failure_rate"]

    assert rate.value is None or 0 <= rate.value <= 1


@given(histories())
def test_a_figure_has_a_value_or_the_reason_why_not(known: History):
    for found in figures(known).values():
        assert (found.value is None) == (found.missing is not None)
        assert found.value is None or (found.interval is None) == bool(found.no_interval)
        assert found.interval is None or found.value is not None


@given(histories())
def test_an_interval_holds_its_figure(known: History):
    for found in figures(known).values():
        if found.interval is not None and found.value is not None:
            assert found.interval.low <= found.value <= found.interval.high


@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(known: History, random):
    shuffled = replace(
        known,
        deployments=tuple(random.sample(known.deployments, len(known.deployments))),
        changes=tuple(random.sample(changes_of(known), len(changes_of(known)))),
        failures=tuple(random.sample(known.failures, len(known.failures))),
    )

    assert figures(shuffled) == figures(known)


@given(histories(), st.integers(min_value=1, max_value=364))
def test_windows_that_adjoin_share_no_row_and_lose_none(known: History, days: int):
    middle = MONDAY + timedelta(days=days)
    halves = (Window(YEAR.start, middle), Window(middle, YEAR.end))

    for metric in METRICS.values():
        whole = {sample.id for sample in select(metric, known, YEAR).samples}
        parts = [{sample.id for sample in select(metric, within(known, half), half).samples} for half in halves]
        assert parts[0] | parts[1] == whole
        assert not parts[0] & parts[1]


@given(histories(), st.integers(min_value=1, max_value=300))
def test_moving_a_window_by_a_day_moves_only_what_lies_at_its_edges(known: History, length: int):
    before = Window(YEAR.start, YEAR.start + timedelta(days=length))
    after = Window(before.start + timedelta(days=1), before.end + timedelta(days=1))

    for metric in METRICS.values():
        old, new = (set(select(metric, within(known, window), window).samples) for window in (before, after))
        assert all(sample.at < after.start for sample in old - new)
        assert all(sample.at >= before.end for sample in new - old)


@given(histories())
def test_a_trend_holds_every_row_once(known: History):
    for metric in METRICS.values():
        found = measured(NamedMetric(reference=REFERENCE, metric=metric), known, YEAR)
        assert sum(point.n for point in trend(found, known, YEAR)) == found.figure.n


@given(st.lists(st.lists(st.integers(-10, 10).map(Decimal), min_size=1, max_size=5), min_size=6, max_size=15))
def test_the_bounds_of_a_median_are_values_around_it(clusters: list[list[Decimal]]):
    bounds = median_bounds(clusters)
    every = [value for cluster in clusters for value in cluster]
    middle = median(every)

    assert bounds is not None
    assert middle is not None
    assert bounds[0] <= middle <= bounds[1]
    assert set(bounds) <= set(every)


@given(st.lists(st.integers(-30, 30), min_size=1, max_size=30), st.randoms(use_true_random=False))
def test_the_probability_of_a_sum_of_signs_does_not_depend_on_order_or_sign(deviations: list[int], random):
    shuffled = [-each for each in random.sample(deviations, len(deviations))]

    assert flip_probability(shuffled) == flip_probability(deviations)
    assert 0 < flip_probability(deviations) <= 1


@given(st.integers(min_value=0, max_value=400), st.integers(min_value=1, max_value=5000))
def test_a_rate_lies_in_its_interval_whatever_the_count(count: int, hours: int):
    window = Window(MONDAY, MONDAY + timedelta(hours=hours))
    rows = [Sample(value=Decimal(1), cluster=str(number), at=MONDAY, id=str(number)) for number in range(count)]
    per_week = STATISTICS["per_week"]()
    value, interval = per_week.value(rows, window), per_week.interval(rows, window)

    assert value is not None
    assert not isinstance(interval, str)
    assert interval.low <= value <= interval.high


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=100_000)))
def test_seconds_are_exact(span: timedelta):
    assert seconds(span) * 1_000_000 == span // timedelta(microseconds=1)
    assert Decimal(plain(seconds(span))) == seconds(span)


@given(
    st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001 - the zone is added
    st.timedeltas(min_value=timedelta(seconds=1), max_value=timedelta(days=9_999)),
    st.integers(min_value=1, max_value=20),
)
def test_the_parts_of_a_window_adjoin(start: datetime, span: timedelta, count: int):
    window = Window(start.replace(tzinfo=UTC), start.replace(tzinfo=UTC) + span)
    parts = window.parts(count)

    assert (parts[0].start, parts[-1].end) == (window.start, window.end)
    assert all(before.end == after.start for before, after in pairwise(parts))
    assert len(parts) == count
