"""MySQL, the newest release that Debian's unstable suite has."""

from __future__ import annotations

import getpass
import subprocess
from functools import partial
from pathlib import Path

from services import mysql_protocol, packages
from services.errors import ServiceError
from services.service import Service, Settings, service


@service("mysql")
class MySQL(Service):
    """MySQL 9 as `mysqld` with small buffers; everything else is as it comes, so that its defaults are met."""

    container_ports = (3306,)

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

    def answers(self, port: int) -> bool:
        """Tell whether it greets a client."""
        return mysql_protocol.greets(port)

    def url(self, port: int) -> str:
        """Return how to connect to it as its administrator."""
        return mysql_protocol.url(port)

    def client(self, port: int) -> str:
        """Return the command of the usual client."""
        return mysql_protocol.client(port)


def _programs(cache: Path) -> packages.Programs:
    return packages.unpacked(cache / "mysql", suite="sid", packages=["mysql-server-core"])


def _command(cache: Path, data: Path) -> list[str]:
    programs = _programs(cache)
    usr = programs.root / "usr"
    return [
        *programs.command("usr/sbin/mysqld"),
        "--no-defaults",
        f"--user={getpass.getuser()}",
        f"--basedir={usr}",
        f"--datadir={data}",
        f"--lc-messages-dir={usr / 'share' / 'mysql'}",
        f"--character-sets-dir={usr / 'share' / 'mysql' / 'charsets'}",
        f"--plugin-dir={usr / 'lib' / 'mysql' / 'plugin'}",
        "--secure-file-priv=NULL",
    ]


def _make_system_tables(cache: Path, data: Path) -> None:
    command = [*_command(cache, data), "--initialize-insecure", "--innodb-redo-log-capacity=8M"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        message = f"mysqld could not make its system tables. It said:\n{done.stderr.strip()}"
        raise ServiceError(message)
