"""The store of a project whose rules name a database on a server: its address, its password and how it is secured."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iact.config.secret_reading import read_secret
from iact.core import store_address
from iact.core.errors import ConfigurationError
from iact.core.tree import NOWHERE
from iact.stores.looking import open_server_copy
from iact.stores.servers import AuthorityError, Tls, open_server

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy.engine import Engine

    from iact.config.project import Project
    from iact.core.secret_values import SecretReference
    from iact.core.tree import Position


@dataclass(frozen=True, slots=True)
class Access:
    """How a store on a server is reached.

    Attributes:
        url: `mysql://user@host:port/database`, without a password.
        password: the account's password.
        tls: how the connection is secured; None where it is not encrypted.
    """

    url: str
    password: str | None = field(repr=False)
    tls: Tls | None


def open_on_server(project: Project, url: str) -> Engine:
    """Open the store of a project on the server that its rules name; only `iact db migrate` changes its tables.

    Args:
        project: the project.
        url: the address that its rules name.

    Raises:
        ConfigurationError: if the password or the authority cannot be read; the message says where it is named.
        EnvironmentProblemError: if the server cannot be reached or refuses, or this release cannot use its tables.
    """
    return _opened(
        project,
        url,
        lambda access: open_server(access.url, password=access.password, tls=access.tls, migrates=False),
    )


def copy_from_server(project: Project, url: str) -> Engine:
    """Open a copy in memory of the store of a project on a server, of which nothing is changed.

    Args:
        project: the project.
        url: the address that its rules name.

    Raises:
        ConfigurationError: as for `open_on_server`.
        EnvironmentProblemError: as for `open_on_server`.
    """
    return _opened(
        project,
        url,
        lambda access: open_server_copy(access.url, project.name, password=access.password, tls=access.tls),
    )


def access_to(project: Project, url: str, password: SecretReference | None = None) -> Access:
    """Return how a database on a server is reached, with the password and the certificates that a project names.

    Args:
        project: the project.
        url: the address, which may be another one than the project's.
        password: where the password is kept; None takes the one that the project names.

    Raises:
        ConfigurationError: if the password cannot be read; the message says where it is named.
    """
    reference = password or project.settings.store.password
    try:
        secret = None if reference is None else read_secret(reference, project.root)
    except ConfigurationError as error:
        if password is not None:
            raise
        raise _placed(error, project.settings.store.positions, "password") from error
    return Access(url, secret, _tls(project, url))


def _opened(project: Project, url: str, how: Callable[[Access], Engine]) -> Engine:
    store = project.settings.store
    access = access_to(project, url)
    try:
        return how(access)
    except AuthorityError as error:
        raise _placed(error, {} if store.tls is None else store.tls.positions, "ca") from error
    except ConfigurationError as error:
        raise _placed(error, store.positions, "url") from error


def _tls(project: Project, url: str) -> Tls | None:
    """Return how the connection is secured; one that does not leave this machine need not be."""
    asked = project.settings.store.tls
    if asked is None:
        return None if store_address.parse(url).is_on_this_machine else Tls()
    return Tls(
        authority=project.root / asked.ca if asked.ca else None,
        checks_authority=asked.verify != "nothing",
        checks_name=asked.verify == "identity",
    )


def _placed(error: ConfigurationError, positions: Mapping[str, Position], key: str) -> ConfigurationError:
    return ConfigurationError(f"{positions.get(key, NOWHERE)}: {error}")
