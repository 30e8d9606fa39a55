"""One project, fed the same on each database: its reports, explanations, journals and backups are the same bytes."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from iact.stores.backups.archive import verify
from iact.stores.backups.model import Table
from services import mysql_protocol
from tests.support.databases import command
from tests.support.stores import KINDS, PASSWORD, RULES, StoreAt, store_at
from tests.support.trials import PROJECT, Shop

EXTENDING = PROJECT.replace("spec:\n", "spec:\n  extends: [iact]\n")
WINDOW = ("--repo", "repository", "--from", "2026-01-05", "--to", "2026-06-29")
METRICS = ("deployment_frequency", "lead_time", "change_failure_rate", "time_to_restore", "rework_rate")
SAID = {
    "report": ("dora", "report", *WINDOW),
    "report as data": ("dora", "report", *WINDOW, "--format", "json"),
    "report by the owner's definition": ("dora", "report", *WINDOW, "--definition", "owner", "--format", "json"),
    "report by DevLake's definition": ("dora", "report", *WINDOW, "--definition", "devlake", "--format", "json"),
    "records": ("dora", "records", "--repo", "repository", "--format", "json"),
    "parameters": ("pdca", "parameters"),
    "replay": ("pdca", "replay", *WINDOW[:2], "--to", "2026-06-01", "--every", "4w", "--format", "json"),
    "look at the past": ("run", "pdca", *WINDOW[:2], "--as-of", "2026-06-01", "--format", "json"),
    **{f"explanation of {name}": ("dora", "explain", name, *WINDOW, "--format", "json") for name in METRICS},
}
"""What is asked of each, at moments that do not depend on when the test runs."""
OF_SERVERS = "iact_units"
"""The table that only transactions on a server write to."""


EMPTY = (
    "activations",
    "dora_metrics",
    "holds",
    "journal_anchors",
    "log_archives",
    "log_checkpoints",
    "log_cosignatures",
    "log_heads",
    "log_keys",
    "log_leaves",
    "log_publications",
    "log_tiles",
    "occurrences",
    "persons",
    "prunings",
    "pulls",
    "remarks",
    "reverts",
    "revocations",
    "runners",
    "timers",
    "unread_events",
)
"""Tables in which nothing is left in the end."""
OF_THE_MOMENT = {"claims": ("runner", "claimed_at"), "repositories": ("synced_at",)}
"""What differs each time the test runs: names that are drawn by lot, and real moments; they are compared as empty."""


class InTurn:
    """Names runs one after the other instead of drawing lots: the names stand in every entry of a journal."""

    def __init__(self) -> None:
        self._numbers = itertools.count(1)

    def uuid4(self) -> UUID:
        """Return the next name."""
        return UUID(int=next(self._numbers))


def told() -> list[dict[str, object]]:
    """Return what others tell of the shop: an incident that ended, one that goes on, and a deployment nobody knows."""
    names = {"service": "Käse 🧀", "title": "tab\tand\nline"}
    return [
        {
            "kind": "incident",
            "id": 1,
            "opened_at": "2026-03-03T10:00:00.123456Z",
            "resolved_at": "2026-03-03 14:30Z",
            **names,
        },
        {"kind": "incident", "id": "A ", "opened_at": "2026-04-07T10:00:00+02:00"},
        {"kind": "deployment", "id": "ä", "environment": "production", "deployed_at": "2026-05-05T09:00:00Z"},
    ]


def live(place: StoreAt, folder: Path) -> None:
    """Let a project try an improvement and keep it, with its store at a place."""
    shop = Shop.open(folder, RULES)
    shop.engine.dispose()
    with place.opened() as engine:
        shop.engine = engine
        shop.experiments().run()
        shop.experiments().start("faster")
        shop.history.pass_weeks(8, wait=timedelta(hours=6))
        ended = shop.experiments().run()
        assert (ended.state, ended.ended_at is None) == ("kept", False)
    lines = place.lines if place.server else f"  store: {{sqlite: {Path(place.place).relative_to(folder)}}}\n"
    (folder / "iact.yaml").write_text(EXTENDING + lines, encoding="utf-8")
    (folder / "told.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in told()), encoding="utf-8")


def left_by(place: StoreAt, folder: Path) -> Mapping[str, bytes]:
    """Return every byte that may be compared, by what it is called."""
    live(place, folder)
    found: dict[str, bytes] = {}
    for name, words in {"ingest": ("ingest", "told.jsonl", *WINDOW[:2]), **SAID}.items():
        result = command(*words)
        assert result.exit_code == 0, (name, result.output)
        found[name] = result.stdout.encode()
    for page in sorted((folder / ".iact/reports").glob("*")):
        found[page.name] = page.read_bytes()
    journal = place.rows("SELECT number, run, sequence, kind, body, digest FROM journal ORDER BY number")
    found["journal"] = b"\n".join(repr(row[:4]).encode() + row[4] + row[5].encode() for row in journal)
    command("backup", "--to", "all.zip")
    backup = verify(folder / "all.zip")
    for table, _ in backup.manifest.tables:
        if table.name != OF_SERVERS:
            found[f"table {table.name}"] = b"".join(comparable(line, table) for line in backup.lines(table))
    return found


def comparable(line: bytes, table: Table) -> bytes:
    """Return the line of a row as it is, or without what differs each time."""
    emptied = OF_THE_MOMENT.get(table.name, ())
    if not emptied:
        return line
    row = dict(zip(table.names, json.loads(line), strict=True))
    assert all(row[name] for name in emptied)
    return json.dumps({**row, **dict.fromkeys(emptied)}, ensure_ascii=False).encode()


def test_the_same_project_fed_the_same_is_the_same_bytes_on_every_database(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    monkeypatch.setenv("COLUMNS", "200")
    left: dict[str, Mapping[str, bytes]] = {}
    with ExitStack() as places:
        for kind in KINDS:
            monkeypatch.setattr("iact.engine.runtime.uuid", InTurn())
            folder = tmp_path / kind / "shop"
            folder.mkdir(parents=True)
            place = places.enter_context(store_at(kind, request, folder / ".iact"))
            monkeypatch.chdir(folder)
            left[kind] = left_by(place, folder)

    expected = left["sqlite"]
    assert len(expected["journal"]) > 10_000
    assert b"faster" in expected["journal"]
    assert {name for name, content in expected.items() if not content} <= {f"table {name}" for name in EMPTY}
    for kind in KINDS:
        assert [name for name in expected if left[kind].get(name) != expected[name]] == [], kind
        assert set(left[kind]) == set(expected)
