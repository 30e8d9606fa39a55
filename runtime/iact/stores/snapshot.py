"""The tables of a fresh embedded store as one SQL script, so that the first command on a machine need not wait.

Importing Alembic and walking every revision takes longer than reading a year of history. A fresh SQLite store is
made from this script and marked with its revision; every other store is brought up to date by Alembic. The script is
written by `python -m iact.stores.snapshot`, and a test holds it equal to what the revisions make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import create_engine, text

from iact.stores.migrate import upgrade
from iact.stores.revisions import SCRIPTS, newest_revision

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

SCRIPT: Final = SCRIPTS / "fresh_sqlite.sql"
_HEAD: Final = "-- The tables of a fresh embedded store. Made by `python -m iact.stores.snapshot`; do not edit.\n"


def rendered() -> str:
    """Return the script for this release's revisions, made by running them."""
    with create_engine("sqlite://").begin() as connection:
        upgrade(connection)
        return _HEAD + "".join(f"{statement};\n" for statement in statements(connection))


def statements(connection: Connection) -> list[str]:
    """Return the statements that make the tables and indices of a SQLite store, in the order they were made."""
    found = connection.execute(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"))
    stamp = f"INSERT INTO alembic_version (version_num) VALUES ('{newest_revision()}')"  # noqa: S608 - from our own files
    return [*found.scalars(), stamp]


def main() -> None:
    """Write the script."""
    SCRIPT.write_text(rendered(), encoding="utf-8")


if __name__ == "__main__":
    main()
