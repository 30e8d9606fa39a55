"""What storms left behind, as `make soak` wrote it down: nothing lost, nothing done twice, on either server."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tests.support.project import ROOT
from tests.support.servers import DATABASE_SERVERS
from tests.support.storm import table

RECORD = json.loads((ROOT / "benchmarks/soak.json").read_text(encoding="utf-8"))


def test_the_document_shows_the_storms_that_were_raised():
    assert table(RECORD) in (ROOT / "docs/database.md").read_text(encoding="utf-8")
    assert re.fullmatch(r"[0-9a-f]{40}", RECORD["commit"])


@pytest.mark.parametrize("server", DATABASE_SERVERS)
def test_no_storm_lost_or_repeated_anything(server: str):
    storms = [one for one in RECORD["storms"] if one["server"] == server]

    assert len(storms) >= 3
    for one in storms:
        assert (one["lost"], one["repeated"], one["unaccounted"], one["balanced"]) == (0, 0, 0, True)
    troubles = sum((Counter(one["troubles"]) for one in storms), Counter())
    assert set(troubles) == {"kill", "freeze", "cut", "swallow", "stutter", "refuse"}
    assert troubles.total() >= 90
    assert sum(one["acknowledged"] for one in storms) > 5_000
