"""Opening a store on a server that starts anew, and one that is not to be opened however often it is tried."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from iact.core.errors import EnvironmentProblemError
from iact.stores.connect import reading
from iact.stores.looking import open_server_copy
from iact.stores.retrying import Patience
from iact.stores.revisions import newest_revision
from iact.stores.servers import MIGRATING, Tls, Waiting, open_server
from services import mysql_protocol
from tests.support.proxy import Proxy
from tests.support.servers import DatabaseServer
from tests.support.trying_again import when_tried_again

SOON = Patience(attempts=50, seconds=60, first_pause=0.001, longest_pause=0.01)
"""Pauses that nobody has to wait for."""
WAITING = Waiting(to_open=SOON)


@pytest.fixture
def proxy(database_server: DatabaseServer) -> Iterator[Proxy]:
    """Breaks connections to each server."""
    with closing(Proxy(database_server.port)) as found:
        yield found


@pytest.fixture
def url(database_server: DatabaseServer, proxy: Proxy) -> Iterator[str]:
    """An empty database of each server, reached through the proxy."""
    with database_server.database() as name:
        yield f"mysql://{mysql_protocol.USER}@127.0.0.1:{proxy.port}/{name}"


def revision_of(engine: Engine) -> str:
    """Return the revision of a store's tables, and close it."""
    with reading(engine) as connection:
        found: str = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
    engine.dispose()
    return found


@pytest.mark.parametrize("migrates", [True, False])
def test_a_server_that_is_away_while_it_starts_anew_is_waited_for(url: str, proxy: Proxy, *, migrates: bool):
    open_server(url, password=mysql_protocol.PASSWORD).dispose()
    with ExitStack() as away:
        away.enter_context(proxy.refusing())
        with when_tried_again(away.close) as times:
            engine = open_server(url, password=mysql_protocol.PASSWORD, migrates=migrates, waiting=WAITING)

    assert times() >= 1
    assert revision_of(engine) == newest_revision()


def test_a_copy_for_looking_waits_as_well(url: str, proxy: Proxy):
    open_server(url, password=mysql_protocol.PASSWORD).dispose()
    with ExitStack() as away:
        away.enter_context(proxy.refusing())
        with when_tried_again(away.close) as times:
            copy = open_server_copy(url, "shop", password=mysql_protocol.PASSWORD)

    assert times() >= 1
    assert revision_of(copy) == newest_revision()


@pytest.mark.parametrize("statement", ["CREATE TABLE journal", "CREATE TABLE events", "UPDATE alembic_version"])
def test_tables_whose_making_was_cut_off_are_made_to_the_end(url: str, proxy: Proxy, statement: str):
    cut: list[str] = []

    def cut_before(_connection: object, _cursor: object, sent: str, *_rest: object) -> None:
        if sent.strip().startswith(statement) and not cut:
            cut.append(sent)
            proxy.cut_all()

    event.listen(Engine, "before_cursor_execute", cut_before)
    try:
        engine = open_server(url, password=mysql_protocol.PASSWORD, waiting=WAITING)
    finally:
        event.remove(Engine, "before_cursor_execute", cut_before)

    assert len(cut) == 1
    assert revision_of(engine) == newest_revision()


def test_a_server_that_stays_away_is_told_as_one_that_cannot_be_reached(url: str, proxy: Proxy):
    waiting = Waiting(to_open=replace(SOON, attempts=3))
    with proxy.refusing(), when_tried_again(lambda: None) as times:
        for migrates in (True, False):
            with pytest.raises(EnvironmentProblemError, match=r"^the store mysql:.* cannot be reached: .*doctor"):
                open_server(url, password=mysql_protocol.PASSWORD, migrates=migrates, waiting=waiting)

    assert times() == 2 * 2


def test_what_only_another_address_mends_is_told_at_once(url: str, proxy: Proxy, database_server: DatabaseServer):
    with when_tried_again(lambda: None) as times:
        with pytest.raises(EnvironmentProblemError, match="cannot be reached"):
            open_server("mysql://iact@no-such-host.invalid/iact", password="")
        with pytest.raises(EnvironmentProblemError, match="Access denied"):
            open_server(url, password="wrong")  # noqa: S106 - it is
        with pytest.raises(EnvironmentProblemError, match="certificate verify failed"):
            open_server(url.replace(f"127.0.0.1:{proxy.port}", f"localhost:{database_server.port}"), tls=Tls())

    assert times() == 0
    assert MIGRATING.to_open.attempts > 1, "none of these was given only one attempt"
