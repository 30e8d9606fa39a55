"""The file of an agent's delivery cycles: what it records, what it refuses, and what it leaves alone."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.metrics_file import NAME, DORAMetrics, read_records

START = datetime(2025, 11, 6, 15, 0, tzinfo=UTC)


@dataclass(slots=True)
class HandClock:
    """A clock that a test moves by hand."""

    moment: datetime = START

    def now(self) -> datetime:
        """Return the moment that the test set."""
        return self.moment


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / NAME


def test_the_lead_time_of_a_cycle_is_the_sum_of_its_phases(path: Path):
    """Worked example 1: 300 s + 7200 s + 45 s = 7545 s."""
    metrics = DORAMetrics(path, clock=HandClock(), feature_id="FEAT-001")

    metrics.record_phase("planning", "go", 300)
    metrics.record_phase("testing", "go", 7200)
    metrics.record_phase("deployment", "success", 45)

    assert metrics.calculate_lead_time() == 7545
    assert metrics.complete_cycle("success")["metrics"] == {
        "lead_time_seconds": 7545.0,
        "deployment_frequency_per_week": 1.0,
    }


def test_a_record_has_the_form_that_others_read(path: Path):
    metrics = DORAMetrics(path, clock=HandClock(), feature_id="FEAT-001")

    metrics.record_phase(
        "deployment", "FAILED", 45.0, {"metrics": {"change_failure_rate": 15.0, "mttr": 0.25}, "request_id": "req-1"}
    )

    assert json.loads(path.read_text(encoding="utf-8")) == [
        {
            "cycle_id": "cycle-20251106-150000",
            "feature_id": "FEAT-001",
            "phase": "deployment",
            "decision": "failed",
            "duration_seconds": 45.0,
            "metrics": {"change_failure_rate": 15.0, "mttr": 0.25},
            "request_id": "req-1",
        }
    ]


def test_cycles_that_begin_in_one_second_have_two_ids_of_the_same_form(path: Path):
    ids = [DORAMetrics(path, clock=HandClock()).record_phase("planning", "go", 1)["cycle_id"] for _ in range(3)]

    assert ids == ["cycle-20251106-150000", "cycle-20251106-150001", "cycle-20251106-150002"]


def test_a_phase_after_the_end_of_a_cycle_begins_another(path: Path):
    clock = HandClock()
    metrics = DORAMetrics(path, clock=clock)
    first = metrics.record_phase("planning", "go", 1)["cycle_id"]
    metrics.complete_cycle("success")
    clock.moment += timedelta(hours=1)

    assert metrics.record_phase("planning", "go", 1)["cycle_id"] == "cycle-20251106-160000" != first


def test_another_process_goes_on_with_a_cycle(path: Path):
    begun = DORAMetrics(path, clock=HandClock()).record_phase("planning", "go", 300)

    other = DORAMetrics(path, clock=HandClock(), cycle_id=begun["cycle_id"])
    other.record_phase("testing", "go", 60)

    assert other.calculate_lead_time() == 360


def test_a_closed_cycle_takes_no_further_phase(path: Path):
    metrics = DORAMetrics(path, clock=HandClock())
    cycle = metrics.record_phase("planning", "go", 1)["cycle_id"]
    metrics.complete_cycle("success")

    with pytest.raises(ConfigurationError, match="cycle-20251106-150000 is closed"):
        DORAMetrics(path, clock=HandClock(), cycle_id=cycle).record_phase("testing", "go", 1)


def test_the_frequency_counts_the_successes_of_the_last_week(path: Path):
    clock = HandClock()
    found = []
    for days, outcome in ((0, "success"), (2, "failed"), (3, "success"), (8, "Success")):
        clock.moment = START + timedelta(days=days)
        metrics = DORAMetrics(path, clock=clock)
        metrics.record_phase("deployment", "go", 1)
        found.append(metrics.complete_cycle(outcome)["metrics"]["deployment_frequency_per_week"])

    assert found == [1.0, 1.0, 2.0, 2.0]


def test_nothing_is_computed_from_nothing(path: Path):
    metrics = DORAMetrics(path, clock=HandClock())

    with pytest.raises(ConfigurationError, match="no phase yet"):
        metrics.calculate_lead_time()
    with pytest.raises(ConfigurationError, match="no phase yet"):
        metrics.complete_cycle("success")
    assert not path.exists()


@pytest.mark.parametrize("content", [[], {"written_by": "another tool", "records": []}])
def test_keys_that_nobody_here_knows_are_kept(path: Path, content: Any):
    foreign = {"cycle_id": "c1", "phase": "x", "decision": "go", "duration_seconds": 1, "tests_passed": 96, "odd": [1]}
    (content if isinstance(content, list) else content["records"]).append(foreign)
    path.write_text(json.dumps(content), encoding="utf-8")

    DORAMetrics(path, clock=HandClock()).record_phase("planning", "go", 1)

    written = json.loads(path.read_text(encoding="utf-8"))
    records = written if isinstance(written, list) else written["records"]
    assert records[0] == foreign
    assert len(records) == 2
    assert isinstance(written, list) or written["written_by"] == "another tool"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged"),
        ('[{"cycle_id": "c1"', "is damaged"),
        ('[{"duration_seconds": NaN}]', "NaN is no number"),
        ("3", "expected a list of records"),
        ('{"cycles": []}', "expected a list of records"),
        ("[7]", "record 1 is no object"),
        ('[{"cycle_id": "c1", "phase": "x", "duration_seconds": 1}]', "record 1 has no text `decision`"),
        (
            '[{"cycle_id": "c", "phase": "x", "decision": "go", "duration_seconds": -1}]',
            "record 1 has no `duration_seconds` of zero or more",
        ),
        (
            '[{"cycle_id": "c", "phase": "x", "decision": "go", "duration_seconds": 1, "completed_at": "soon"}]',
            "record 1 has a `completed_at` that is no moment",
        ),
    ],
)
def test_a_damaged_file_is_an_error_that_says_where_and_stays_as_it_is(path: Path, text: str, message: str):
    path.write_text(text, encoding="utf-8")

    with pytest.raises(EnvironmentProblemError, match=re.escape(message)):
        DORAMetrics(path, clock=HandClock()).record_phase("planning", "go", 1)

    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("phase", "duration", "metadata"),
    [
        ("", 1, {}),
        ("cycle", 1, {}),
        ("planning", -1, {}),
        ("planning", float("nan"), {}),
        ("planning", 1, {"cycle_id": "mine"}),
        ("planning", 1, {"when": START}),
        ("planning", 1, {"text": "\ud800"}),
    ],
)
def test_what_cannot_be_recorded_is_refused_and_nothing_is_written(
    path: Path, phase: str, duration: float, metadata: dict[str, Any]
):
    with pytest.raises(ConfigurationError):
        DORAMetrics(path, clock=HandClock()).record_phase(phase, "go", duration, metadata)

    assert list(path.parent.iterdir()) == []


def test_a_cycle_id_of_another_form_is_refused(path: Path):
    with pytest.raises(ConfigurationError, match="is no cycle"):
        DORAMetrics(path, clock=HandClock(), cycle_id="cycle-7")


def test_a_link_is_written_through_and_the_mode_is_kept(tmp_path: Path):
    target = tmp_path / "shared" / "metrics.json"
    target.parent.mkdir()
    target.write_text("[]", encoding="utf-8")
    target.chmod(0o660)
    link = tmp_path / NAME
    link.symlink_to(target)

    DORAMetrics(link, clock=HandClock()).record_phase("planning", "go", 1)

    assert link.is_symlink()
    assert len(read_records(target)) == 1
    assert target.stat().st_mode & 0o777 == 0o660


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path):
    with pytest.raises(EnvironmentProblemError, match="cannot be written"):
        DORAMetrics(tmp_path / "nowhere" / NAME, clock=HandClock()).record_phase("planning", "go", 1)
