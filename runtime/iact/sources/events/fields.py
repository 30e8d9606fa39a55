"""Reading the fields of a payload, with errors that say where, what was found and what was expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from iact.core import instants
from iact.sources.events.model import TITLE_LENGTH

ID_LENGTH: Final = 90
"""Source and id together are the key of a deployment, which has 128 characters."""
SOURCE_PATTERN: Final = "^(?![Gg][Ii][Tt]$)[A-Za-z0-9][A-Za-z0-9._-]{0,31}$"
"""`git` is what is read of a history, which no event can tell."""
NAME_LENGTH: Final = 200
_SHA: Final = re.compile(r"[0-9a-f]{7,64}")
_GITLAB_UTC: Final = re.compile(r" UTC$")
_SPACED_OFFSET: Final = re.compile(r" ([+-]\d{2}):?(\d{2})$")
_FIRST_YEAR: Final = 1000
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_SHOWN: Final = 60


class EventError(ValueError):
    """A row or payload that says nothing usable; the message says where, what was found and what was expected."""


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object and the path that leads to it.

    Attributes:
        content: the object.
        path: for errors, such as `deployment.`.
    """

    content: Mapping[str, Any]
    path: str = ""

    def part(self, name: str) -> Fields:
        """Return the object of that name.

        Raises:
            EventError: if there is none.
        """
        found = self.content.get(name)
        if not isinstance(found, dict):
            raise self.wrong(name, "an object", found)
        return Fields(found, f"{self.path}{name}.")

    def text(self, name: str, length: int = NAME_LENGTH) -> str | None:
        """Return a text on one line, cut to `length` characters; None where it is missing, null or empty.

        Raises:
            EventError: if it is something else, or holds what no database takes.
        """
        found = self.content.get(name)
        if found is None or found == "":
            return None
        if not isinstance(found, str) or not _storable(found):
            raise self.wrong(name, "a text", found)
        return " ".join(found.split())[:length] or None

    def title(self, name: str) -> str | None:
        """Return a title on one line, cut to 200 characters."""
        return self.text(name, length=TITLE_LENGTH)

    def id(self, name: str) -> str:
        """Return what names a thing: a text of 90 characters at most, or a whole number.

        Raises:
            EventError: if it is missing or something else; cutting it would make two things one.
        """
        found = self.content.get(name)
        if isinstance(found, int) and not isinstance(found, bool):
            found = str(found)
        if not isinstance(found, str) or not 0 < len(found.strip()) <= ID_LENGTH or not _storable(found):
            raise self.wrong(name, f"an id of 1 to {ID_LENGTH} characters", found)
        return found.strip()

    def source(self, name: str) -> str | None:
        """Return who tells, in small letters; None where it is missing.

        Raises:
            EventError: if it is no short name.
        """
        found = self.text(name)
        if found is not None and not re.fullmatch(SOURCE_PATTERN, found):
            raise self.wrong(name, "1 to 32 letters, digits, dots or dashes, and not git", found)
        return None if found is None else found.lower()

    def sha(self, name: str) -> str | None:
        """Return a commit; None where it is missing, or all zeros, which stands for none.

        Raises:
            EventError: if it is no commit.
        """
        found = self.text(name)
        if found is None:
            return None
        sha = found.lower()
        if not _SHA.fullmatch(sha):
            raise self.wrong(name, "a commit: 7 to 64 hexadecimal digits", found)
        return sha if sha.strip("0") else None

    def moment(self, name: str) -> datetime | None:
        """Return a moment in UTC; None where it is missing.

        Raises:
            EventError: if it is no moment, or lacks its time zone.
        """
        found = self.content.get(name)
        if found is None or found == "":
            return None
        if not isinstance(found, str):
            raise self.wrong(name, instants.EXPECTED, found)
        # GitLab writes `2026-03-02 09:00:00 UTC` and `2026-03-02 09:00:00 +0100` beside RFC 3339.
        tidy = _SPACED_OFFSET.sub(r"\1:\2", _GITLAB_UTC.sub("Z", found.strip()))
        try:
            moment = instants.parse(tidy)
        except (ValueError, OverflowError):
            raise self.wrong(name, instants.EXPECTED, found) from None
        if moment.year < _FIRST_YEAR:
            raise self.wrong(name, f"a moment after the year {_FIRST_YEAR}", found)
        return moment.astimezone(UTC)

    def needed_moment(self, name: str) -> datetime:
        """Return a moment that has to be there.

        Raises:
            EventError: if it is not.
        """
        found = self.moment(name)
        if found is None:
            raise self.wrong(name, instants.EXPECTED, None)
        return found

    def wrong(self, name: str, expected: str, found: Any) -> EventError:
        """Return the error that a field is not what it has to be."""
        return EventError(f"`{self.path}{name}`: expected {expected}, found {shown(found)}.")


def shown(found: Any) -> str:
    """Return a found value for an error message, short and on one line."""
    if found is None or found == "":
        return "nothing"
    if isinstance(found, dict | list):
        return "an object" if isinstance(found, dict) else "a list"
    written = ascii(found) if isinstance(found, str) and not _storable(found) else repr(found)
    return written if len(written) <= _SHOWN else f"{written[:_SHOWN]}…"


def _storable(text: str) -> bool:
    """Return whether a text can be stored: no halves of characters, no NUL."""
    return _UNSTORABLE.search(text) is None
