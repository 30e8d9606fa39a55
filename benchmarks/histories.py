"""Synthetic histories of any size, for benchmarks: `histories.py PATH COMMITS TAGS`."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from iact.sources.git.writer import HistoryWriter

START: Final = datetime(2016, 1, 4, 9, tzinfo=UTC)
SPAN: Final = timedelta(days=3650)
_BRANCH_LENGTH: Final = 3
_REVERT_EVERY: Final = 97
_MAINTAIN_EVERY: Final = 10


def write_history(path: Path, commits: int, tags: int) -> None:
    """Write a bare repository.

    Its mainline merges branches of three commits, every 97th change is reverted, and every tenth tag is a maintenance
    release on a branch of its own, which is never merged.

    Args:
        path: where to make it; nothing may be there yet.
        commits: how many commits it has.
        tags: how many of them are tagged as releases; at most a fifth of the commits.
    """
    step = SPAN / commits
    tag_every = commits / tags if tags else commits + 1
    with HistoryWriter(path) as writer:
        at = START
        tip = writer.commit("chore: begin", at=at)
        written, tagged, last_tagged = 1, 0, tip
        while written < commits:
            side = [tip]
            for _ in range(min(_BRANCH_LENGTH, commits - written)):
                at += step
                message = f"Revert change\n\nThis reverts commit {tip}." if written % _REVERT_EVERY == 0 else "change"
                side.append(writer.commit(message, at=at, parents=[side[-1]]))
                written += 1
            if written < commits:
                at += step
                tip = writer.commit("Merge pull request", at=at, parents=[tip, side[-1]])
                written += 1
            else:
                tip = side[-1]
            if tagged < tags and written >= (tagged + 1) * tag_every:
                tagged += 1
                maintains = tagged % _MAINTAIN_EVERY == 0 and written < commits
                if maintains:
                    at += step
                    last_tagged = writer.commit("fix: change", at=at, parents=[last_tagged])
                    written += 1
                else:
                    last_tagged = tip
                patch = tagged % _MAINTAIN_EVERY
                writer.tag(f"v{tagged // _MAINTAIN_EVERY}.{patch}.{int(maintains)}", last_tagged, at=at)
        writer.end(tip)


if __name__ == "__main__":
    write_history(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
