"""What is to be said of a connection to a server: its version, its encryption, its clock, its revision."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import text

from iact.core import instants
from iact.dora.server import Access
from iact.operations.doctor.examined import Server
from iact.operations.doctor.findings import ADVICE, OK, WRONG, Finding
from iact.operations.standing import Standing

OLDEST: Final = {"MySQL": (8, 0, 17), "MariaDB": (10, 6, 0)}
"""The first MySQL with `utf8mb4_0900_bin`, and the oldest MariaDB that is maintained and has what is used here."""
TOLERANCE: Final = timedelta(seconds=2)
"""How far two clocks may be apart that are kept by NTP, with room for a slow network."""
RENEWAL: Final = timedelta(days=30)
"""How long before the end of a certificate it is spoken of."""


def findings(server: Server, access: Access, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """Give what is to be said of a connection.

    Args:
        server: the server.
        access: how it was reached.
        clock: the present moment of this machine.
    """
    yield version(server.name, str(server.connection.execute(text("SELECT VERSION()")).scalar_one()), server.shown_as)
    yield from _tls(server, access, clock())
    before = clock()
    told = server.connection.execute(text("SELECT UTC_TIMESTAMP(6)")).scalar_one().replace(tzinfo=UTC)
    yield clocks(told, before, clock(), server.shown_as)


def version(name: str, found: str, where: str) -> Finding:
    """Return what is to be said of a server's version, such as `10.11.6-MariaDB-1`."""
    numbers = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", found)
    oldest = OLDEST[name]
    shown = ".".join(map(str, oldest))
    if numbers is None or tuple(int(number or 0) for number in numbers.groups()) < oldest:
        why = "collations that tell every two names apart are missing, and nothing was ever tried on it."
        return Finding(
            check="version",
            level=WRONG,
            where=where,
            found=f"{name} {found}.",
            why=why,
            mend=(f"upgrade it to {name} {shown} or later",),
        )
    return Finding(check="version", level=OK, where=where, found=f"{name} {found}.")


def clocks(told: datetime, before: datetime, after: datetime, where: str) -> Finding:
    """Return what is to be said of the clocks of a server and this machine.

    Args:
        told: the server's moment.
        before: this machine's before it was asked for.
        after: this machine's when the answer was there.
        where: the server.
    """
    apart = max(before - told, told - after, timedelta())
    if apart > TOLERANCE:
        direction = "ahead of" if told > after else "behind"
        return Finding(
            check="clock",
            level=WRONG,
            where=where,
            found=f"the server's clock is {apart.total_seconds():,.1f} s {direction} this machine's.",
            why="runs take the server's time, and events this machine's: what is told now may be of the future.",
            mend=("on both machines: timedatectl set-ntp true",),
        )
    return Finding(check="clock", level=OK, where=where, found="the server's clock and this machine's agree.")


def _tls(server: Server, access: Access, now: datetime) -> Iterator[Finding]:
    status = {
        str(name): str(value) for name, value in server.connection.execute(text("SHOW SESSION STATUS LIKE 'Ssl\\_%'"))
    }
    if access.tls is None or not status.get("Ssl_cipher"):
        said = "not encrypted; it does not leave this machine."
        yield Finding(check="tls", level=OK, where=server.shown_as, found=said)
        return
    said = f"{status.get('Ssl_version', 'TLS')}, {status['Ssl_cipher']}"
    if not access.tls.checks_authority:
        yield Finding(
            check="tls",
            level=ADVICE,
            where=server.shown_as,
            found=f"{said}; the server's certificate is not checked.",
            why="whoever stands in between can read and change everything, the password too.",
            mend=("write below `store` in iact.yaml: tls: {ca: FILE}, with the certificate of the server's authority",),
        )
    else:
        yield Finding(check="tls", level=OK, where=server.shown_as, found=f"{said}; the certificate is checked.")
    yield from certificate(status.get("Ssl_server_not_after", ""), now, server.shown_as)


def certificate(ends: str, now: datetime, where: str) -> Iterator[Finding]:
    """Give what is to be said of when a server's certificate ends, such as `Nov 26 01:00:00 2027 GMT`."""
    if not ends:
        return
    moment = datetime.fromtimestamp(ssl.cert_time_to_seconds(ends), UTC)
    if moment - now < RENEWAL:
        yield Finding(
            check="certificate",
            level=ADVICE,
            where=where,
            found=f"the server's certificate is valid until {instants.write(moment)}.",
            why="no command can connect after that.",
            mend=("give the server a new certificate, then: ALTER INSTANCE RELOAD TLS; (MariaDB: FLUSH SSL;)",),
        )


def schema(found: Standing, where: str) -> Finding:
    """Return what is to be said of the revision of a store's tables."""
    if found.can_be_used:
        said = f"revision {found.present}" + (
            "" if found.pending or not found.is_newer else ", of a newer release, which allows this one"
        )
        return Finding(check="tables", level=OK, where=where, found=f"{said}.")
    if found.is_newer:
        return Finding(
            check="tables",
            level=WRONG,
            where=where,
            found=f"revision {found.present}, of a newer release.",
            why="this release does not know these tables, and stops before it touches them.",
            mend=("install the newer release",),
        )
    missing = ", ".join(step.number for step in found.pending)
    said = "there are none yet" if found.present is None else f"revision {found.present}; {missing} are missing"
    return Finding(
        check="tables",
        level=WRONG,
        where=where,
        found=f"{said}.",
        why="no command works before they are made.",
        mend=("iact db migrate",),
    )
