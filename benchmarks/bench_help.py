"""`iact --help`, the whole process: at most 200 milliseconds."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

MOST_MILLISECONDS = 200.0
REPEATS = 10


def milliseconds() -> float:
    """Return how long one `iact --help` takes, from its start to its exit."""
    iact = shutil.which("iact", path=str(Path(sys.executable).parent)) or "iact"
    began = time.perf_counter()
    subprocess.run([iact, "--help"], check=True, capture_output=True)
    return (time.perf_counter() - began) * 1_000


def main() -> None:
    """Print the middle of a few runs, and fail where it is too slow."""
    taken = sorted(milliseconds() for _ in range(REPEATS))
    middle = taken[REPEATS // 2]
    print(f"iact --help: {middle:.0f} ms (at most {MOST_MILLISECONDS:.0f} ms), of {REPEATS} runs")
    if middle > MOST_MILLISECONDS:
        sys.exit(1)


if __name__ == "__main__":
    main()
