"""`iact dora report` of 20,000 commits and 500 tags into a fresh store, the whole process: 1.5 seconds, 200 MB."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMITS = 20_000
TAGS = 500
MOST_SECONDS = 1.5
MOST_MEGABYTES = 200.0
REPEATS = 5


def measure(history: Path, folder: Path, bytecode: Path) -> tuple[float, float]:
    """Return the seconds and the megabytes that one report takes: of iact, or of git if that takes more."""
    # Python compiles modules the first time they are used and keeps the result, unless it is told not to.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment = kept | {"PYTHONPYCACHEPREFIX": str(bytecode)}
    iact = shutil.which("iact", path=str(Path(sys.executable).parent)) or "iact"
    window = ["--from", "2016-01-01", "--to", "2026-01-01"]
    command = [iact, "dora", "report", "--repo", str(history), "--format", "json", *window]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"iact dora report ended with {process.returncode}")
    return seconds, used.ru_maxrss / 1024


def main() -> None:
    """Print the middle of a few runs, and fail where it is too slow or takes too much memory."""
    with tempfile.TemporaryDirectory() as temporary:
        history = Path(temporary) / "history"
        generator = Path(__file__).with_name("histories.py")
        subprocess.run([sys.executable, str(generator), str(history), str(COMMITS), str(TAGS)], check=True)
        runs = []
        for number in range(REPEATS + 1):
            folder = Path(temporary) / f"fresh-{number}"
            folder.mkdir()
            runs.append(measure(history, folder, Path(temporary) / "bytecode"))
    del runs[0]  # the one that compiled
    seconds = sorted(run[0] for run in runs)[REPEATS // 2]
    megabytes = max(run[1] for run in runs)
    print(
        f"iact dora report, {COMMITS:,} commits, {TAGS} tags, fresh store: {seconds:.2f} s (at most {MOST_SECONDS} s), "
        f"{megabytes:.0f} MB (at most {MOST_MEGABYTES:.0f} MB), of {REPEATS} runs"
    )
    if seconds > MOST_SECONDS or megabytes > MOST_MEGABYTES:
        sys.exit(1)


if __name__ == "__main__":
    main()
