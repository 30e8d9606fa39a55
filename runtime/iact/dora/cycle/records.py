"""The records of delivery cycles in the store: the table `dora_metrics`, taken in from the file of their agents.

An agent writes its file and needs no database. Whoever reads the repository takes in what is new in the file, each
record once. Two files may hold different cycles of one id, begun in one second on two machines; the second to come is
given the next free second, as `DORAMetrics` does within one file.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import bindparam, insert, select
from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora.metrics_file import CYCLE_ID_FORM, NAME, Record, read_records
from iact.dora.records import Place
from iact.dora.tables import DORA_METRICS, of_repository, parameters_of
from iact.engine.pruning import pruned_until
from iact.stores.chunks import LOOKED_UP, chunks
from iact.stores.query import query

_NAME_LENGTH: Final = 128
_METRICS: Final = ("change_failure_rate", "mttr", "lead_time_seconds", "deployment_frequency_per_week")
"""What has a column of its own among the `metrics` of a record."""

OF_CYCLES: Final = query(
    "The records of some cycles, in the order in which they were written.",
    select(DORA_METRICS.c.cycle_id, DORA_METRICS.c.record)
    .where(of_repository(DORA_METRICS), DORA_METRICS.c.cycle_id.in_(bindparam("cycles", expanding=True)))
    .order_by(DORA_METRICS.c.cycle_id, DORA_METRICS.c.sequence),
)
OF_REPOSITORY: Final = query(
    "The records of all cycles of a repository, in the order in which they were written.",
    select(DORA_METRICS.c.record)
    .where(of_repository(DORA_METRICS))
    .order_by(DORA_METRICS.c.cycle_id, DORA_METRICS.c.sequence),
    whole="a phase takes minutes to hours, so that there are few records",
)
OF_REQUEST: Final = query(
    "The records that a request belongs to, whatever repository they are of.",
    select(DORA_METRICS.c.record)
    .where(DORA_METRICS.c.project == bindparam("project"), DORA_METRICS.c.request_id == bindparam("request_id"))
    .order_by(DORA_METRICS.c.repository, DORA_METRICS.c.cycle_id, DORA_METRICS.c.sequence),
)
ADD: Final = query("Add records of delivery cycles.", insert(DORA_METRICS))


def take_in_file(connection: Connection, place: Place, folder: Path) -> int:
    """Take in what the file in a repository's folder holds that is not known yet; return how many records that were.

    Args:
        connection: in a writing transaction.
        place: where the records are kept.
        folder: the repository's folder; where it has no such file, there is nothing to take in.

    Raises:
        EnvironmentProblemError: if the file is damaged.
    """
    return take_in(connection, place, read_records(folder / NAME))


def take_in(connection: Connection, place: Place, records: Iterable[Record]) -> int:
    """Add the records that are not known yet, and return how many those were; those whose time is over stay deleted.

    Args:
        connection: in a writing transaction.
        place: where they are kept.
        records: of any cycles, those of one cycle in their order.
    """
    cycles: dict[str, list[Record]] = defaultdict(list)
    deleted_until = pruned_until(connection, place.project, DORA_METRICS.name) or instants.EPOCH
    for record in records:
        began = _began(record["cycle_id"])
        if began is None or began >= deleted_until:
            cycles[record["cycle_id"]].append(record)
    known = _known(connection, place, cycles)
    rows: list[dict[str, Any]] = []
    for cycle_id, told in cycles.items():
        kept = cycle_id
        while not _goes_on(told, there := _look_up(connection, place, kept, known)):
            kept = _next_id(kept)
        added = [record | {"cycle_id": kept} for record in told[len(there) :]]
        known[kept] = [*there, *added]
        rows += [_row(place, record, sequence) for sequence, record in enumerate(added, start=len(there) + 1)]
    ADD.run_many(connection, rows)
    return len(rows)


def records_of(connection: Connection, place: Place) -> Iterator[Record]:
    """Walk the records of all cycles of a repository."""
    for row in OF_REPOSITORY.rows(connection, **parameters_of(place.project, place.repository)):
        yield json.loads(row["record"])


def records_of_cycle(connection: Connection, place: Place, cycle_id: str) -> list[Record]:
    """Return the records of one cycle, in the order in which they were written."""
    return _known(connection, place, [cycle_id]).get(cycle_id, [])


def records_of_request(connection: Connection, project: str, request_id: str) -> list[Record]:
    """Return the records that a request belongs to."""
    rows = OF_REQUEST.rows(connection, project=project, request_id=request_id[:_NAME_LENGTH])
    return [json.loads(row["record"]) for row in rows]


def _known(connection: Connection, place: Place, cycles: Iterable[str]) -> dict[str, list[Record]]:
    found: dict[str, list[Record]] = {cycle_id: [] for cycle_id in cycles}
    for part in chunks(found, LOOKED_UP):
        for row in OF_CYCLES.rows(connection, cycles=part, **parameters_of(place.project, place.repository)):
            found[row["cycle_id"]].append(json.loads(row["record"]))
    return found


def _look_up(connection: Connection, place: Place, cycle_id: str, known: dict[str, list[Record]]) -> Sequence[Record]:
    if cycle_id not in known:
        known |= _known(connection, place, [cycle_id])
    return known[cycle_id]


def _goes_on(told: Sequence[Record], there: Sequence[Record]) -> bool:
    """Return whether what is told is what is there, or more or less of it; ids aside, by which they are compared."""
    shared = min(len(told), len(there))
    return [_without_id(one) for one in told[:shared]] == [_without_id(one) for one in there[:shared]]


def _without_id(record: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != "cycle_id"}


def _next_id(cycle_id: str) -> str:
    """Return the id of the next second; of an id that tells no time, the same with a mark."""
    began = _began(cycle_id)
    return f"{cycle_id}+" if began is None else f"{began + timedelta(seconds=1):{CYCLE_ID_FORM}}"


def _began(cycle_id: str) -> datetime | None:
    try:
        return datetime.strptime(cycle_id, CYCLE_ID_FORM).replace(tzinfo=UTC)
    except ValueError:
        return None


def _row(place: Place, record: Record, sequence: int) -> dict[str, Any]:
    metrics = record.get("metrics")
    return {
        "project": place.project,
        "repository": place.repository,
        "cycle_id": record["cycle_id"],
        "sequence": sequence,
        "feature_id": _text(record.get("feature_id")) or "",
        "phase": record["phase"][:_NAME_LENGTH],
        "decision": record["decision"][:_NAME_LENGTH],
        "duration_seconds": float(record["duration_seconds"]),
        "request_id": _text(record.get("request_id")),
        "began_at": _began(record["cycle_id"]) or instants.EPOCH,
        "record": json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode(),
    } | {name: _number(metrics, name) for name in _METRICS}


def _text(value: object) -> str | None:
    return value[:_NAME_LENGTH] if isinstance(value, str) else None


def _number(metrics: object, name: str) -> float | None:
    value = metrics.get(name) if isinstance(metrics, Mapping) else None
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
