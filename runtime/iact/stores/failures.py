"""What a database's error means for the transaction that met it, by the error's number: texts are translated."""

from __future__ import annotations

import enum
import socket
import sqlite3
import ssl
from typing import Final

from sqlalchemy.exc import DBAPIError


class Failure(enum.Enum):
    """Why a transaction did not go through although nothing is wrong with it: the same again may succeed."""

    CONFLICT = "conflict"
    """Another transaction was in the way; this one was taken back."""
    LOST = "lost"
    """The connection is gone or was never made; what was under way may still be carried out."""
    BUSY = "busy"
    """The database takes nobody in at the moment."""


_CONFLICT: Final = frozenset(
    {
        1020,  # ER_CHECKREAD: a row changed since the snapshot was taken (MariaDB, innodb_snapshot_isolation)
        1205,  # ER_LOCK_WAIT_TIMEOUT
        1213,  # ER_LOCK_DEADLOCK
        1412,  # ER_TABLE_DEF_CHANGED: a migration changed a table after the snapshot was taken
    }
)
_LOST: Final = frozenset(
    {
        0,  # the driver's InterfaceError (0, ""): the socket is closed
        1053,  # ER_SERVER_SHUTDOWN
        1079,  # ER_SHUTDOWN_COMPLETE
        1152,  # ER_ABORTING_CONNECTION
        1158,  # ER_NET_READ_ERROR
        1159,  # ER_NET_READ_INTERRUPTED
        1160,  # ER_NET_ERROR_ON_WRITE
        1161,  # ER_NET_WRITE_INTERRUPTED
        1184,  # ER_NEW_ABORTING_CONNECTION
        1927,  # ER_CONNECTION_KILLED (MariaDB)
        2002,  # CR_CONNECTION_ERROR
        2003,  # CR_CONN_HOST_ERROR: refused, unreachable, or no answer in time
        2006,  # CR_SERVER_GONE_ERROR
        2013,  # CR_SERVER_LOST, or no answer in time
        2055,  # CR_SERVER_LOST_EXTENDED
        3169,  # ER_SESSION_WAS_KILLED (MySQL)
        4031,  # ER_CLIENT_INTERACTION_TIMEOUT (MySQL)
    }
)
_BUSY: Final = frozenset(
    {
        1040,  # ER_CON_COUNT_ERROR: too many connections
        1047,  # ER_UNKNOWN_COM_ERROR: a node of a Galera cluster is not ready
        1203,  # ER_TOO_MANY_USER_CONNECTIONS
    }
)
_SERVERS: Final = {
    **dict.fromkeys(_CONFLICT, Failure.CONFLICT),
    **dict.fromkeys(_LOST, Failure.LOST),
    **dict.fromkeys(_BUSY, Failure.BUSY),
}
_DUPLICATE: Final = 1062
"""ER_DUP_ENTRY"""
_PRIMARY: Final = 0xFF
"""The bits of SQLite's extended result codes that hold the primary one."""


def failure_of(error: BaseException) -> Failure | None:
    """Return why the same transaction may succeed later; None where it would fail again.

    Args:
        error: of SQLAlchemy, or of the driver itself, which raises its own while a first connection is set up.
    """
    origin = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(origin, sqlite3.Error):
        code = getattr(origin, "sqlite_errorcode", 0)
        return Failure.BUSY if code & _PRIMARY == sqlite3.SQLITE_BUSY else None
    # The driver is an extra: where it is not installed, none of its errors can be raised.
    if type(origin).__module__ != "pymysql.err" or origin is None or not origin.args:
        return None
    if _is_of_the_address(getattr(origin, "original_exception", None)):
        return None
    return _SERVERS.get(origin.args[0])


def _is_of_the_address(cause: BaseException | None) -> bool:
    """Return whether a connection failed because there is no such host, or because nobody vouches for it."""
    if isinstance(cause, socket.gaierror):
        return cause.errno == socket.EAI_NONAME
    return isinstance(cause, ssl.SSLCertVerificationError)


def failure_among_equals(error: BaseException) -> Failure | None:
    """Return the same for a transaction that adds what it found missing, which another process may do as well.

    On a server two may both see that a row is not there, and both add it. The one that comes second is refused as a
    duplicate; done again, it sees the row. On SQLite a writing transaction begins only when no other is going on.
    """
    origin = error.orig if isinstance(error, DBAPIError) else None
    if type(origin).__module__ == "pymysql.err" and origin is not None and origin.args[:1] == (_DUPLICATE,):
        return Failure.CONFLICT
    return failure_of(error)
