"""What `store:` in iact.yaml may say of a store on a server, and where it is told what it may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.config.validating import validated
from tests.support.configuration import write_project

PROJECT = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec:\n  store:\n"
URL = "    url: mysql://iact@db.example.org:3306/iact\n"


def found_in(folder: Path, store: str) -> list[tuple[str, str, str]]:
    """Return rule, place and text of every problem of a project with these lines below `store:`."""
    problems = validated(write_project(folder, {}, PROJECT + store), []).problems
    return [(one.rule, str(one.position), one.message) for one in problems]


def test_a_server_with_a_password_by_reference_and_an_authority_is_in_order(tmp_path: Path):
    store = URL + "    password: env:PASSWORD\n    tls: {verify: authority, ca: ca.pem}\n"

    assert found_in(tmp_path, store) == []


@pytest.mark.parametrize("line", ["password: env:PASSWORD", "tls: {verify: nothing}"])
def test_what_is_for_a_server_goes_with_no_file(tmp_path: Path, line: str):
    key = line.partition(":")[0]

    [(rule, place, message)] = found_in(tmp_path, f"    {line}\n")

    assert (rule, place.rpartition(":")[0]) == ("wrong-store", "iact.yaml:6")
    assert message == f"`{key}` is for a server, and no `url` names one."


def test_a_store_is_in_a_file_or_on_a_server_and_not_both(tmp_path: Path):
    [(rule, place, message)] = found_in(tmp_path, URL + "    sqlite: other.db\n")

    assert (rule, place.rpartition(":")[0]) == ("wrong-store", "iact.yaml:7")
    assert message == "`sqlite` and `url` both say where the store is; only one of them can."


def test_an_authority_against_which_nothing_is_checked_is_a_slip(tmp_path: Path):
    [(rule, place, message)] = found_in(tmp_path, URL + "    tls: {verify: nothing, ca: ca.pem}\n")

    assert (rule, place.rpartition(":")[0]) == ("wrong-store", "iact.yaml:7")
    assert message == "`ca` names an authority, and `verify: nothing` checks nothing against it."


@pytest.mark.parametrize(
    "url",
    [
        "mysql://iact@db/",
        "mysql://db/iact",
        "mysql://iact@/iact",
        "mysql://iact@db/iact/more",
        "mysql://iact@db:port/iact",
        "mysql://iact@db:0/iact",
        "mysql://iact@db/iact?charset=latin1",
        "postgresql://iact@db/iact",
        "iact.db",
    ],
)
def test_an_address_that_names_no_database_of_a_server_is_told_with_the_form(tmp_path: Path, url: str):
    [(rule, place, message)] = found_in(tmp_path, f"    url: {url}\n")

    assert (rule, place.rpartition(":")[0]) == ("wrong-store", "iact.yaml:6")
    assert message == "the address of the store is not understood."
