"""What recorded delivery cycles come to; worked examples 1 and 6 of the requirements among them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from iact.dora.cycles import cycles_in, summary
from iact.dora.figures import Window

NOVEMBER = Window(datetime(2025, 11, 1, tzinfo=UTC), datetime(2025, 12, 1, tzinfo=UTC))


def phase(cycle, name, decision, seconds, **more):
    return {"cycle_id": cycle, "phase": name, "decision": decision, "duration_seconds": seconds, **more}


EXAMPLE = [
    phase("cycle-20251106-150000", "planning", "go", 300.0),
    phase("cycle-20251106-150000", "testing", "go", 7200.0),
    phase("cycle-20251106-150000", "deployment", "success", 45.0),
]


def test_the_lead_time_of_a_cycle_is_the_sum_of_its_phases():
    (cycle,) = cycles_in(EXAMPLE)

    assert (cycle.lead_time, cycle.outcome) == (Decimal(7545), "success")
    assert cycle.ended_at == datetime(2025, 11, 6, 17, 5, 45, tzinfo=UTC)


def test_a_failed_deployment_is_a_failed_cycle():
    records = [
        *EXAMPLE,
        phase("cycle-20251107-150000", "deployment", "failed", 45.0, metrics={"change_failure_rate": 15.0}),
    ]

    found = summary(cycles_in(records), NOVEMBER)

    assert (found["ended"], found["failed"]["shown"]) == (2, "50%")
    assert found["lead_time"]["value"] == "3795"
    assert found["lead_time"]["no_interval"] == "2 cycles, too few: needs 6"
    assert [part["phase"] for part in found["phases"]] == ["planning", "testing", "deployment"]


def test_the_closing_record_says_how_and_when_a_cycle_ended_and_adds_no_time():
    records = [
        phase("cycle-20251030-150000", "deployment", "success", 45.0),
        phase("cycle-20251030-150000", "cycle", "failed", 45.0, completed_at="2025-11-02T10:00:00.000000Z"),
    ]

    (cycle,) = cycles_in(records)

    assert (cycle.outcome, cycle.lead_time) == ("failed", Decimal(45))
    assert summary([cycle], NOVEMBER)["ended"] == 1


def test_a_cycle_that_goes_on_or_ended_outside_the_window_counts_for_nothing():
    records = [
        phase("cycle-20251106-150000", "planning", "go", 300.0),
        phase("cycle-20251224-150000", "deployment", "success", 45.0),
    ]

    found = summary(cycles_in(records), NOVEMBER)

    assert (found["ended"], found["going_on"]) == (0, 1)
    assert found["lead_time"] is None
    assert found["failed"] is None
    assert found["phases"] == []


def test_six_cycles_give_an_interval():
    records = [phase(f"cycle-202511{day:02}-150000", "deployment", "success", 3600.0 * day) for day in range(1, 8)]

    lead_time = summary(cycles_in(records), NOVEMBER)["lead_time"]

    assert (lead_time["shown"], lead_time["interval"]["shown"]) == ("4h", "[1h, 7h]")
