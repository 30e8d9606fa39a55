"""What a server has to be set to, so that what a store promises holds on it; nothing is asked or changed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from iact.operations.doctor.examined import to_last
from iact.operations.doctor.findings import ADVICE, OK, WRONG, Finding

MEBIBYTE: Final = 1 << 20
SMALLEST_PACKET: Final = 16 * MEBIBYTE
"""What MariaDB comes with, and what every row so far was far below."""
BATCH: Final = MEBIBYTE
"""Bytes of rows that the driver sends in one statement (`max_stmt_length` of PyMySQL)."""
SHORTEST_WAIT: Final = 600
"""Seconds that a connection must be allowed to be idle: reading a long git history takes minutes between two rows."""

VARIABLES: Final = (
    "global.sql_mode",
    "session.sql_mode",
    "global.time_zone",
    "session.time_zone",
    "session.transaction_isolation",
    "session.tx_isolation",
    "global.log_bin",
    "global.binlog_format",
    "global.sync_binlog",
    "global.innodb_flush_log_at_trx_commit",
    "global.max_allowed_packet",
    "session.wait_timeout",
    "global.read_only",
    "session.character_set_client",
    "session.collation_connection",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """How a server is set.

    Attributes:
        values: its variables, such as `global.sql_mode`; one that it does not have is missing.
        is_mariadb: whether it is a MariaDB.
        where: what it is called.
        largest: bytes of the largest value that is kept, as far as it was looked for.
    """

    values: Mapping[str, Any]
    is_mariadb: bool
    where: str
    largest: int = 0

    def finding(self, check: str, level: str, found: str, why: str = "", mend: tuple[str, ...] = ()) -> Finding:
        """Return what was found of the server."""
        return Finding(check=check, level=level, where=self.where, found=found, why=why, mend=mend)

    def lasting(self, name: str, value: str) -> tuple[str, ...]:
        """Return what sets a variable and keeps it."""
        return to_last(name, value, is_mariadb=self.is_mariadb)


def findings(server: Settings) -> Iterator[Finding]:
    """Give what is to be said of each setting."""
    for check in _CHECKS:
        yield check(server)


def _sql_mode(server: Settings) -> Finding:
    session, everywhere = str(server.values["session.sql_mode"]), str(server.values["global.sql_mode"])
    if not _is_strict(session):
        why = "a value that does not fit would be cut off instead of refused."
        return server.finding(
            "sql_mode", WRONG, f"the session is not strict: {session!r}.", why, _made_strict(server, session)
        )
    if not _is_strict(everywhere):
        return server.finding(
            "sql_mode",
            ADVICE,
            f"iact's sessions are strict; the server's own is not: {everywhere!r}.",
            "other clients, such as one that mends rows by hand, can write values that were cut off.",
            _made_strict(server, everywhere),
        )
    return server.finding("sql_mode", OK, "strict, in iact's sessions and in others.")


def _is_strict(mode: str) -> bool:
    return bool({"STRICT_ALL_TABLES", "STRICT_TRANS_TABLES"} & set(mode.split(",")))


def _made_strict(server: Settings, mode: str) -> tuple[str, ...]:
    words = [word for word in mode.split(",") if word]
    return server.lasting("sql_mode", "'" + ",".join([*words, "STRICT_TRANS_TABLES"]) + "'")


def _time_zone(server: Settings) -> Finding:
    session, everywhere = server.values["session.time_zone"], server.values["global.time_zone"]
    if session != "+00:00":
        why = "moments are written in UTC, and would be read as of another zone."
        return server.finding(
            "time_zone", WRONG, f"the session is in {session}.", why, ("SET SESSION time_zone = '+00:00';",)
        )
    return server.finding(
        "time_zone", OK, f"iact's sessions are in UTC; the server's own ({everywhere}) does not matter."
    )


def _isolation(server: Settings) -> Finding:
    level = server.values.get("session.transaction_isolation", server.values.get("session.tx_isolation"))
    if level != "READ-COMMITTED":
        why = "writers would lock the gaps between rows, and wait for each other without need."
        mend = ("SET SESSION transaction_isolation = 'READ-COMMITTED';",)
        return server.finding("isolation", WRONG, f"writers run at {level}.", why, mend)
    return server.finding("isolation", OK, "writers run at READ COMMITTED, readers in one snapshot.")


def _binlog_format(server: Settings) -> Finding:
    form = server.values.get("global.binlog_format")
    if server.values["global.log_bin"] and form == "STATEMENT":
        return server.finding(
            "binlog_format",
            WRONG,
            "the binary log takes statements.",
            "InnoDB refuses every write at READ COMMITTED then (error 1665), so nothing can be kept.",
            server.lasting("binlog_format", "'ROW'"),
        )
    return server.finding(
        "binlog_format", OK, f"{form}." if server.values["global.log_bin"] else "there is no binary log."
    )


def _flushing(server: Settings) -> Finding:
    name, found = "innodb_flush_log_at_trx_commit", server.values["global.innodb_flush_log_at_trx_commit"]
    if found != 1:
        why = "a transaction that was acknowledged is lost when the machine loses power within about a second."
        return server.finding(
            name, WRONG, f"{found}: the log is not on the disk at a commit.", why, server.lasting(name, "1")
        )
    return server.finding(name, OK, "1: the log is on the disk at every commit.")


def _sync_binlog(server: Settings) -> Finding:
    found = server.values["global.sync_binlog"]
    if server.values["global.log_bin"] and found != 1:
        why = "after a power cut the binary log can lack transactions that replicas and restored backups then lack too."
        return server.finding(
            "sync_binlog",
            WRONG,
            f"{found}: the binary log is not on the disk at a commit.",
            why,
            server.lasting("sync_binlog", "1"),
        )
    said = (
        "1: the binary log is on the disk at every commit."
        if server.values["global.log_bin"]
        else "there is no binary log."
    )
    return server.finding("sync_binlog", OK, said)


def needed_packet(largest: int) -> int:
    """Return the bytes that a statement may need: a batch of rows, and the largest value with all of it escaped."""
    return max(SMALLEST_PACKET, 2 * largest + BATCH)


def _packet(server: Settings) -> Finding:
    name, found, needed = (
        "max_allowed_packet",
        server.values["global.max_allowed_packet"],
        needed_packet(server.largest),
    )
    if found < needed:
        return server.finding(
            name,
            WRONG,
            f"{found:,} bytes; the largest value kept has {server.largest:,}, and {needed:,} are needed.",
            "the server breaks the connection off at a statement that is longer, and the row is not kept.",
            server.lasting(name, str(1 << (needed - 1).bit_length())),
        )
    return server.finding(name, OK, f"{found:,} bytes; the largest value kept has {server.largest:,}.")


def _wait_timeout(server: Settings) -> Finding:
    found = server.values["session.wait_timeout"]
    if found < SHORTEST_WAIT:
        return server.finding(
            "wait_timeout",
            WRONG,
            f"a connection that is idle for {found} s is cut.",
            "between two rows git may be read for minutes; the transaction would be lost and begun again.",
            server.lasting("wait_timeout", "28800"),
        )
    return server.finding("wait_timeout", OK, f"a connection may be idle for {found:,} s.")


def _read_only(server: Settings) -> Finding:
    if server.values["global.read_only"] not in {0, "OFF"}:
        return server.finding(
            "read_only",
            WRONG,
            "the server takes no writes.",
            "it is a replica, or was set so for maintenance; nothing can be kept on it.",
            ("SET GLOBAL read_only = OFF;", "or, where it is a replica: name the primary in `store.url` of iact.yaml"),
        )
    return server.finding("read_only", OK, "the server takes writes.")


def _connection_charset(server: Settings) -> Finding:
    found = server.values["session.character_set_client"]
    if found != "utf8mb4":
        why = "names outside of its characters would be changed or refused."
        return server.finding("character set", WRONG, f"the session is in {found}.", why, ("SET NAMES utf8mb4;",))
    return server.finding("character set", OK, "iact's sessions are in utf8mb4.")


_CHECKS: Final[tuple[Callable[[Settings], Finding], ...]] = (
    _read_only,
    _sql_mode,
    _time_zone,
    _isolation,
    _binlog_format,
    _flushing,
    _sync_binlog,
    _packet,
    _wait_timeout,
    _connection_charset,
)
