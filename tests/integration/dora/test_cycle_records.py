"""The table `dora_metrics`: every record of an agent's file once, the same on every database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from iact.cli.main import iact
from iact.dora.cycle.records import records_of, records_of_cycle, records_of_request, take_in
from iact.dora.metrics_file import NAME
from iact.dora.records import Place
from iact.stores.connect import reading, writing
from tests.support.stores import opened

PLACE = Place(project="shop", repository="git-abc")
FAILED: dict[str, Any] = {  # the worked example of requirement DORA-06
    "cycle_id": "cycle-20251106-150000",
    "feature_id": "FEAT-001",
    "phase": "deployment",
    "decision": "failed",
    "duration_seconds": 45.0,
    "metrics": {"change_failure_rate": 15.0, "mttr": 0.25},
}
REQUEST = "req-3f2a9c1e-7d4b-4a57-9a77-1f0f5d1c2b3a"


def phase(name: str, seconds: float, **more: Any) -> dict[str, Any]:
    return {
        "cycle_id": "cycle-20251106-150000",
        "feature_id": "FEAT-001",
        "phase": name,
        "decision": "go",
        "duration_seconds": seconds,
    } | more


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    """An empty store on each database."""
    found = opened(store_url)
    yield found
    found.dispose()


def taken_in(engine: Engine, *records: dict[str, Any]) -> int:
    with writing(engine) as connection:
        return take_in(connection, PLACE, records)


def kept(engine: Engine) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return list(records_of(connection, PLACE))


def test_a_record_has_the_columns_that_the_requirements_name(engine):
    taken_in(engine, FAILED | {"request_id": REQUEST})

    with reading(engine) as connection:
        row = connection.execute(
            text(
                "SELECT cycle_id, feature_id, phase, decision, duration_seconds, change_failure_rate, mttr, request_id "
                "FROM dora_metrics WHERE project = 'shop'"
            )
        ).one()

    assert tuple(row) == ("cycle-20251106-150000", "FEAT-001", "deployment", "failed", 45.0, 15.0, 0.25, REQUEST)


def test_a_record_is_kept_as_the_file_has_it_byte_for_byte_on_every_database(engine):
    odd = phase("testing", 0.1 + 0.2, tests_passed="95/100", note='é "x"', nested={"b": 1, "a": [None, True]})

    taken_in(engine, odd)

    with reading(engine) as connection:
        record = connection.execute(text("SELECT record FROM dora_metrics")).scalar_one()
        seconds = connection.execute(text("SELECT duration_seconds FROM dora_metrics")).scalar_one()
    assert bytes(record) == json.dumps(odd, ensure_ascii=False, separators=(",", ":")).encode()
    assert seconds == 0.1 + 0.2
    assert kept(engine) == [odd]


def test_taking_in_again_adds_only_what_is_new(engine):
    first, second = phase("planning", 300), phase("testing", 7200)

    assert [taken_in(engine, first), taken_in(engine, first), taken_in(engine, first, second)] == [1, 0, 1]
    assert kept(engine) == [first, second]


def test_a_file_that_lost_its_end_takes_nothing_away(engine):
    first, second = phase("planning", 300), phase("testing", 7200)
    taken_in(engine, first, second)

    assert taken_in(engine, first) == 0
    assert kept(engine) == [first, second]


def test_two_equal_phases_of_a_cycle_are_two_records(engine):
    again = phase("testing", 60)

    assert taken_in(engine, again, again) == 2
    assert taken_in(engine, again, again) == 0
    assert kept(engine) == [again, again]


def test_cycles_of_one_id_from_two_files_are_kept_apart(engine):
    """Two machines begin a cycle in the same second; the later to be told gets the next free one, always the same."""
    mine, theirs = phase("planning", 300), phase("planning", 299)
    taken_in(engine, mine)

    assert [taken_in(engine, theirs), taken_in(engine, theirs), taken_in(engine, mine)] == [1, 0, 0]
    assert taken_in(engine, theirs, phase("testing", 60)) == 1
    assert [(one["cycle_id"], one["phase"], one["duration_seconds"]) for one in kept(engine)] == [
        ("cycle-20251106-150000", "planning", 300),
        ("cycle-20251106-150001", "planning", 299),
        ("cycle-20251106-150001", "testing", 60),
    ]


def test_records_are_found_by_cycle_and_by_request(engine):
    mine = phase("testing", 60, request_id=REQUEST)
    taken_in(engine, mine, phase("planning", 300) | {"cycle_id": "release-17"})

    with reading(engine) as connection:
        assert records_of_cycle(connection, PLACE, "cycle-20251106-150000") == [mine]
        assert records_of_request(connection, "shop", REQUEST) == [mine]
        assert records_of_request(connection, "shop", "req-unknown") == []
        assert records_of_request(connection, "another", REQUEST) == []


def run(*arguments: object) -> Any:
    result = CliRunner().invoke(iact, ["dora", *map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_records_outlive_the_checkout_that_they_were_written_in(repository, tmp_path, monkeypatch):
    """A runner of CI is gone after its job; `--keep` leaves its cycle in the store, and a report tells of it."""
    repository.commit("begin", at="2025-11-01T00:00:00Z")
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "elsewhere.json"

    cycle = run("record", "testing", "go", "2h", "--file", file, "--keep", repository.path).strip()
    run("complete", "success", "--cycle", cycle, "--file", file, "--keep", repository.path)
    file.unlink()

    assert [one["phase"] for one in json.loads(run("records", "--format", "json", "--repo", repository.path))] == [
        "testing",
        "cycle",
    ]
    assert f"Recorded in {NAME}: 1 cycle ended; lead time 2h" in run("report", "--repo", repository.path)
    listed = run("records", "--repo", repository.path, "--cycle", cycle)
    assert cycle in listed
    assert "2h" in listed
