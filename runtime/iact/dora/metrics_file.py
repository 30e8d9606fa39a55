"""The file `.dora_sdlc_metrics.json`: how long each phase of each delivery cycle took, and how it was decided.

The file is a JSON list of records such as

    {"cycle_id": "cycle-20251106-150000", "feature_id": "FEAT-001", "phase": "deployment", "decision": "failed",
     "duration_seconds": 45.0, "metrics": {"change_failure_rate": 15.0, "mttr": 0.25}}

in which `change_failure_rate` is in per cent and `mttr` in hours. Further keys, such as `request_id`, are kept.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from iact.core import instants
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.core.instants import Clock
from iact.dora.durable_json import change_json, read_json

NAME: Final = ".dora_sdlc_metrics.json"
WHOLE_CYCLE: Final = "cycle"
"""The phase of the record that closes a cycle; its duration is the cycle's lead time."""

SUCCESS: Final = "success"
FREQUENCY_WINDOW: Final = timedelta(weeks=1)
_OWN_KEYS: Final = frozenset({"cycle_id", "feature_id", "phase", "decision", "duration_seconds"})
CYCLE_ID_FORM: Final = "cycle-%Y%m%d-%H%M%S"
"""The id of a cycle says the second in which it began, UTC."""
LONGEST_ID: Final = 128
_CYCLE_ID: Final = re.compile(r"cycle-[0-9]{8}-[0-9]{6}")

Record = dict[str, Any]


class DORAMetrics:
    """Records the phases of one delivery cycle after another.

    A cycle begins with its first phase and ends with `complete_cycle`. Its id is the second of its first phase,
    `cycle-20251106-150000`; where another cycle has that id already, it is the next free second, so that two cycles
    that begin in one second are told apart and the form of the id stays the same. Many processes may record into one
    file; each has a cycle of its own.

    Args:
        path: the file; it is made with the first record.
        clock: where the present moment comes from.
        feature_id: what the cycle delivers, such as `FEAT-001`.
        cycle_id: a cycle that another process began and this one goes on with; None begins a new one.

    Raises:
        ConfigurationError: if `cycle_id` is none.
    """

    def __init__(
        self, path: Path = Path(NAME), *, clock: Clock, feature_id: str = "", cycle_id: str | None = None
    ) -> None:
        if cycle_id is not None and not _CYCLE_ID.fullmatch(cycle_id):
            message = f"`{cycle_id}` is no cycle; a cycle is called like cycle-20251106-150000"
            raise ConfigurationError(message)
        self.path = path
        self.feature_id = feature_id
        self.cycle_id = cycle_id
        self._clock = clock

    def record_phase(
        self, phase: str, decision: str, duration: float, metadata: Mapping[str, Any] | None = None
    ) -> Record:
        """Append one phase to the file and return its record.

        Args:
            phase: such as `testing` or `deployment`.
            decision: such as `go`; it is kept in lower case.
            duration: in seconds.
            metadata: further keys of the record, such as `request_id`, `tests_passed` or `metrics`.

        Raises:
            ConfigurationError: if the phase has no name, the duration is no time, the metadata cannot be written, or
                the cycle is closed.
            EnvironmentProblemError: if the file is damaged or cannot be written.
        """
        if phase == WHOLE_CYCLE or not phase:
            message = f"a phase needs a name, and `{WHOLE_CYCLE}` is the name of the record that closes a cycle"
            raise ConfigurationError(message)
        return self._append(lambda _: _record(phase, decision, duration, metadata or {}))

    def calculate_lead_time(self) -> float:
        """Return the sum of the durations of the cycle's phases, in seconds.

        Raises:
            ConfigurationError: if the cycle has no phase yet: nothing is computed from nothing.
            EnvironmentProblemError: if the file is damaged.
        """
        return _lead_time(self._phases(read_records(self.path)))

    def complete_cycle(self, outcome: str) -> Record:
        """Close the cycle and return the record that says so; the next phase begins another cycle.

        Its `metrics` are the lead time in seconds and the deployment frequency: how many cycles ended with success in
        the week up to now, this one included.

        Args:
            outcome: `success`, or whatever else became of it; it is kept in lower case.

        Raises:
            ConfigurationError: if the cycle has no phase yet, or is closed.
            EnvironmentProblemError: if the file is damaged or cannot be written.
        """
        now = self._clock.now()

        def close(records: list[Record]) -> Record:
            lead_time = _lead_time(self._phases(records))
            closing = _record(WHOLE_CYCLE, outcome, lead_time, {"completed_at": instants.write(now)})
            frequency = _successes_since(records, now - FREQUENCY_WINDOW) + (closing["decision"] == SUCCESS)
            return closing | {
                "metrics": {"lead_time_seconds": lead_time, "deployment_frequency_per_week": float(frequency)}
            }

        record = self._append(close)
        self.cycle_id = None
        return record

    def _append(self, make: Callable[[list[Record]], Record]) -> Record:
        """Append the record that `make` returns, with the ids of the cycle and the feature in front."""
        appended: Record = {}

        def change(content: Any) -> Any:
            records = _records_in(content, self.path)
            cycle_id = self.cycle_id or _free_id(self._clock.now(), records)
            if any(record["cycle_id"] == cycle_id and record["phase"] == WHOLE_CYCLE for record in records):
                message = f"the cycle {cycle_id} is closed; leave `cycle_id` out to begin another"
                raise ConfigurationError(message)
            appended.update({"cycle_id": cycle_id, "feature_id": self.feature_id} | make(records))
            records.append(appended)
            return records if content is None else content

        change_json(self.path, change)
        self.cycle_id = appended["cycle_id"]
        return dict(appended)

    def _phases(self, records: list[Record]) -> list[Record]:
        return [record for record in records if self.cycle_id is not None and record["cycle_id"] == self.cycle_id]


def read_records(path: Path) -> list[Record]:
    """Return the records of a file, in its order; none where there is no file yet.

    Args:
        path: the file.

    Raises:
        EnvironmentProblemError: if the file is damaged; the message says where.
    """
    return _records_in(read_json(path), path)


def _records_in(content: Any, path: Path) -> list[Record]:
    """Return the list of records in what a file holds: the content itself, or what stands under `records`."""
    if content is None:
        return []
    records = content.get("records") if isinstance(content, dict) else content
    if not isinstance(records, list):
        message = f"{path}: expected a list of records. {_ADVICE}"
        raise EnvironmentProblemError(message)
    for number, record in enumerate(records, start=1):
        fault = _fault(record)
        if fault:
            message = f"{path}: record {number} {fault}. {_ADVICE}"
            raise EnvironmentProblemError(message)
    return records


_ADVICE: Final = "Mend it, or move the file away to start a new one."


def _fault(record: Any) -> str:
    if not isinstance(record, dict):
        return "is no object"
    for key in ("cycle_id", "phase", "decision"):
        if not isinstance(record.get(key), str):
            return f"has no text `{key}`"
    if len(record["cycle_id"]) > LONGEST_ID:
        return f"has a `cycle_id` of more than {LONGEST_ID} characters"
    if not _is_span(record.get("duration_seconds")):
        return "has no `duration_seconds` of zero or more"
    if "completed_at" in record and not _is_moment(record["completed_at"]):
        return "has a `completed_at` that is no moment"
    return ""


def _is_moment(value: object) -> bool:
    try:
        return isinstance(value, str) and bool(instants.parse(value))
    except ValueError:
        return False


def _is_span(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and value >= 0


def _record(phase: str, decision: str, duration: float, metadata: Mapping[str, Any]) -> Record:
    if not _is_span(duration):
        message = f"the duration of the phase {phase} must be seconds of zero or more, not {duration!r}"
        raise ConfigurationError(message)
    taken = sorted(_OWN_KEYS & set(metadata))
    if taken:
        message = f"metadata may not hold {', '.join(taken)}, which the record itself says"
        raise ConfigurationError(message)
    return {"phase": phase, "decision": decision.lower(), "duration_seconds": float(duration), **metadata}


def _free_id(now: datetime, records: list[Record]) -> str:
    taken = {record["cycle_id"] for record in records}
    moment = now
    while (candidate := f"{moment:{CYCLE_ID_FORM}}") in taken:
        moment += timedelta(seconds=1)
    return candidate


def _lead_time(phases: list[Record]) -> float:
    if not phases:
        raise ConfigurationError("the cycle has no phase yet, so it has no lead time; record one first")
    return math.fsum(record["duration_seconds"] for record in phases)


def _successes_since(records: list[Record], start: datetime) -> int:
    return sum(
        record["phase"] == WHOLE_CYCLE
        and record["decision"] == SUCCESS
        and "completed_at" in record
        and instants.parse(record["completed_at"]) > start
        for record in records
    )
