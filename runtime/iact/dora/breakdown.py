"""What a figure of durations is made of: its stages, its distribution, its slowest rows, and who made them."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final, TypeAlias

from iact.core import instants
from iact.dora.figures import ManySamples, Sample, Unit, plain, rounded
from iact.dora.records import Change, PullRequest
from iact.dora.rules import Measured
from iact.dora.spans import spans_of
from iact.dora.statistics.median import median

Rows: TypeAlias = Mapping[str, Change | PullRequest]
SLOWEST: Final = 5
EDGES: Final = tuple(
    Decimal(edge) for edge in (0, 3600, 21_600, 86_400, 259_200, 604_800, 1_209_600, 2_419_200, 7_862_400, 15_724_800)
)
"""Where the bars of the distribution begin: 0, 1 h, 6 h, 1 d, 3 d, 1, 2, 4, 13 and 26 weeks."""


def amount(value: Decimal | None, unit: Unit) -> dict[str, str] | None:
    """Return an amount as exact text in its base unit, with the text for people; None when it is unknown."""
    return None if value is None else {"value": plain(value), "shown": str(unit.quantity(value))}


def breakdown(result: Measured, rows: Rows, names: Mapping[str, str]) -> dict[str, Any]:
    """Return the stages, the distribution and the slowest rows of a figure, and the figure by who made the changes.

    Args:
        result: the figure with its rows.
        rows: what each row is, by its id; where they are many, of the slowest alone.
        names: the name of each deployment by its key.
    """
    return {
        "metric": result.named.name,
        "stages": _stages(result, rows),
        "distribution": _distribution(result.samples),
        "slowest": _slowest(result, rows, names),
        "agents": _agents(result),
    }


def _stages(result: Measured, rows: Rows) -> list[dict[str, Any]]:
    """Return each stage with its share of the summed time of the changes of which every stage is known."""
    metric = result.named.metric
    if isinstance(result.samples, ManySamples):
        times = result.samples.stage_times(metric)
    else:
        times = _stage_times(result, rows)
    total = sum((summed for summed, _, _ in times), start=Decimal(0))
    return [
        {
            "stage": stage.stage,
            "share": amount(rounded(Fraction(summed) / Fraction(total)) if total else None, Unit.SHARE),
            "median": amount(middle, Unit.SECONDS),
            "n": count,
        }
        for stage, (summed, middle, count) in zip(metric.stages, times, strict=True)
    ]


def _stage_times(result: Measured, rows: Rows) -> Sequence[tuple[Decimal, Decimal | None, int]]:
    known = [spans for sample in result.samples if (spans := _spans(result, rows[sample.id])) is not None]
    columns = [[spans[place] for spans in known] for place in range(len(result.named.metric.stages))]
    return [(sum(times, start=Decimal(0)), median(times), len(times)) for times in columns]


def _spans(result: Measured, row: Change | PullRequest) -> tuple[Decimal, ...] | None:
    """Return how long each stage of a row was; None where one of them is unknown or ends before it begins."""
    metric = result.named.metric
    spans = [span for _, span in spans_of(metric.stages, metric, row) if span is not None]
    return tuple(spans) if len(spans) == len(metric.stages) else None


def _distribution(samples: Sequence[Sample]) -> list[dict[str, Any]]:
    """Return how many values lie in each bar, from its lower edge to just below its upper one."""
    counts: Sequence[int] | Counter[int]
    if isinstance(samples, ManySamples):
        counts = samples.counts(EDGES)
    else:
        counts = Counter(bisect_right(EDGES, sample.value) - 1 for sample in samples)
    bars = [*pairwise(EDGES), (EDGES[-1], None)]
    return [
        {
            "low": plain(low),
            "high": None if high is None else plain(high),
            "shown": _bar(low, high),
            "count": counts[place],
        }
        for place, (low, high) in enumerate(bars)
    ]


def _bar(low: Decimal, high: Decimal | None) -> str:
    if high is None:
        return f"{Unit.SECONDS.quantity(low)} or more"
    return f"under {Unit.SECONDS.quantity(high)}"


def slowest(samples: Sequence[Sample]) -> Sequence[Sample]:
    """Return the rows that a breakdown shows one by one."""
    if isinstance(samples, ManySamples):
        return samples.slowest(SLOWEST)
    return sorted(samples, key=lambda sample: (-sample.value, sample.id))[:SLOWEST]


def _slowest(result: Measured, changes: Rows, names: Mapping[str, str]) -> list[dict[str, Any]]:
    return [
        {
            "sha": sample.id,
            "subject": changes[sample.id].subject,
            "deployment": names[sample.cluster],
            "deployed_at": instants.write(sample.at),
            "total": amount(sample.value, Unit.SECONDS),
            "stages": _stages_of(result, changes[sample.id]),
            "agent": sample.agent,
        }
        for sample in slowest(result.samples)
    ]


def _stages_of(result: Measured, change: Change | PullRequest) -> list[dict[str, Any]] | None:
    spans = _spans(result, change)
    if spans is None:
        return None
    stages = result.named.metric.stages
    return [
        {"stage": stage.stage, "time": amount(span, Unit.SECONDS)} for stage, span in zip(stages, spans, strict=True)
    ]


def _agents(result: Measured) -> dict[str, Any] | None:
    """Return the figure for changes by AI agents and by people; None where no agent made any."""
    if isinstance(result.samples, ManySamples):
        by_agent, by_people = (result.samples.of_makers(agents=are_agents) for are_agents in (True, False))
        made = (("by_agent", by_agent), ("by_people", by_people))
        return {name: _of_makers(one.median(), len(one)) for name, one in made} if len(by_agent) else None
    if not any(sample.agent for sample in result.samples):
        return None
    by_maker: dict[bool, list[Decimal]] = defaultdict(list)
    for sample in result.samples:
        by_maker[sample.agent].append(sample.value)
    return {
        name: _of_makers(median(by_maker[is_agent]), len(by_maker[is_agent]))
        for name, is_agent in (("by_agent", True), ("by_people", False))
    }


def _of_makers(middle: Decimal | None, count: int) -> dict[str, Any]:
    return {"median": amount(middle, Unit.SECONDS), "n": count}


def medians(samples: Sequence[Sample]) -> Mapping[str, Decimal | None]:
    """Return the median of the rows of each deployment, by its key."""
    if isinstance(samples, ManySamples):
        return samples.medians()
    values: dict[str, list[Decimal]] = defaultdict(list)
    for sample in samples:
        values[sample.cluster].append(sample.value)
    return {key: median(each) for key, each in values.items()}
