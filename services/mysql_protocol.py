"""What MySQL and MariaDB have in common: files, an administrator, and the greeting of one that is ready."""

from __future__ import annotations

import getpass
import shutil
import socket
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from services.certificates import Certificates
from services.errors import ServiceError
from services.locking import locked
from services.packages import Programs
from services.service import HOST, Service, Settings

_HEADER: Final = 4
_GREETING: Final = 10
"""First byte of a greeting of protocol version 10 (MySQL client/server protocol, *Protocol::HandshakeV10*)."""

USER: Final = "root"
PASSWORD: Final = "local"  # noqa: S105 - of servers that hold test data and listen to this machine only

ADMINISTRATOR: Final = (
    f"CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n"
    f"GRANT ALL ON *.* TO {USER}@'%' WITH GRANT OPTION;\n"
    f"ALTER USER {USER}@localhost IDENTIFIED BY '{PASSWORD}';\n"
)
"""SQL that a server runs at every start, one statement a line."""


def prepare(cache: Path, settings: Settings, make: Callable[[Path], None]) -> None:
    """Make the files that a server needs before it starts, where they are missing.

    Args:
        cache: where an untouched data folder is kept, because making one takes seconds and a copy does not.
        settings: what the server is started with.
        make: makes the system tables in a folder that is not there yet.
    """
    (settings.folder / "administrator.sql").write_text(ADMINISTRATOR, encoding="utf-8")
    certificates(settings.folder).make()
    temporary = settings.folder / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir()
    # Whoever prepares knows that no server runs here; a killed one leaves this, and its number may be another's by now.
    (settings.data / "mysqld.sock.lock").unlink(missing_ok=True)
    if not settings.data.is_dir():
        making = settings.folder / "data.new"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(_untouched(cache, make), making)
        making.rename(settings.data)


def certificates(folder: Path) -> Certificates:
    """Return the certificates of the server whose files are in `folder`."""
    return Certificates(folder / "tls")


def options(settings: Settings) -> list[str]:
    """Return the options that `mysqld` and `mariadbd` both know."""
    tls = certificates(settings.folder)
    return [
        f"--bind-address={HOST}",
        f"--port={settings.port}",
        "--socket=mysqld.sock",
        "--pid-file=mysqld.pid",
        f"--tmpdir={settings.folder / 'tmp'}",
        f"--init-file={settings.folder / 'administrator.sql'}",
        f"--ssl-ca={tls.authority}",
        f"--ssl-cert={tls.certificate}",
        f"--ssl-key={tls.key}",
        "--skip-name-resolve",
        "--innodb-buffer-pool-size=128M",
    ]


def _untouched(folder: Path, make: Callable[[Path], None]) -> Path:
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            making = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(making, ignore_errors=True)
            make(making)
            (making / "auto.cnf").unlink(
                missing_ok=True
            )  # The name of one server among its replicas: each has its own.
            making.rename(folder)
    return folder


class MySQLProtocolService(Service):
    """A server that speaks the MySQL client/server protocol: clients cannot tell one from another."""

    container_ports = (3306,)

    def answers(self, port: int) -> bool:
        """Tell whether it greets a client."""
        try:
            with socket.create_connection((HOST, port), timeout=2) as connection:
                return _first_byte(connection) == _GREETING
        except OSError:
            return False

    def url(self, port: int) -> str:
        """Return how to connect to it as its administrator."""
        return f"mysql://{USER}:{PASSWORD}@{HOST}:{port}"

    def client(self, port: int) -> str:
        """Return the command of the usual client."""
        return f"mysql --protocol=tcp --host={HOST} --port={port} --user={USER} --password={PASSWORD}"


def command(programs: Programs, server: str, data: Path) -> list[str]:
    """Return the command that runs a server out of its package, without what differs between them.

    Args:
        programs: the unpacked package.
        server: `mysqld` or `mariadbd`.
        data: the server's data folder.
    """
    usr = programs.root / "usr"
    return [
        *programs.command(f"usr/sbin/{server}"),
        "--no-defaults",
        f"--user={getpass.getuser()}",
        f"--basedir={usr}",
        f"--datadir={data}",
        f"--lc-messages-dir={usr / 'share' / 'mysql'}",
        f"--character-sets-dir={usr / 'share' / 'mysql' / 'charsets'}",
        f"--plugin-dir={usr / 'lib' / 'mysql' / 'plugin'}",
    ]


def make_system_tables(server: str, making: Sequence[str], statements: str = "") -> None:
    """Run the command with which a server makes its system tables.

    Args:
        server: what it is called where it fails.
        making: the command.
        statements: SQL that it reads.

    Raises:
        ServiceError: if it fails; the message holds what it said.
    """
    done = subprocess.run(making, capture_output=True, text=True, check=False, input=statements)
    if done.returncode:
        message = f"{server} could not make its system tables. It said:\n{done.stderr.strip()}"
        raise ServiceError(message)


def _first_byte(connection: socket.socket) -> int | None:
    received = b""
    while len(received) <= _HEADER:
        more = connection.recv(64)
        if not more:
            return None
        received += more
    return received[_HEADER]
