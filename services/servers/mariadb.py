"""MariaDB, the release that Debian 12 has."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from services import mysql_protocol, packages
from services.mysql_protocol import MySQLProtocolService
from services.service import Settings, service

_SYSTEM_TABLES: Final = (
    "mysql_system_tables.sql",
    "mysql_performance_tables.sql",
    "mysql_system_tables_data.sql",
    "maria_add_gis_sp_bootstrap.sql",
    "mysql_sys_schema.sql",
)
"""What `mariadb-install-db` runs, in its order, without the texts of the statement `HELP`."""


@service("mariadb")
class MariaDB(MySQLProtocolService):
    """MariaDB 10.11 as `mariadbd` with small buffers; everything else is as it comes, so that its defaults are met."""

    def install(self, cache: Path) -> None:
        """Unpack `mariadb-server-core`."""
        _programs(cache)

    def prepare(self, cache: Path, settings: Settings) -> None:
        """Make the system tables and the administrator's account."""
        mysql_protocol.prepare(cache / "mariadb-data", settings, partial(_make_system_tables, cache))

    def command(self, cache: Path, settings: Settings) -> list[str]:
        """Return the command that runs `mariadbd`."""
        return [
            *_command(cache, settings.data),
            *mysql_protocol.options(settings),
            *settings.options,
        ]


def _programs(cache: Path) -> packages.Programs:
    return packages.unpacked(cache / "mariadb", suite="bookworm", packages=["mariadb-server-core"])


def _command(cache: Path, data: Path) -> list[str]:
    return mysql_protocol.command(_programs(cache), "mariadbd", data)


def _make_system_tables(cache: Path, data: Path) -> None:
    data.mkdir()
    command = [*_command(cache, data), "--bootstrap", f"--tmpdir={data}", "--max-allowed-packet=8M"]
    mysql_protocol.make_system_tables("mariadbd", command, _system_tables(cache))


def _system_tables(cache: Path) -> str:
    scripts = _programs(cache).root / "usr" / "share" / "mysql"
    return "".join(
        [
            "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n",
            *((scripts / name).read_text(encoding="utf-8") for name in _SYSTEM_TABLES),
            # Accounts of root without a password, which are looked at before the administrator's.
            "\nDELETE FROM mysql.global_priv WHERE user = 'root' AND host <> 'localhost';\n",
        ]
    )
