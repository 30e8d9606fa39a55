"""The steps by which a store's tables came to be: what each is for, and which releases can use the tables after it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

SCRIPTS: Final = Path(__file__).parent / "migrations"
_REVISION: Final = re.compile(r'^(?P<name>down_revision|revision)\b[^=]*= (?:"(?P<value>[^"]+)"|None)', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Revision:
    """One step.

    Attributes:
        number: its name, such as `0007`.
        sentence: what it is for.
        compatible_from: the oldest revision whose release can use the tables once this step is done. A step that only
            adds what older releases need not know names an earlier one; any other names itself.
        cannot_be_undone: why it cannot be taken back; empty where it can.
        undoing_loses: what taking it back loses that its tables and columns do not tell; empty where they do.
    """

    number: str
    sentence: str
    compatible_from: str
    cannot_be_undone: str = ""
    undoing_loses: str = ""


@cache
def newest_revision() -> str:
    """Return the revision that this release's tables have."""
    return revisions()[-1]


@cache
def revisions() -> tuple[str, ...]:
    """Return every revision, oldest first, by following each file's `down_revision`."""
    return tuple(_scripts())


@cache
def _scripts() -> dict[str, Path]:
    """Return the file of every revision, oldest first."""
    after: dict[str | None, tuple[str, Path]] = {}
    for script in sorted((SCRIPTS / "versions").glob("[0-9]*.py")):
        named = {found["name"]: found["value"] for found in _REVISION.finditer(script.read_text(encoding="utf-8"))}
        after[named.get("down_revision")] = named["revision"], script
    chain: dict[str, Path] = {}
    last: str | None = None
    while (following := after.get(last)) is not None:
        last, script = following
        chain[last] = script
    return chain


@cache
def described() -> tuple[Revision, ...]:
    """Return every revision with what its file says of it, oldest first."""
    return tuple(describe(number, script.read_text(encoding="utf-8")) for number, script in _scripts().items())


def describe(number: str, script: str) -> Revision:
    """Return what a revision's file says of it, without running it.

    Args:
        number: the revision.
        script: the text of its file.
    """
    tree = ast.parse(script)
    said = {
        target.id: statement.value.value
        for statement in tree.body
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Constant)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    return Revision(
        number,
        sentence=(ast.get_docstring(tree) or "").partition("\n\n")[0].replace("\n", " "),
        compatible_from=str(said.get("compatible_from", number)),
        cannot_be_undone=str(said.get("cannot_be_undone", "")),
        undoing_loses=str(said.get("undoing_loses", "")),
    )


def after(revision: str | None) -> tuple[Revision, ...]:
    """Return the steps that follow a revision of this release; all of them after None, which has no tables."""
    return described()[0 if revision is None else revisions().index(revision) + 1 :]


def compatible_from(revision: str) -> str:
    """Return the oldest revision whose release can use the tables as a revision of this release leaves them.

    It is the newest that any step up to there names: one incompatible step is not made good by the ones that follow.
    """
    numbers = revisions()
    done = described()[: numbers.index(revision) + 1]
    return max((step.compatible_from for step in done), key=numbers.index)
