"""A rule of a tool is switched off for one line at most, by its name, with the reason on that line."""

from __future__ import annotations

import io
import re
import tokenize
from pathlib import Path

import pytest

from tests.support.project import text_of, tracked_files

SWITCHES_OFF = re.compile(r"noqa|type: *ignore|pylint:|mypy:|ruff: *noqa", re.IGNORECASE)
WITH_REASON = re.compile(
    r"# noqa: [A-Z]+[0-9]+(, [A-Z]+[0-9]+)* - \S.*"
    r"|# type: ignore\[[a-z-]+(, [a-z-]+)*\]  # (?!noqa)\S.*"
)


def comments(source: str) -> list[tuple[int, str]]:
    """Return the comments of Python source that switch a rule off, each with its line."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [
        (token.start[0], token.string)
        for token in tokens
        if token.type == tokenize.COMMENT and SWITCHES_OFF.search(token.string)
    ]


@pytest.mark.parametrize("tree", ["runtime", "services", "tests", "benchmarks"])
def test_what_is_switched_off_has_its_name_and_reason(tree: str):
    bare = [
        f"{path}:{line}: {comment}"
        for path in tracked_files()
        if path.suffix == ".py" and path.is_relative_to(Path(tree))
        for line, comment in comments(text_of(path))
        if not WITH_REASON.fullmatch(comment)
    ]

    assert bare == []


@pytest.mark.parametrize("comment", ["# noqa", "# noqa: S101", "# type: ignore", "# type: ignore[arg-type]"])
def test_a_comment_without_a_reason_is_noticed(comment: str):
    assert [found for _, found in comments(f"x = 1  {comment}\n") if not WITH_REASON.fullmatch(found)] == [comment]
