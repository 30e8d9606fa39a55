"""Rooms and the engine open transactions by `iact.stores.units` only, so that each is retried as a whole."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import iact

SOURCES: Final = Path(iact.__file__).parent
METHODS: Final = frozenset({"begin", "begin_nested", "connect", "raw_connection"})
FUNCTIONS: Final = frozenset({"reading", "writing"})
EXCEPTIONS: Final = {
    "dora/additions.py": {"begin_nested"},  # inside the transaction that it is handed
    "operations/doctor/examine.py": {"connect"},  # says what is wrong with a server as it is, at once
    "operations/doctor/reaching.py": {"connect"},  # as above
    "operations/doctor/rights.py": {"begin"},  # as above
    "operations/downgrading.py": {"reading", "writing"},  # changes tables, which is no unit of work
    "operations/migrating.py": {"reading"},  # answers about a server as it is, at once
    "operations/standing.py": {"reading"},  # as above
    "pdca/session.py": {"reading"},  # a copy in memory, which nobody else has
}


def opened_in(path: Path) -> Iterator[str]:
    """Yield the names of calls in a file that open a transaction or a connection."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func
            if isinstance(called, ast.Attribute) and called.attr in METHODS:
                yield called.attr
            elif isinstance(called, ast.Name) and called.id in FUNCTIONS:
                yield called.id


def files() -> list[str]:
    """Return the files of all packages that use the store."""
    rooms = [path for path in sorted(SOURCES.glob("*/**/*.py")) if path.relative_to(SOURCES).parts[0] != "stores"]
    return [path.relative_to(SOURCES).as_posix() for path in rooms]


@pytest.mark.parametrize("file", [file for file in files() if "sql" in (SOURCES / file).read_text(encoding="utf-8")])
def test_a_file_that_uses_the_store_opens_no_transaction_of_its_own(file: str):
    assert set(opened_in(SOURCES / file)) <= EXCEPTIONS.get(file, set())


@pytest.mark.parametrize("file", EXCEPTIONS)
def test_an_exception_is_still_needed(file: str):
    assert set(opened_in(SOURCES / file)) == EXCEPTIONS[file]
