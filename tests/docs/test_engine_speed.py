"""What docs say of speed is what the benchmarks measured, and no figure missed its bar."""

from __future__ import annotations

import json

from benchmarks import bench_audit, bench_recovery, bench_steps
from tests.support.servers import DATABASE_SERVERS

STEPS = json.loads(bench_steps.RECORD.read_text("utf-8"))
RECOVERY = json.loads(bench_recovery.RECORD.read_text("utf-8"))
AUDIT = json.loads(bench_audit.RECORD.read_text("utf-8"))


def test_the_table_of_steps_is_what_was_measured_and_every_part_kept_its_bar():
    assert bench_steps.DOCUMENT.read_text("utf-8").endswith(f"\n\n{bench_steps.tables(STEPS)}")
    assert set(bench_steps.PARTS) <= STEPS.keys()
    assert bench_steps.missed(STEPS) == []


def test_the_log_costs_what_the_page_on_audit_says():
    assert f"\n\n{bench_audit.paragraph(AUDIT)}\n\n" in bench_audit.DOCUMENT.read_text("utf-8")
    assert set(bench_audit.PARTS) <= AUDIT.keys()
    assert bench_audit.missed(AUDIT) == []


def test_every_server_is_as_quick_after_trouble_as_the_page_says():
    assert f"\n\n{bench_recovery.paragraph(RECOVERY)}\n\n" in bench_recovery.DOCUMENT.read_text("utf-8")
    assert set(DATABASE_SERVERS) <= RECOVERY.keys()
    assert bench_recovery.missed(RECOVERY) == []
