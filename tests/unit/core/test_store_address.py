"""The address of a store on a server: one form, which never shows a password."""

from __future__ import annotations

import pytest

from iact.core.store_address import StoreAddress, parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mysql://iact@db.example.org:3306/iact", StoreAddress("mysql", "iact", "db.example.org", "iact", 3306)),
        ("mariadb://iact@db/iact", StoreAddress("mariadb", "iact", "db", "iact")),
        ("mysql://iact%40shop@[2001:db8::1]:1/iact", StoreAddress("mysql", "iact%40shop", "2001:db8::1", "iact", 1)),
    ],
)
def test_an_address_is_taken_apart_and_shown_as_it_was_written(text: str, expected: StoreAddress):
    assert parse(text) == expected
    assert str(expected) == text


def test_a_password_in_an_address_is_noticed_and_not_kept():
    found = parse("mysql://iact:hunter2@db/iact")

    assert found.holds_password
    assert str(found) == "mysql://iact@db/iact"
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    ("text", "is_here"),
    [("mysql://a@localhost/b", True), ("mysql://a@[::1]/b", True), ("mysql://a@localhost.example.org/b", False)],
)
def test_only_an_address_of_this_machine_may_be_left_unencrypted(text: str, *, is_here: bool):
    assert parse(text).is_on_this_machine is is_here


@pytest.mark.parametrize("port", ["0", "65536", "99999", "x", ""])
def test_a_port_that_there_is_not_is_refused_without_repeating_the_address(port: str):
    with pytest.raises(ValueError, match=r"not understood\. Expected mysql://user@host:3306/database") as refused:
        parse(f"mysql://iact:hunter2@db:{port}/iact")

    assert "hunter2" not in str(refused.value)
