"""`iact ingest` of 100,000 rows into an empty store, the whole process: at most 15 seconds; and the same file again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from iact.sources.git.writer import HistoryWriter

ROWS = 100_000
COMMITS = 1_000
MOST_SECONDS = 15.0
START = datetime(2020, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def write(folder: Path) -> tuple[Path, Path]:
    """Write a repository and a file of deployments and incidents about it, and return where they are."""
    repository, events = folder / "repository", folder / "events.jsonl"
    shas: list[str] = []
    with HistoryWriter(repository) as writer:
        for number in range(COMMITS):
            shas.append(writer.commit(f"change {number}", at=START + number * HOUR, parents=shas[-1:]))
        writer.end(shas[-1])
    with events.open("w", encoding="utf-8") as file:
        for number in range(ROWS):
            at = START + number * HOUR
            incident = {"kind": "incident", "id": number, "opened_at": at.isoformat()}
            deployment = {"environment": "production", "deployed_at": at.isoformat(), "sha": shas[number % COMMITS]}
            row = {"kind": "deployment", "id": number, **deployment} if number % 10 else incident
            file.write(json.dumps(row) + "\n")
    return repository, events


def seconds(folder: Path, repository: Path, events: Path) -> float:
    """Return how long one `iact ingest` takes, from its start to its exit."""
    iact = shutil.which("iact", path=str(Path(sys.executable).parent)) or "iact"
    command = [iact, "ingest", str(events), "--repo", str(repository), "--store", str(folder / "iact.db")]
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, cwd=folder)
    return time.perf_counter() - began


def main() -> None:
    """Print how long both take, and fail where the first is too slow."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        repository, events = write(folder)
        first, again = seconds(folder, repository, events), seconds(folder, repository, events)
    rate = f"{ROWS / first:,.0f} rows/s"
    print(f"iact ingest of {ROWS:,} rows: {first:.1f} s (at most {MOST_SECONDS:.0f} s), {rate}; again {again:.1f} s")
    print(f"on {os.cpu_count()} processors")
    if first > MOST_SECONDS:
        sys.exit(1)


if __name__ == "__main__":
    main()
