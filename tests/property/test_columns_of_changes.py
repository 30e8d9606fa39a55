"""Changes as columns give the figures that the same changes give one by one, to the last digit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from iact.core import instants
from iact.core.quantities import duration
from iact.dora.breakdown import breakdown, medians, slowest
from iact.dora.column_reading import columns_of
from iact.dora.figures import DefinitionReference, ManySamples, Window
from iact.dora.model import Metric
from iact.dora.model.metric import Stage
from iact.dora.records import Change, Deployment
from iact.dora.rules import History, NamedMetric, measured
from iact.dora.store import CELLS
from iact.dora.terms import Better, Each, Exclusion, Milestone, Source
from iact.dora.trend import trend

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
YEAR = Window(MONDAY, MONDAY + timedelta(days=365))
STAGES = (
    Stage(stage="write", from_=Milestone.AUTHORED, to=Milestone.COMMITTED),
    Stage(stage="merge", from_=Milestone.COMMITTED, to=Milestone.MERGED),
    Stage(stage="wait", from_=Milestone.MERGED, to=Milestone.DEPLOYED),
)
MOMENTS = st.integers(-400 * 86_400, 30 * 86_400).map(lambda second: timedelta(seconds=second))
FRACTIONS = st.sampled_from([timedelta(), timedelta(microseconds=1), timedelta(microseconds=999_999)])


@st.composite
def metrics(draw: st.DrawFn) -> NamedMetric:
    """Draw a metric of changes, by any statistic of durations."""
    spans: dict[str, Any] = draw(
        st.sampled_from(
            [
                {"from_": Milestone.AUTHORED, "to": Milestone.DEPLOYED},
                {"from_": Milestone.MERGED, "to": Milestone.DEPLOYED},
                {"from_": Milestone.AUTHORED, "to": Milestone.MERGED},
                {"sum_of": STAGES[1:]},
            ]
        )
    )
    return NamedMetric(
        reference=DefinitionReference(name="lead_time", version="1", digest="sha256:0"),
        metric=Metric(
            question="?",
            each=Each.CHANGE,
            show=draw(st.sampled_from(["median", "lower_median", "mean"])),
            unit="days",
            better=Better.LOWER,
            sources=(Source.CHANGES, Source.DEPLOYMENTS),
            round_up_to=draw(st.sampled_from([None, duration(timedelta(minutes=1)), duration(timedelta(days=1))])),
            stages=STAGES,
            leave_out=tuple(draw(st.sets(st.sampled_from(Exclusion)))),
            **spans,
        ),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[tuple[Deployment, ...], list[Change]]:
    """Draw deployments of a year and what each was the first to contain; clocks disagree, merges are unknown."""
    hours = sorted(draw(st.lists(st.integers(0, 365 * 24 - 1), max_size=16)))
    deployments = tuple(
        Deployment(
            key=f"d{number}", name=f"v{number}", names=(), sha="", deployed_at=MONDAY + timedelta(hours=hour),
            previous=None, environment="production", source="git", changes=1, is_hotfix=False, first_known=number == 0,
        )
        for number, hour in enumerate(hours)
    )  # fmt: skip
    changes: list[Change] = []
    for deployment in deployments:
        for _ in range(draw(st.integers(0, 5))):
            moments = [deployment.deployed_at + draw(MOMENTS) - draw(FRACTIONS) for _ in range(3)]
            if draw(st.booleans()):
                moments.sort()
            changes.append(
                Change(
                    sha=f"{len(changes):03}", subject="", authored_at=moments[0], committed_at=moments[1],
                    merged_at=draw(st.sampled_from([moments[2], moments[2], None])), merged_by=None,
                    is_merge=draw(st.booleans()), by_agent=draw(st.booleans()), deployment=deployment.key,
                    deployed_at=deployment.deployed_at,
                )
            )  # fmt: skip
    return deployments, changes


def cells(change: Change) -> list[object]:
    """Return a change as SQLite holds it."""
    values = [getattr(change, name) for name in CELLS]
    return [instants.write(value) if isinstance(value, datetime) else value for value in values]


@settings(max_examples=50)
@given(drawn=histories(), metric=metrics(), order=st.randoms(use_true_random=False))
def test_columns_give_what_rows_give(drawn, metric, order):
    deployments, changes = drawn
    shuffled = order.sample(changes, len(changes))
    parts = [list(zip(*map(cells, part), strict=True)) for part in (shuffled[::2], shuffled[1::2]) if part]
    rows = History(
        known_from=MONDAY - timedelta(days=1), deployments=deployments, changes=tuple(changes), failures=(),
        failure_sources=(),
    )  # fmt: skip
    columns = History(
        known_from=rows.known_from, deployments=deployments, changes=columns_of(parts, deployments), failures=(),
        failure_sources=(),
    )  # fmt: skip

    expected, found = (measured(metric, history, YEAR) for history in (rows, columns))

    assert isinstance(found.samples, ManySamples)
    assert found.figure.to_record() == expected.figure.to_record()
    assert sorted(found.samples) == sorted(expected.samples)
    assert trend(found, columns, YEAR) == trend(expected, rows, YEAR)
    assert dict(medians(found.samples)) == dict(medians(expected.samples))
    known = {change.sha: change for change in changes}
    names = {deployment.key: deployment.name for deployment in deployments}
    few = {sample.id: known[sample.id] for sample in slowest(found.samples)}
    assert breakdown(found, few, names) == breakdown(expected, known, names)
