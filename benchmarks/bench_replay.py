"""`iact pdca replay` through the whole of both real histories, week by week: at most 60 seconds of processor time each.

It prints what a step and what a history took, and how many looks were made. The whole process counts, from its start to
its exit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BUNDLES = Path(__file__).parents[1] / "tests" / "data" / "git-histories"
HISTORIES = ("flask", "requests")
END = "2026-11-01"
MOST_SECONDS = 60.0
IACT = shutil.which("iact", path=str(Path(sys.executable).parent)) or "iact"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What going through one history took.

    Attributes:
        seconds: of processor time, of this process and those that it started.
        megabytes: of memory, at the most.
        found: what was told.
    """

    seconds: float
    megabytes: float
    found: dict[str, Any]


def measure(folder: Path, bundle: Path) -> Measured:
    """Go through the history of a bundle in a new project.

    Args:
        folder: an empty folder for the project.
        bundle: the history.
    """
    subprocess.run([IACT, "init", str(folder)], check=True, capture_output=True)
    repository, said = folder / "repository", folder / "said.json"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(bundle), str(repository)], check=True)
    command = [IACT, "pdca", "replay", "--repo", str(repository), "--to", END, "--format", "json"]
    with said.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"iact pdca replay of {bundle.name} ended with {process.returncode}")
    return Measured(
        seconds=used.ru_utime + used.ru_stime,
        megabytes=used.ru_maxrss / 1024,
        found=json.loads(said.read_text(encoding="utf-8")),
    )


def main() -> None:
    """Print what each history takes, and fail where one takes too long."""
    missed = False
    for name in HISTORIES:
        with tempfile.TemporaryDirectory() as folder:
            measured = measure(Path(folder), BUNDLES / f"{name}.bundle")
        steps = measured.found["steps"]
        looks = sum(len(step["experiment"]["looks"]) for step in steps if step["experiment"])
        print(
            f"iact pdca replay of {name}, {len(steps)} weekly steps, {looks:,} looks: {measured.seconds:.1f} s of "
            f"processor time (at most {MOST_SECONDS:.0f} s), {measured.seconds / len(steps) * 1000:.0f} ms a step, "
            f"{measured.megabytes:.0f} MB"
        )
        missed = missed or measured.seconds > MOST_SECONDS
    if missed:
        sys.exit(1)


if __name__ == "__main__":
    main()
