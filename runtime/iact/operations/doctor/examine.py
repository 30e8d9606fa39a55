"""Everything that is looked at, in the order in which one thing rests on another."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.engine import Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from iact.dora.server import Access
from iact.operations.doctor import connection as of_connection
from iact.operations.doctor import machine, rights, settings, tables
from iact.operations.doctor.examined import Server
from iact.operations.doctor.findings import Finding
from iact.operations.doctor.reaching import cannot_connect
from iact.operations.places import Place, account_of
from iact.operations.standing import standing, standing_of


def _now() -> datetime:
    return datetime.now(UTC)


def examine(place: Place, clock: Callable[[], datetime] = _now, *, every_page: bool = True) -> Iterator[Finding]:
    """Give what is to be said of a store and of what it rests on; nothing is changed.

    Args:
        place: the store.
        clock: the present moment of this machine.
        every_page: whether a file is read as a whole, which takes the longer the more it holds.

    Raises:
        ConfigurationError: if the address or the authority's certificate cannot be used.
    """
    yield machine.git()
    if isinstance(place.where, Path):
        yield from _file(place, place.where, every_page=every_page)
        return
    engine = place.as_it_is()
    try:
        yield from _server(engine, place, place.where, clock)
    finally:
        engine.dispose()


def _file(place: Place, file: Path, *, every_page: bool) -> Iterator[Finding]:
    found = list(machine.file_findings(file, every_page=every_page))
    yield from found
    if file.exists() and not any(finding.check == "integrity" and finding.level != "ok" for finding in found):
        stands = standing_of(place)
        if stands.is_newer:
            yield of_connection.schema(stands, place.shown_as)


def _server(engine: Engine, place: Place, access: Access, clock: Callable[[], datetime]) -> Iterator[Finding]:
    try:
        connected = engine.connect()
    except OperationalError as error:
        yield cannot_connect(access, place.shown_as, error)
        return
    with connected as connection:
        server = Server(connection, place.shown_as, account_of(access)[1])
        yield from of_connection.findings(server, access, clock)
        yield from _settings(server)
        connection.rollback()
        yield from rights.findings(server)
        yield from _stored(server)


def _settings(server: Server) -> Iterator[Finding]:
    try:
        largest = tables.largest_value(server)
    except DatabaseError:
        # The account may not read every table, which is told as what it is.
        largest = 0
    values = server.variables(settings.VARIABLES)
    yield from settings.findings(settings.Settings(values, server.is_mariadb, server.shown_as, largest))


def _stored(server: Server) -> Iterator[Finding]:
    try:
        yield of_connection.schema(standing(server.connection), server.shown_as)
    except DatabaseError:
        # As above: `alembic_version` or `iact_schema` is among the tables whose rights are missing.
        return
    yield from tables.findings(server)
