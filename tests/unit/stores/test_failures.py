"""Which errors of a database another attempt may mend is told by their numbers, never by their texts."""

from __future__ import annotations

import socket
import sqlite3
import ssl

import pytest
from pymysql import err
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from iact.stores.failures import Failure, failure_among_equals, failure_of


def refused(number: int, text: str = "what the server says") -> DBAPIError:
    """Return an error of a server as SQLAlchemy passes it on."""
    return OperationalError("INSERT", {}, err.OperationalError(number, text))


@pytest.mark.parametrize("number", [1020, 1205, 1213, 1412])
def test_a_transaction_that_stood_in_the_way_of_another_may_be_tried_again(number: int):
    assert failure_of(refused(number)) is Failure.CONFLICT


@pytest.mark.parametrize("number", [1053, 1927, 2002, 2003, 2006, 2013, 2055, 3169, 4031])
def test_a_connection_that_is_gone_may_be_made_again(number: int):
    assert failure_of(refused(number)) is Failure.LOST


@pytest.mark.parametrize(
    "cause",
    [
        socket.gaierror(socket.EAI_NONAME, "Name or service not known"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
    ],
)
def test_a_host_that_there_is_not_and_one_that_nobody_vouches_for_are_not_tried_again(cause: Exception):
    error = err.OperationalError(2003, "Can't connect")
    error.original_exception = cause  # type: ignore[attr-defined]  # as the driver does

    assert failure_of(OperationalError("", {}, error)) is None


def test_a_name_server_that_does_not_answer_may_do_so_later():
    error = err.OperationalError(2003, "Can't connect")
    error.original_exception = socket.gaierror(socket.EAI_AGAIN, "Try again")  # type: ignore[attr-defined]  # as above

    assert failure_of(OperationalError("", {}, error)) is Failure.LOST


def test_a_socket_that_the_driver_has_closed_is_a_lost_connection():
    assert failure_of(InterfaceError("SELECT", {}, err.InterfaceError(0, ""))) is Failure.LOST


@pytest.mark.parametrize("number", [1040, 1203])
def test_a_server_that_takes_in_no_more_may_do_so_later(number: int):
    assert failure_of(refused(number)) is Failure.BUSY


def test_an_error_of_the_driver_itself_counts_as_one_that_was_passed_on():
    """While a first connection is set up, the driver's errors are not passed on as SQLAlchemy's."""
    assert failure_of(err.OperationalError(2013, "Lost connection")) is Failure.LOST


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1045, "Access denied"),
        (1062, "Duplicate entry 'Deadlock found; try restarting transaction' for key 'name'"),
        (1114, "The table is full"),
        (1142, "INSERT command denied"),
        (1290, "running with the --read-only option"),
        (1366, "Incorrect string value"),
        (3024, "maximum statement execution time exceeded"),
    ],
)
def test_what_would_be_refused_again_is_not_tried_again(number: int, text: str):
    assert failure_of(refused(number, text)) is None


@pytest.mark.parametrize(
    "error", [ValueError("2013"), err.OperationalError("no number"), err.InternalError(), OSError(32)]
)
def test_an_error_without_the_number_of_a_server_is_not_tried_again(error: Exception):
    assert failure_of(error) is None


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_BUSY_SNAPSHOT, sqlite3.SQLITE_BUSY_RECOVERY])
def test_an_embedded_store_that_another_process_writes_to_is_busy(code: int):
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = code

    assert failure_of(OperationalError("BEGIN IMMEDIATE", {}, error)) is Failure.BUSY


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_READONLY])
def test_an_embedded_store_that_is_full_broken_or_write_protected_is_not_tried_again(code: int):
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = code

    assert failure_of(OperationalError("INSERT", {}, error)) is None


def test_a_duplicate_is_a_conflict_only_for_who_adds_what_others_may_add_as_well():
    duplicate = IntegrityError("INSERT", {}, err.IntegrityError(1062, "Duplicate entry"))

    assert failure_of(duplicate) is None
    assert failure_among_equals(duplicate) is Failure.CONFLICT
    assert failure_among_equals(refused(1213)) is Failure.CONFLICT
    assert failure_among_equals(refused(1142)) is None
