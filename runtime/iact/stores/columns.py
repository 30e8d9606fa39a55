"""Column types that mean the same on every database.

Moments are UTC to the microsecond. Identifiers compare byte by byte, because a collation that folds case would take
two names for one. Canonical bytes are BLOBs, because a JSON column reorders keys and an audit re-hashes what it reads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import BigInteger, Integer, LargeBinary, String, types

from iact.core import instants

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

DIGEST_LENGTH: Final = 71
"""`sha256:` and 64 hexadecimal digits."""


class Instant(types.TypeDecorator[datetime]):
    """A moment: `DATETIME(6)` in UTC on MySQL and MariaDB, sortable RFC 3339 text on SQLite."""

    impl = String(27)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> types.TypeEngine[Any]:
        """Return the column type for `dialect`."""
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - takes a while, and an embedded store needs none of it

            return dialect.type_descriptor(mysql.DATETIME(fsp=6))
        return dialect.type_descriptor(String(27))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """Return what the database is handed.

        Raises:
            ValueError: if the moment has no time zone, which would make it mean two things.
        """
        if value is None:
            return None
        if dialect.name in {"mysql", "mariadb"}:
            return instants.in_utc(value).replace(tzinfo=None)
        return instants.write(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's hook
        """Return the moment that the database held."""
        if value is None:
            return None
        if isinstance(value, datetime):
            return value.replace(tzinfo=UTC)
        return datetime.fromisoformat(value)


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
        if dialect.name in {"mysql", "mariadb"}:
            from sqlalchemy.dialects import mysql  # noqa: PLC0415 - as above

            binary = mysql.VARCHAR(self.length, charset=self.charset, collation=self._collation(dialect))
            return dialect.type_descriptor(binary)
        return dialect.type_descriptor(String(self.length))

    def _collation(self, dialect: Dialect) -> str:
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
        if dialect.name in {"mysql", "mariadb"}:
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


def counter() -> types.TypeEngine[int]:
    """Return the type of a 64-bit integer that may also count rows (SQLite counts only in `INTEGER`)."""
    return BigInteger().with_variant(Integer(), "sqlite")


PROJECT: Final = identifier(64)
"""Every key starts with the project."""
DIGEST: Final = ascii_identifier(DIGEST_LENGTH)
RUN: Final = ascii_identifier(40)
NAME: Final = identifier(128)
