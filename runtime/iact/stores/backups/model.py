"""What a backup says of itself: which tables it holds, how many rows of each, and their digests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

FORMAT: Final = "iact-backup"
VERSION: Final = 1
"""Of the format; a later one is refused by releases that know only this one."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a store, alike on every database.

    Attributes:
        name: of the table.
        columns: their names in order, each with what its values are: integer, number, text or bytes.
        key: the columns of the primary key, by which rows are put in order.
    """

    name: str
    columns: tuple[tuple[str, str], ...]
    key: tuple[str, ...]

    @property
    def member(self) -> str:
        """The file in the archive that holds its rows."""
        return f"tables/{self.name}.jsonl"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(name for name, _ in self.columns)


@dataclass(frozen=True, slots=True)
class Content:
    """How many rows of a table there are, and what they say.

    Attributes:
        rows: their number.
        digest: `sha256:` and the SHA-256 of all lines, in the order of the primary key, each with its line feed.
    """

    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds.

    Attributes:
        release: of iact, which made it.
        revision: of the store's tables.
        moment: that it shows, RFC 3339 in UTC.
        database: what it was read from: sqlite, mysql or mariadb.
        projects: whose rows are in it.
        tables: every table with what is in it.
    """

    release: str
    revision: str
    moment: str
    database: str
    projects: tuple[str, ...]
    tables: tuple[tuple[Table, Content], ...]

    @property
    def rows(self) -> int:
        """How many rows it holds in all."""
        return sum(content.rows for _, content in self.tables)

    def to_data(self) -> dict[str, Any]:
        """Return it as it is written into the file."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "release": self.release,
            "revision": self.revision,
            "moment": self.moment,
            "database": self.database,
            "projects": list(self.projects),
            "tables": [
                {
                    "name": table.name,
                    "member": table.member,
                    "columns": [{"name": name, "type": kind} for name, kind in table.columns],
                    "key": list(table.key),
                    "rows": content.rows,
                    "digest": content.digest,
                }
                for table, content in self.tables
            ],
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> Self:
        """Read it as `to_data` wrote it.

        Raises:
            KeyError, TypeError, ValueError: if something of it is missing or is something else.
        """
        return cls(
            release=str(data["release"]),
            revision=str(data["revision"]),
            moment=str(data["moment"]),
            database=str(data["database"]),
            projects=tuple(map(str, data["projects"])),
            tables=tuple(
                (
                    Table(
                        name=one["name"],
                        columns=tuple((column["name"], column["type"]) for column in one["columns"]),
                        key=tuple(one["key"]),
                    ),
                    Content(rows=one["rows"], digest=one["digest"]),
                )
                for one in data["tables"]
            ),
        )
