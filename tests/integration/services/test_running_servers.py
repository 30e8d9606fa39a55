"""The servers that tests use: real ones, shared, found again, broken on purpose, and stopped."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pymysql
import pytest

from services.errors import ServiceError
from services.instance import Instance
from services.processes import Process
from tests.support.project import ROOT
from tests.support.servers import DATABASE_SERVERS, DatabaseServer, breakable


@pytest.fixture(scope="module", params=DATABASE_SERVERS)
def own_server(request):
    """A server of this module alone, which its tests may break, and leave running."""
    with breakable(request.param) as server:
        yield server


def count_of(server: DatabaseServer) -> int:
    return int(server.rows("SELECT COUNT(*) FROM kept.notes")[0][0])


def test_each_kind_is_the_server_that_it_says(database_server):
    ((version,),) = database_server.rows("SELECT VERSION()")

    assert ("MariaDB" in version) == (database_server.name == "mariadb")


def test_a_server_listens_to_this_machine_only(database_server):
    ((address,),) = database_server.rows("SELECT @@bind_address")

    assert address == "127.0.0.1"


def test_a_database_is_empty_and_gone_afterwards(database_server):
    with database_server.database() as name:
        database_server.execute(f"CREATE TABLE {name}.notes (note INTEGER)")
        with database_server.database() as other:
            assert other != name
            assert database_server.rows(f"SHOW TABLES FROM {other}") == []

    assert database_server.rows(f"SHOW DATABASES LIKE '{name}'") == []


def test_a_running_server_is_found_again_and_not_started_twice(own_server):
    server = own_server.instance
    found = replace(server).start()

    assert found.process == server.running().process


def test_what_was_committed_survives_a_kill_and_the_server_comes_back_where_it_was(own_server):
    own_server.execute(
        "DROP DATABASE IF EXISTS kept",
        "CREATE DATABASE kept",
        "CREATE TABLE kept.notes (note INTEGER)",
        "INSERT INTO kept.notes VALUES (1), (2)",
    )
    port, before = own_server.port, own_server.instance.running().process

    own_server.instance.kill()
    assert own_server.instance.running() is None
    with pytest.raises(pymysql.err.OperationalError):
        own_server.connect()
    own_server.instance.start()

    assert own_server.port == port
    assert own_server.instance.running().process != before
    assert count_of(own_server) == 2


def test_a_frozen_server_answers_nothing_until_it_is_thawed(own_server):
    own_server.instance.freeze()
    try:
        with pytest.raises(pymysql.err.OperationalError):
            own_server.connect(read_timeout=1, connect_timeout=1)
    finally:
        own_server.instance.thaw()

    assert own_server.rows("SELECT 1") == [(1,)]


def test_a_server_is_stopped_only_by_the_run_that_started_it(own_server):
    somebody_else = Process.of(1)

    assert not own_server.instance.stop(owner=somebody_else)
    assert own_server.rows("SELECT 1") == [(1,)]


def test_a_number_that_another_process_got_later_is_not_killed():
    with subprocess.Popen(["sleep", "60"]) as bystander:
        earlier = replace(Process.of(bystander.pid), started=1)

        assert not earlier.is_alive
        assert not earlier.send(signal.SIGKILL)
        assert bystander.poll() is None
        bystander.kill()


def test_a_server_that_cannot_start_says_why(mariadb_server, tmp_path):
    like = mariadb_server.instance
    broken = Instance(like.service, tmp_path / "broken", like.cache, ("--no-such-option",))

    with pytest.raises(ServiceError, match=r"ended instead of answering(.|\n)*no-such-option"):
        broken.start()

    assert broken.running() is None


def test_a_port_that_somebody_took_meanwhile_is_not_used(mariadb_server, tmp_path):
    server = Instance(mariadb_server.instance.service, tmp_path / "moved", mariadb_server.instance.cache)
    server.start()
    try:
        server.stop()
        with closing(socket.create_server(("127.0.0.1", server.port))) as taker:
            server.start()

            assert server.port != taker.getsockname()[1]
            assert server.service.answers(server.port)
    finally:
        server.remove()


def test_the_command_knows_which_servers_there_are():
    done = subprocess.run(
        [sys.executable, "-m", "services", "up", "oracle"], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert "there is no server 'oracle'; there are cassandra, mariadb, mysql" in done.stderr


def test_what_is_remembered_of_a_server_names_its_process(own_server):
    kept = json.loads(Path(own_server.instance.folder / "state.json").read_text(encoding="utf-8"))

    assert kept["service"] == own_server.name
    assert kept["process"]["pid"] == own_server.instance.running().process.pid


def test_a_server_proves_who_it_is_to_those_who_ask(database_server):
    with (
        closing(database_server.connect(ssl_ca=str(database_server.authority), ssl_verify_identity=True)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")

        assert cursor.fetchall()[0][1].startswith("TLSv1.")
