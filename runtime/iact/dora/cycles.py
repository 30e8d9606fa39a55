"""Delivery cycles as their agents recorded them in `.dora_sdlc_metrics.json`: how long they took, and in which phase.

What git knows begins with a commit; a cycle begins with the first phase of the work. Both are reported side by side,
and neither stands in for the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from iact.core import instants
from iact.dora.figures import Interval, Sample, Unit, Window, plain, rounded
from iact.dora.metrics_file import CYCLE_ID_FORM, NAME, SUCCESS, WHOLE_CYCLE, Record
from iact.dora.statistics.median import Median, median
from iact.dora.statistics.share import Share

DEPLOYMENT: Final = "deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """One delivery cycle.

    Attributes:
        cycle_id: such as `cycle-20251106-150000`.
        ended_at: when it was closed, or else when its phases were over by its start and their durations; UTC.
        phases: name, decision and seconds of each phase, in the order of the file.
        outcome: how it ended, such as `success`; empty while it goes on.
    """

    cycle_id: str
    ended_at: datetime
    phases: tuple[tuple[str, str, Decimal], ...]
    outcome: str

    @property
    def lead_time(self) -> Decimal:
        """The sum of the durations of its phases, in seconds."""
        return sum((seconds for _, _, seconds in self.phases), start=Decimal(0))


def cycles_in(records: Iterable[Record]) -> tuple[Cycle, ...]:
    """Return the cycles that records tell of, in the order in which they begin in the file.

    A cycle has ended when it was closed, or else when its deployment was decided upon: not every writer closes cycles.
    """
    by_id: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_id[record["cycle_id"]].append(record)
    return tuple(_cycle(cycle_id, own) for cycle_id, own in by_id.items())


def summary(cycles: Sequence[Cycle], window: Window) -> dict[str, Any]:
    """Return what the cycles that ended in `window` came to, as JSON data in the form of the delivery report."""
    ended = [cycle for cycle in cycles if cycle.outcome and cycle.phases and cycle.ended_at in window]
    whole = median(cycle.lead_time for cycle in ended)
    failed = [Decimal(cycle.outcome != SUCCESS) for cycle in ended]
    return {
        "file": NAME,
        "ended": len(ended),
        "going_on": sum(not cycle.outcome for cycle in cycles),
        "lead_time": _figure(whole, Unit.SECONDS, Median().interval(_samples(ended, _lead_times(ended)), window)),
        "failed": _figure(
            rounded(Fraction(sum(failed)) / len(failed)) if failed else None,
            Unit.SHARE,
            Share().interval(_samples(ended, failed), window),
        ),
        "phases": _phases(ended),
    }


def _cycle(cycle_id: str, records: Sequence[Record]) -> Cycle:
    phases = tuple(
        (record["phase"], record["decision"], Decimal(str(record["duration_seconds"])))
        for record in records
        if record["phase"] != WHOLE_CYCLE
    )
    closing = next((record for record in records if record["phase"] == WHOLE_CYCLE), None)
    deployed = [decision for phase, decision, _ in phases if phase == DEPLOYMENT]
    return Cycle(
        cycle_id=cycle_id,
        ended_at=_end(cycle_id, phases, closing),
        phases=phases,
        outcome=closing["decision"] if closing else next(reversed(deployed), ""),
    )


def _end(cycle_id: str, phases: Iterable[tuple[str, str, Decimal]], closing: Mapping[str, Any] | None) -> datetime:
    if closing and "completed_at" in closing:
        return instants.parse(closing["completed_at"])
    try:
        began = datetime.strptime(cycle_id, CYCLE_ID_FORM).replace(tzinfo=UTC)
    except ValueError:
        # Another writer's id tells no time; such a cycle is in every window that begins at the beginning.
        return instants.EPOCH
    return began + timedelta(seconds=float(sum(seconds for _, _, seconds in phases)))


def _lead_times(cycles: Iterable[Cycle]) -> list[Decimal]:
    return [cycle.lead_time for cycle in cycles]


def _samples(cycles: Iterable[Cycle], values: Iterable[Decimal]) -> list[Sample]:
    return [
        Sample(value=value, cluster=cycle.cycle_id, at=cycle.ended_at, id=cycle.cycle_id)
        for cycle, value in zip(cycles, values, strict=True)
    ]


def _figure(value: Decimal | None, unit: Unit, interval: Interval | str) -> dict[str, Any] | None:
    if value is None:
        return None
    return {
        **_amount(value, unit),
        "interval": interval.to_record(unit) if isinstance(interval, Interval) else None,
        "no_interval": interval.replace("release", "cycle") if isinstance(interval, str) else "",
    }


def _phases(cycles: Iterable[Cycle]) -> list[dict[str, Any]]:
    """Return, for each phase in the order of its first appearance, how long it took and its share of all the time."""
    spans: dict[str, list[Decimal]] = defaultdict(list)
    for cycle in cycles:
        for phase, _, seconds in cycle.phases:
            spans[phase].append(seconds)
    whole = sum((sum(values) for values in spans.values()), start=Decimal(0))
    return [
        {
            "phase": phase,
            "n": len(values),
            "median": _amount(middle, Unit.SECONDS),
            "share": _amount(rounded(Fraction(sum(values)) / Fraction(whole)), Unit.SHARE) if whole else None,
        }
        for phase, values in spans.items()
        if (middle := median(values)) is not None
    ]


def _amount(value: Decimal, unit: Unit) -> dict[str, str]:
    return {"value": plain(value), "shown": str(unit.quantity(value))}
