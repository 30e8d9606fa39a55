"""Column types that mean the same on every database.

Moments are UTC to the microsecond. Identifiers compare byte by byte, because a collation that folds case would take
two names for one. Canonical bytes are BLOBs, because a JSON column reorders keys and an audit re-hashes what it reads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, LargeBinary, String, types

from iact.core import instants

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect

SERVERS: Final = ("mysql", "mariadb")
DIGEST_LENGTH: Final = 71
"""`sha256:` and 64 hexadecimal digits."""


def is_servers(dialect: Dialect) -> bool:
    """Return whether a dialect is spoken by a server, and not by the embedded store."""
    return dialect.name in SERVERS


class Instant(types.TypeDecorator[datetime]):
    """A moment: `DATETIME(6)` in UTC on MySQL and MariaDB, sortable RFC 3339 text on SQLite."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the column type for `dialect`."""
        if is_servers(dialect):
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - takes a while, and an embedded store needs none of it

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(String(27))

    def bind_processor(self, dialect: Dialect) -> Callable[[datetime | None], Any]:
        """Return what makes of a moment what the database is handed; one without a time zone is a `ValueError`.

        The two processors stand in for SQLAlchemy's `process_bind_param` and `process_result_value`, which cost two
        calls more for every value: a history has millions of them.
        """
        return _without_zone if is_servers(dialect) else _as_text

    def process_literal_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what is written into a statement where it shows its parameters, such as in a plan."""
        return self.bind_processor(dialect)(value)

    def result_processor(
        self,
        dialect: Dialect,
        coltype: object,  # noqa: ARG002 - SQLAlchemy's hook
    ) -> Callable[[Any], datetime | None]:
        """Return what makes a moment of what the database held."""
        return _with_zone if is_servers(dialect) else _from_text


def _as_text(moment: datetime | None) -> str | None:
    return None if moment is None else instants.write(moment)


def _without_zone(moment: datetime | None) -> datetime | None:
    return None if moment is None else instants.in_utc(moment).replace(tzinfo=None)


@lru_cache(maxsize=1024)
def _from_text(text: str | None) -> datetime | None:
    # Most commits were written, committed and merged at one moment, and share it this way.
    return None if text is None else datetime.fromisoformat(text)


def _with_zone(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)


class Identifier(types.TypeDecorator[str]):
    """A name that is compared byte by byte: `VARCHAR` with a binary collation on MySQL and MariaDB."""

    impl = String
    cache_ok = True

    def __init__(self, length: int, *, charset: str = "utf8mb4") -> None:
        """Make the type of names of `length` characters at most."""
        super().__init__(length)
        self.length = length
        self.charset = charset

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the column type for `dialect`."""
        if is_servers(dialect):
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - as above

            binary = mysql.VARCHAR(self.length, charset=self.charset, collation=self.collation(dialect))
            return dialect.type_descriptor(binary)
        return dialect.type_descriptor(String(self.length))

    def collation(self, dialect: Dialect) -> str:
        """Return the binary collation; in one of names, unlike in one of digests, a space at the end counts too."""
        if getattr(dialect, "is_mariadb", False):
            return f"{self.charset}_nopad_bin"
        return "utf8mb4_0900_bin" if self.charset == "utf8mb4" else f"{self.charset}_bin"


class Content(types.TypeDecorator[bytes]):
    """Canonical bytes, 4 GiB at most: `LONGBLOB` on MySQL and MariaDB."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the column type for `dialect`."""
        if is_servers(dialect):
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - as above

            return dialect.type_descriptor(mysql.LONGBLOB())
        return dialect.type_descriptor(LargeBinary())


def identifier(length: int) -> types.TypeEngine[str]:
    """Return the type of a name that is compared byte by byte, `length` characters at most."""
    return Identifier(length)


def ascii_identifier(length: int) -> types.TypeEngine[str]:
    """Return the type of a name in ASCII, such as a digest or a commit, which keeps keys short on MySQL."""
    return Identifier(length, charset="ascii")


def content() -> types.TypeEngine[bytes]:
    """Return the type of canonical bytes, 4 GiB at most."""
    return Content()


def salt() -> types.TypeEngine[bytes]:
    """Return the type of random bytes that a digest is made with."""
    return LargeBinary(16)


def counter() -> types.TypeEngine[int]:
    """Return the type of a 64-bit integer that may also count rows (SQLite counts only in `INTEGER`)."""
    return BigInteger().with_variant(Integer(), "sqlite")


PROJECT: Final = identifier(64)
"""Every key starts with the project."""
DIGEST: Final = ascii_identifier(DIGEST_LENGTH)
COMMITMENT: Final = ascii_identifier(80)
"""What stands for a person or for words (`iact.core.commitments`)."""
RUN: Final = ascii_identifier(40)
NAME: Final = identifier(128)
