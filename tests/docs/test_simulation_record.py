"""What `make soak` wrote down of plays of the engine: as many seeds as promised, every trouble, no violation."""

from __future__ import annotations

import json
import re

from tests.support.project import ROOT

RECORD = json.loads((ROOT / "benchmarks/simulation.json").read_text(encoding="utf-8"))
TROUBLES = {"busy", "clock", "kill", "kill within", "no answer", "pause", "refused", "slow", "stop"}


def test_ten_thousand_seeds_were_played_and_none_failed():
    assert (RECORD["first"], RECORD["seeds"], RECORD["failed"]) == (1, 10_000, [])
    assert re.fullmatch(r"[0-9a-f]{40}", RECORD["commit"])


def test_every_trouble_came_thousands_of_times():
    assert {name for name, times in RECORD["counted"].items() if times > 1_000} >= TROUBLES
    assert RECORD["counted"]["transitions"] > 50_000
