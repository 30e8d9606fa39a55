"""What is read out of a git history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from iact.sources.git.versions import Version

_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, the last that a calendar date can hold."""
_NO_VERSION: Final = Version((), (0, 0), "")


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch and the commit at its end.

    Attributes:
        name: its short name, `HEAD` when no branch is checked out.
        tip: the id of its last commit.
    """

    name: str
    tip: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """A commit that the rules recognise as deployed.

    Attributes:
        sha: the commit; several tags on it are one release.
        name: the highest final version among its tags, or the abbreviated commit of a merge.
        names: all its tags that are deployments.
        deployed_at: the earliest date of those tags: of the tagger when annotated, else of the commit.
        version: what its name says, if it says a version.
        previous: the nearest release among its ancestors (see `iact.sources.git.ancestry`); None when there is none.
        source: who tells of it.
    """

    sha: str
    name: str
    names: tuple[str, ...]
    deployed_at: datetime
    version: Version | None = None
    previous: str | None = None
    source: str = "git"

    @property
    def order(self) -> tuple[datetime, Version, str]:
        """What says which of two releases was first: the date, at the same second the lower version, then the name."""
        return self.deployed_at, self.version or _NO_VERSION, self.name

    @property
    def height(self) -> tuple[Version, datetime, str]:
        """What says which of several releases that were merged together is the one before: the highest version.

        By date 1.0.1, into which 0.12.4 was merged, would follow 0.12.4 and not 1.0.
        """
        return self.version or _NO_VERSION, self.deployed_at, self.name


class Commit(NamedTuple):
    """One commit and how it was delivered; a tuple, since there are many.

    Attributes:
        sha: its id.
        authored_at: when it was written.
        committed_at: when it got its present form.
        merged_by: the earliest commit of the mainline that contains it, itself when made on the mainline; None when
            it never reached the mainline.
        merged_at: when that one was committed.
        release: the id of the earliest release that contains it; None while there is none.
        is_merge: whether it has several parents.
        by_agent: whether an AI agent made it.
        subject: the first line of its message.
        reverts: the ids, full or abbreviated, that its message says it reverts.
    """

    sha: str
    authored_at: datetime
    committed_at: datetime
    merged_by: str | None
    merged_at: datetime | None
    release: str | None
    is_merge: bool
    by_agent: bool
    subject: str
    reverts: tuple[str, ...]


def seconds(text: str | bytes, *, otherwise: int) -> int:
    """Read a date in seconds since 1970 UTC; one that no calendar holds, recorded by a broken tool, is `otherwise`."""
    try:
        found = int(text)
    except ValueError:
        return otherwise
    return found if 0 <= found <= _LAST_SECOND else otherwise
