"""MySQL, the newest release that Debian's unstable suite has."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from services import mysql_protocol, packages
from services.mysql_protocol import MySQLProtocolService
from services.service import Settings, service


@service("mysql")
class MySQL(MySQLProtocolService):
    """MySQL 9 as `mysqld` with small buffers; everything else is as it comes, so that its defaults are met."""

    def install(self, cache: Path) -> None:
        """Unpack `mysql-server-core`."""
        _programs(cache)

    def prepare(self, cache: Path, settings: Settings) -> None:
        """Make the system tables and the administrator's account."""
        mysql_protocol.prepare(cache / "mysql-data", settings, partial(_make_system_tables, cache))

    def command(self, cache: Path, settings: Settings) -> list[str]:
        """Return the command that runs `mysqld`."""
        return [
            *_command(cache, settings.data),
            *mysql_protocol.options(settings),
            "--mysqlx=OFF",
            "--innodb-redo-log-capacity=64M",
            "--performance-schema=OFF",
            *settings.options,
        ]


def _programs(cache: Path) -> packages.Programs:
    return packages.unpacked(cache / "mysql", suite="sid", packages=["mysql-server-core"])


def _command(cache: Path, data: Path) -> list[str]:
    return [*mysql_protocol.command(_programs(cache), "mysqld", data), "--secure-file-priv=NULL"]


def _make_system_tables(cache: Path, data: Path) -> None:
    command = [*_command(cache, data), "--initialize-insecure", "--innodb-redo-log-capacity=8M"]
    mysql_protocol.make_system_tables("mysqld", command)
