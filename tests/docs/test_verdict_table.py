"""The table of verdicts in docs/pdca.md is the one that its benchmark prints."""

from __future__ import annotations

import re

import pytest

from benchmarks.bench_verdicts import COMMAND, SEED, SHUFFLED, Row, wilson
from iact.pdca.verdict import Verdict
from tests.support.project import ROOT

TEXT = (ROOT / "docs/pdca.md").read_text(encoding="utf-8")
LINE = re.compile(
    r"\| [^|]+ \| ([\d,]+) \| ([\d.]+) % \[([\d.]+) %, ([\d.]+) %\] \| [^|]+ \| [^|]+ \| (yes|\*\*no\*\*) \|"
)


def test_the_table_names_the_command_and_the_seed_that_made_it():
    assert f"`{COMMAND}`, seed {SEED:,}" in TEXT


def test_every_line_of_the_table_has_the_interval_of_its_share():
    lines = LINE.findall(TEXT)

    assert len(lines) == 15
    for count, share, low, high, _ in lines:
        total = int(count.replace(",", ""))
        # The share is rounded, so the number that it came from is known to within one or two.
        expected = [end * 100 for end in wilson(round(float(share) / 100 * total), total)]
        assert [float(low), float(high)] == pytest.approx(expected, abs=0.15)


def test_a_bar_is_missed_where_the_interval_reaches_above_it():
    kept, unclear = (Verdict.KEEP, 8.0), (Verdict.INCONCLUSIVE, 24.0)
    few, many = (kept,) * 80 + (unclear,) * 1920, (kept,) * 110 + (unclear,) * 1890

    assert Row("nothing changed", few, false=True, bar=0.05, upper=0.065).holds
    assert not Row("nothing changed", many, false=True, bar=0.05, upper=0.065).holds
    assert len(few) == SHUFFLED
