"""Projects whose store is on a server, what their tables look like, and the command line used on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from click.testing import CliRunner, Result
from sqlalchemy import Engine, create_engine

from iact.cli.main import iact
from services import mysql_protocol
from tests.support.servers import DatabaseServer
from tests.support.trials import PROJECT, write_project

PASSWORD: Final = "SHOP_STORE_PASSWORD"  # noqa: S105 - the name of the variable that holds it
Command = Callable[..., Result]


def command(*words: str) -> Result:
    """Run `iact` in the current folder; what it raises is raised."""
    return CliRunner().invoke(iact, words, catch_exceptions=False)


def write_server_project(
    folder: Path, server: DatabaseServer, database: str, *, user: str = mysql_protocol.USER, more: str = ""
) -> None:
    """Write a project that keeps its store in a database of a server.

    Args:
        folder: where to.
        server: the server.
        database: the database.
        user: the account that commands use; its password is in the environment variable `PASSWORD`.
        more: further lines below `store:`.
    """
    url = f"mysql://{user}@127.0.0.1:{server.port}/{database}"
    project = f"{PROJECT}  store:\n    url: {url}\n    password: env:{PASSWORD}\n{more}"
    write_project(folder, {"iact.yaml": project})


def administrator(server: DatabaseServer, database: str) -> Engine:
    """Return an engine of the server's administrator."""
    place = f"{mysql_protocol.USER}:{mysql_protocol.PASSWORD}@127.0.0.1:{server.port}/{database}"
    return create_engine(f"mysql+pymysql://{place}?charset=utf8mb4")


def tables_of(server: DatabaseServer, database: str) -> dict[str, str]:
    """Return the statement that would make each table, by its name."""
    return {
        name: server.rows(f"SHOW CREATE TABLE {database}.`{name}`")[0][1]
        for (name,) in server.rows("SHOW TABLES", database=database)
    }


def run_script(server: DatabaseServer, database: str, script: str, *, statements: int | None = None) -> None:
    """Run a script as the usual client does, or only its first statements, as one that was cut off.

    Args:
        server: the server.
        database: the database.
        script: statements, each ended by a semicolon at the end of a line.
        statements: how many of them are run; all where None.
    """
    server.execute(f"USE {database}", *statements_of(script)[:statements])


def statements_of(script: str) -> list[str]:
    """Return the statements of a script without its comments."""
    told = (line for line in script.splitlines() if not line.startswith("--"))
    return [one for one in ("\n".join(told) + "\n").split(";\n") if one.strip()]
