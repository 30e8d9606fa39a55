"""What the log costs: audited appends a second, what it adds to a step, and verifying a million entries.

`bench_audit.py [--only append|step|verify …] [--rounds 5] [--write]`. Appends and steps are on SQLite with
synchronous = FULL; what is appended is given its place in the log and signed before the clock is stopped. A bundle is
verified by the one file that an auditor has, in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.bench_steps import sqlite_store
from benchmarks.durable_runs import PROJECT, at_once
from benchmarks.recording import replace_paragraph
from iact.audit.assembling import assembled
from iact.audit.bundles import Manifest
from iact.audit.checkpoint import Checkpoint
from iact.audit.identity import LogIdentity
from iact.audit.keeping import keep_up
from iact.audit.notes import Note
from iact.audit.tiles import Tiles
from iact.audit.tree import leaf_hash
from iact.audit.writing import Contents, write_bundle
from iact.core.canonical import canonical, digest
from iact.engine import journal
from iact.engine.clocks import DatabaseClock
from iact.engine.host import Host
from iact.engine.journal import EntryKind, Writer
from iact.stores.units import write
from tests.support.bundles import ORIGIN, SIGNER, Journal, real_journal
from tests.support.bundles import PROJECT as SHOP

ENTRIES: Final = 1_000_000
APPENDED: Final = 50_000
RUNS: Final = 64
EACH: Final = 4
"""Entries of each run in one transaction, as when many steps share one."""
STEPS: Final = 60
LEAST_APPENDS: Final = 5_000.0
MOST_OF_A_STEP: Final = 0.15
MOST_SECONDS: Final = 60.0
MOST_MEGABYTES: Final = 500.0
PARTS: Final = ("append", "step", "verify")
RECORD: Final = Path(__file__).with_name("audit.json")
"""What was measured, the last time that `--write` was given."""
DOCUMENT: Final = Path(__file__).parents[1] / "docs/audit.md"
"""The document that says so, in a paragraph of its own."""


def appends(rounds: int) -> dict[str, Any]:
    """Measure entries that are written, given their places and signed."""
    body = json.loads(max(real_journal().entries, key=len))["body"]
    rates = []
    for _ in range(rounds):
        with sqlite_store() as engine, tempfile.TemporaryDirectory() as folder:
            host = Host(engine=engine, project=PROJECT, clock=DatabaseClock(), services={})
            identity = LogIdentity(ORIGIN, Path(folder), None, Path(folder) / "archive")
            began = time.perf_counter()
            for _ in range(APPENDED // (RUNS * EACH)):
                write(engine, lambda connection: _append(connection, body))
            keep_up(host, identity)
            rates.append(APPENDED // (RUNS * EACH) * RUNS * EACH / (time.perf_counter() - began))
    rate = statistics.median(rates)
    print(f"{rate:,.0f} audited appends/s of {len(canonical(body))} bytes each (at least {LEAST_APPENDS:,.0f})")
    return {"rate": round(rate), "bytes": len(canonical(body))}


def _append(connection: Any, body: Any) -> None:
    runs = [f"run-{number}" for number in range(RUNS)]
    writer, now = Writer(connection, PROJECT, runs), datetime.now(UTC)
    for run in runs:
        for _ in range(EACH):
            writer.append(run, EntryKind.DECISION, now, body)
    writer.flush()


def steps(rounds: int) -> dict[str, Any]:
    """Measure steps with the log and without it, in turns."""
    with_log, without = [], []
    for _ in range(rounds):
        with sqlite_store() as engine, mock.patch.object(journal, "AWAIT_PLACES"):
            without.append(at_once(engine, runs=RUNS, steps=STEPS).rate)
        with sqlite_store() as engine, tempfile.TemporaryDirectory() as folder:
            identity = LogIdentity(ORIGIN, Path(folder), None, Path(folder) / "archive")
            with_log.append(at_once(engine, runs=RUNS, steps=STEPS, identity=identity).rate)
    ratio = statistics.median(without) / statistics.median(with_log) - 1
    print(
        f"{statistics.median(with_log):,.0f} steps/s with the log, {statistics.median(without):,.0f} without: it adds "
        f"{ratio:.1%} to a step (at most {MOST_OF_A_STEP:.0%})"
    )
    return {
        "with": round(statistics.median(with_log)),
        "without": round(statistics.median(without)),
        "adds": round(ratio, 3),
    }


def verifying() -> dict[str, Any]:
    """Measure how long a bundle takes, and how much memory."""
    kept = real_journal()
    with tempfile.TemporaryDirectory() as folder:
        bundle, verifier = Path(folder) / "bundle.zip", Path(folder) / "iact_verify.py"
        verifier.write_text(assembled(), "utf-8")
        _write(bundle, kept)
        began = time.perf_counter()
        command = [sys.executable, "-I", "-S", str(verifier), str(bundle), "--key", str(SIGNER.key)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = time.perf_counter() - began
        size = bundle.stat().st_size
    if not said.startswith(f"holds, {ENTRIES} entries"):
        sys.exit(f"the bundle was not verified: {said}")
    megabytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"{ENTRIES:,} entries ({size / 1e6:.0f} MB) verified in {seconds:.1f} s (at most {MOST_SECONDS:.0f}), "
        f"{megabytes:.0f} MB of memory (at most {MOST_MEGABYTES:.0f})"
    )
    return {"entries": ENTRIES, "seconds": round(seconds, 1), "megabytes": round(megabytes)}


def _write(bundle: Path, kept: Journal) -> None:
    tiles = Tiles()
    tiles.append(leaf_hash(entry) for entry in many(kept))
    text = str(Checkpoint(ORIGIN, tiles.size, tiles.root()))
    contents = Contents(
        manifest=Manifest(SHOP, 0, tiles.size),
        checkpoint=Note(text, (SIGNER.sign(text),)),
        keys=[SIGNER.key],
        entries=many(kept),
        earlier=lambda _: (),
        definitions=lambda keys: [kept.definitions[key] for key in keys],
    )
    write_bundle(bundle, contents)


def many(kept: Journal) -> Iterator[bytes]:
    """Give the entries of a real journal again and again, under other runs' names, a million in all."""
    records = [json.loads(entry) for entry in kept.entries]
    count = 0
    for turn in range(ENTRIES):
        previous: dict[str, str] = {}
        for record in records:
            if count == ENTRIES:
                return
            count += 1
            run = f"{record['run'][:-8]}{turn:08}"
            content = canonical({**record, "run": run, "previous": previous.get(run, "")})
            previous[run] = digest(content)
            yield content


def missed(found: dict[str, Any]) -> list[str]:
    """Return which bars figures do not reach."""
    checks: dict[str, tuple[str, Callable[[Any], bool]]] = {
        "appends": ("append", lambda part: part["rate"] >= LEAST_APPENDS),
        "a step": ("step", lambda part: part["adds"] <= MOST_OF_A_STEP),
        "seconds to verify": ("verify", lambda part: part["seconds"] <= MOST_SECONDS),
        "memory to verify": ("verify", lambda part: part["megabytes"] <= MOST_MEGABYTES),
    }
    return [name for name, (part, holds) in checks.items() if part in found and not holds(found[part])]


def paragraph(found: dict[str, Any]) -> str:
    """Return what was measured, as the document says it."""
    append, step, verify = found["append"], found["step"], found["verify"]
    return (
        f"Measured by `make bench` on 2 cores with Python {found['python']} and SQLite, which waits for the disk: "
        f"{append['rate']:,} entries a second of {append['bytes']} bytes are appended, placed and signed. The log adds "
        f"{step['adds']:.1%} to a step ({step['with']:,} a second with it, {step['without']:,} without). "
        f"{verify['entries']:,} are verified in {verify['seconds']:.0f} s and {verify['megabytes']} MB of memory."
    )


def write_down(found: dict[str, Any]) -> None:
    """Keep what was measured, and say it in the document."""
    RECORD.write_text(json.dumps(found, indent=2) + "\n", "utf-8")
    replace_paragraph(DOCUMENT, "Measured by `make bench`", paragraph(found))


def main() -> None:
    """Measure, print, and end with 1 where a bar was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=PARTS, nargs="+", default=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"keep it in {RECORD.name} and {DOCUMENT.name}")
    asked = parser.parse_args()
    measures = {"append": lambda: appends(asked.rounds), "step": lambda: steps(asked.rounds), "verify": verifying}
    found = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {}
    found |= {part: measures[part]() for part in asked.only}
    if asked.write:
        found["python"] = platform.python_version()
        write_down(found)
    if wrong := missed(found):
        sys.exit(f"not reached: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
