"""Commits as `git log` prints them: one stream, children before their parents, whatever bytes their messages hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from iact.sources.git.command import Git
from iact.sources.git.model import seconds

# Neither names nor messages can hold a zero byte (git ends them there), so it separates fields and commits alike.
_FIELDS: Final = ("%H", "%P", "%at", "%ct", "%an <%ae>", "%cn <%ce>", "%B")
_WIDTH: Final = len(_FIELDS)
_LOG: Final = (
    "log",
    "--stdin",
    "--topo-order",
    "-z",
    f"--format={'%x00'.join(_FIELDS)}",
    "--no-patch",
    "--no-notes",
    "--no-color",
    "--no-show-signature",
    "--encoding=UTF-8",
)


class Record(NamedTuple):
    """A commit as git holds it; a tuple, since there are many.

    Attributes:
        sha: its id.
        parents: the ids of its parents; the first is the one it was made on.
        authored: when it was written, in seconds since 1970 UTC.
        committed: when it got its present form, likewise.
        people: author and committer, each as `Name <address>`; compared with the patterns of agents, never stored.
        message: the whole message.
    """

    sha: str
    parents: tuple[str, ...]
    authored: int
    committed: int
    people: tuple[bytes, bytes]
    message: bytes


def read_log(git: Git, tips: Iterable[str], without: Iterable[str] = ()) -> Iterator[Record]:
    """Stream the commits reachable from `tips` but not from `without`, children before their parents.

    Args:
        git: the repository.
        tips: commits to start from; without any there is nothing to read.
        without: commits that are left out together with all their ancestors.

    Raises:
        SourceError: when git cannot read them.
    """
    starts = list(dict.fromkeys(tips))
    if not starts:
        return
    with git.stream(*_LOG, lines=[*starts, *(f"^{sha}" for sha in dict.fromkeys(without))]) as pieces:
        yield from _records(pieces)


def _records(pieces: Iterable[bytes]) -> Iterator[Record]:
    rest: list[bytes] = []
    tail = b""
    for piece in pieces:
        head, *others = piece.split(b"\0")
        if not others:
            tail += head
            continue
        fields = [*rest, tail + head, *others]
        tail = fields.pop()
        whole = len(fields) - len(fields) % _WIDTH
        yield from map(_record, *(fields[place:whole:_WIDTH] for place in range(_WIDTH)))
        rest = fields[whole:]


def _record(  # noqa: PLR0913, PLR0917 - one parameter for each field of the format
    sha: bytes, parents: bytes, authored: bytes, committed: bytes, author: bytes, committer: bytes, message: bytes
) -> Record:
    at = seconds(committed, otherwise=0)
    return Record(
        sha.decode(),
        tuple(parents.decode().split()),
        at if authored == committed else seconds(authored, otherwise=at),
        at,
        (author, committer),
        message,
    )
