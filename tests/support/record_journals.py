"""Record what the present release writes: `python -m tests.support.record_journals`, once for each release.

What it writes to `tests/data/journals/VERSION` is the same however often it is done, until the release writes
something else. Folders of earlier releases are never made anew.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from iact import __version__
from tests.support.journals import figures, keeping, recording


def main() -> None:
    """Record it, and say what was written."""
    folder = keeping.FOLDER / __version__
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory() as made:
        room = Path(made)
        _told(folder / "every-way-out")
        recording.record(recording.shipped_agents(), folder / "every-way-out", room / "given.db")
        for name, wait in figures.STORIES.items():
            _told(folder / name)
            figures.record(folder / name, wait, room / name)


def _told(folder: Path) -> None:
    folder.mkdir(parents=True)
    sys.stdout.write(f"{folder}\n")


if __name__ == "__main__":
    main()
