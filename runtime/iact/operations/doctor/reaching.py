"""What it means that a server cannot be reached or refuses an account, and what mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy.exc import OperationalError

from iact.core import store_address
from iact.dora.server import Access
from iact.operations.doctor.findings import BROKEN, Finding
from iact.operations.places import account_of
from iact.stores.servers import Tls, connected

_Told = tuple[str, str, tuple[str, ...]]
"""What is checked, why it is so, and what mends it."""


def cannot_connect(access: Access, shown_as: str, error: OperationalError) -> Finding:
    """Return what is to be done about a connection that could not be made.

    Args:
        access: how it was tried.
        shown_as: what people are told that the store is called.
        error: what the driver said.
    """
    number = error.orig.args[0] if error.orig is not None and error.orig.args else 0
    user, database = account_of(access)
    host = store_address.parse(access.url).host
    if "certificate verify failed" in str(error.orig):
        number = _CERTIFICATE
    if number == _ACCESS_DENIED and _is_taken_encrypted(access):
        number = _PLAIN
    check, why, mend = _TOLD.get(number, _unknown)(user, database, host)
    return Finding(check=check, level=BROKEN, where=shown_as, found=f"{error.orig}", why=why, mend=mend)


def _is_taken_encrypted(access: Access) -> bool:
    """Return whether a server takes an encrypted connection where it refused a plain one: MariaDB does not say so.

    Only a connection that does not leave this machine is ever plain, so the certificate need not be known.
    """
    if access.tls is not None:
        return False
    engine, _ = connected(access.url, access.password, Tls(checks_authority=False, checks_name=False))
    try:
        engine.connect().close()
    except OperationalError:
        return False
    finally:
        engine.dispose()
    return True


def _unknown(_user: str, _database: str, host: str) -> _Told:
    return "connection", "the driver did not say more.", (f"look into the log of the server on {host}",)


def _nobody_answers(_user: str, _database: str, host: str) -> _Told:
    why = "no server listens at this address, a firewall is in between, or the name of the host is wrong."
    mend = f"start the server, or correct `store.url` in iact.yaml; `getent hosts {host}` says where the name leads"
    return "connection", why, (mend,)


def _lost(_user: str, _database: str, host: str) -> _Told:
    why = "the server hung up while the connection was made: it is stopping, or something else listens at this port."
    return "connection", why, (f"look into the log of the server on {host}",)


def _password(user: str, _database: str, _host: str) -> _Told:
    why = "the password is another one, there is no such account for this host, or the account asks for TLS."
    return "account", why, (
        f"ALTER USER '{user}'@'%' IDENTIFIED BY '...';",
        "or correct the secret that `store.password` in iact.yaml names, or add `tls: {ca: FILE}` below `store`",
    )  # fmt: skip


def _no_access(_user: str, database: str, _host: str) -> _Told:
    why = f"the account has no right on the database {database}, or there is no such database."
    return "privileges", why, ("run what `iact db grants` prints, as an administrator of the server",)


def _no_database(_user: str, database: str, _host: str) -> _Told:
    why = "a store is a database of its own, which an administrator makes."
    return "database", why, (f"CREATE DATABASE `{database}` CHARACTER SET utf8mb4;",)


def _wrong_host(user: str, _database: str, _host: str) -> _Told:
    why = "the server has no account that may connect from this machine."
    return "account", why, (f"CREATE USER '{user}'@'%' IDENTIFIED BY '...';", "then run what `iact db grants` prints")


def _too_many(_user: str, _database: str, _host: str) -> _Told:
    why = "every connection that the server allows is taken."
    return "max_connections", why, ("SET GLOBAL max_connections = 500;",)


def _needs_tls(_user: str, _database: str, _host: str) -> _Told:
    why = "the server takes encrypted connections only, and to this machine iact does not encrypt by itself."
    return "tls", why, ("add below `store` in iact.yaml: tls: {ca: FILE}, with the authority of the server",)


def _untrusted(_user: str, _database: str, _host: str) -> _Told:
    why = "nobody that this machine trusts signed the server's certificate, or it is made out to another name."
    return "tls", why, (
        "name the authority's certificate below `store` in iact.yaml: tls: {ca: FILE}",
        "where only the name differs: tls: {ca: FILE, verify: authority}",
    )  # fmt: skip


def _locked(user: str, _database: str, _host: str) -> _Told:
    return "account", "an administrator has locked the account.", (f"ALTER USER '{user}'@'%' ACCOUNT UNLOCK;",)


def _expired(user: str, _database: str, _host: str) -> _Told:
    return "account", "the password has expired.", (f"ALTER USER '{user}'@'%' IDENTIFIED BY '...';",)


_CERTIFICATE: Final = -1
"""Stands for a number that the driver does not have."""
_ACCESS_DENIED: Final = 1045
_PLAIN: Final = 3159
_TOLD: Final[dict[int, Callable[[str, str, str], _Told]]] = {
    _CERTIFICATE: _untrusted,
    1040: _too_many,
    1044: _no_access,
    _ACCESS_DENIED: _password,
    1049: _no_database,
    1130: _wrong_host,
    1203: _too_many,
    1820: _expired,
    1862: _expired,
    2003: _nobody_answers,
    2013: _lost,
    3118: _locked,
    _PLAIN: _needs_tls,
    4151: _locked,
}
"""The servers' and the driver's numbers (MySQL and MariaDB error references)."""
