"""Where the store that a command of operations works on is: the project's, or another one that a person names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from sqlalchemy import create_engine
from sqlalchemy.engine import Engine

from iact.config.project import Project
from iact.core import store_address
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.core.secret_values import SecretReference, parse
from iact.dora.server import Access, access_to
from iact.stores.connect import file_engine, looking_connection, open_sqlite
from iact.stores.servers import connected, open_server


@dataclass(frozen=True, slots=True)
class Place:
    """A store that is not opened yet.

    Attributes:
        shown_as: what people are told that it is called.
        where: the file of an embedded store, or how one on a server is reached.
    """

    shown_as: str
    where: Path | Access

    @property
    def is_file(self) -> bool:
        """Whether it is an embedded store."""
        return isinstance(self.where, Path)

    @property
    def access(self) -> Access | None:
        """How a store on a server is reached; None for an embedded one."""
        return None if isinstance(self.where, Path) else self.where

    @property
    def is_missing(self) -> bool:
        """Whether it is a file that is not there."""
        return isinstance(self.where, Path) and not self.where.exists()

    def migrated(self) -> Engine:
        """Open it and bring its tables up to date; errors are those of `open_server` and `open_sqlite`."""
        if isinstance(self.where, Path):
            return open_sqlite(self.where)
        return open_server(self.where.url, password=self.where.password, tls=self.where.tls)

    def writable(self) -> Engine:
        """Return an engine whose tables are left as they are; errors are those of `as_it_is`."""
        return file_engine(self.where) if isinstance(self.where, Path) else self.as_it_is()

    def as_it_is(self) -> Engine:
        """Return an engine that changes nothing by being used.

        Raises:
            ConfigurationError: if the address or the authority cannot be used.
            EnvironmentProblemError: if there is no such file.
        """
        if not isinstance(self.where, Path):
            return connected(self.where.url, self.where.password, self.where.tls)[0]
        file = self.where
        if self.is_missing:
            message = f"the store {file} is not there yet; the first command that keeps something makes it."
            raise EnvironmentProblemError(message)
        return create_engine("sqlite://", creator=lambda: looking_connection(file))


def place_of(project: Project, store: str | None, password: str | None) -> Place:
    """Return where the store is.

    Args:
        project: the project, whose store it is where `store` is None.
        store: the path of a SQLite file, or the address of a database on a server.
        password: where the password for the server is kept, such as `env:NAME`; None takes the one that the project
            names.

    Raises:
        ConfigurationError: if the address or the reference is none, or the password cannot be read.
    """
    url = store if store is not None and "://" in store else None
    reference = _reference(password)
    if store is not None and url is None:
        if reference is not None:
            message = f"--password is for a server, and {store} is a file. Leave it out, or write {store_address.FORM}."
            raise ConfigurationError(message)
        return Place(store, Path(store))
    url = url or project.settings.store.url
    if url is None:
        file = project.root / project.settings.store.sqlite
        return Place(str(file), file)
    return Place(_without_password(url), access_to(project, url, reference))


def account_of(access: Access) -> tuple[str, str]:
    """Return the name of the account and of the database that an address names."""
    found = store_address.parse(access.url)
    return unquote(found.user), found.database


def _reference(password: str | None) -> SecretReference | None:
    try:
        return None if password is None else parse(password)
    except ValueError as error:
        message = f"--password: {error}."
        raise ConfigurationError(message) from error


def _without_password(url: str) -> str:
    try:
        return str(store_address.parse(url))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def as_data(place: Place) -> dict[str, Any]:
    """Return what a document says of where the store is."""
    return {"store": place.shown_as, "on": "file" if place.is_file else "server"}
