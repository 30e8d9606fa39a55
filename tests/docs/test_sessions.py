"""What documents show at a terminal is what one gets there."""

from __future__ import annotations

import json
from difflib import unified_diff
from pathlib import Path

import pytest

from tests.support.project import blocks, documents
from tests.support.reader import TRIED, Reader, Tried
from tests.support.sessions import Command, agrees, renewed, steps


@pytest.mark.parametrize("document", TRIED, ids=lambda document: str(document.path))
def test_what_a_document_shows_is_what_its_commands_print(tmp_path: Path, document: Tried):
    """`python -m tests.support.reader` writes the present output into the documents; read it before you commit it."""
    reader = Reader.of(document, tmp_path)
    failed: Command | None = None
    differences = []
    for command, printed in reader.follow(document):
        if failed is not None and not command.asks_for_the_exit_code:
            differences.append(f"{failed.document}:{failed.line}: ended with an error and does not show `echo $?`")
        failed = command if reader.code else None
        if not agrees(command, printed):
            place = f"{command.document}:{command.line}"
            differences += [*unified_diff(command.shown, printed, place, command.text, lineterm="")]

    assert failed is None, f"{document.path} ends with a command that fails"
    assert not differences, "\n".join(differences)


def test_whatever_shows_output_is_tried():
    showing = {
        command.document
        for document in documents()
        for command in steps(document)
        if isinstance(command, Command) and command.shown
    }

    assert showing <= {document.path.as_posix() for document in TRIED}


@pytest.mark.parametrize("document", documents(), ids=str)
def test_json_in_a_document_is_json(document: Path):
    for block in blocks(document):
        if block.language == "json":
            json.loads(block.text)


def test_nothing_that_is_shown_is_wider_than_a_page():
    wide = [
        f"{command.document}:{command.line}"
        for document in TRIED
        for command in steps(document.path)
        if isinstance(command, Command) and any(len(line) > 130 for line in (command.text, *command.shown))
    ]

    assert wide == []


def typed(text: str, *shown: str) -> Command:
    return Command(document="page.md", line=1, text=text, shown=shown)


@pytest.mark.parametrize(
    ("shown", "agreeing"),
    [
        (("one", "two", "three", "four"), True),
        (("one", "..."), True),
        (("...", "four"), True),
        (("...", "two", "...", "four"), True),
        (("one", "two", "three", "four", "..."), True),
        (("...",), True),
        (("one",), False),
        (("two", "..."), False),
        (("...", "three"), False),
        (("...", "three", "...", "two", "..."), False),
        ((), False),
    ],
)
def test_an_ellipsis_stands_for_lines_and_nothing_else_does(shown: tuple[str, ...], agreeing):
    assert agrees(typed("count", *shown), ["one", "two", "three", "four"]) is agreeing


def test_moments_count_only_where_the_command_says_which():
    shown, printed = "began 2026-03-02 09:00Z", ["began 2027-12-24 18:30Z"]

    assert agrees(typed("iact pdca start faster", shown), printed)
    assert not agrees(typed("iact run pdca --as-of 2026-03-02", shown), printed)


def test_a_document_is_renewed_where_it_shows_something_else_now_and_only_there():
    printed = ["Lead time 7d", "Next: nothing", "and much more", "made report.html"]

    assert renewed(typed("iact", "...", "Next: something", "..."), printed) == ("...", "Next: nothing", "...")
    assert renewed(typed("iact", "Lead time 9d", "..."), printed) == ("Lead time 7d", "...")
    assert renewed(typed("iact", "...", "made a report.html"), printed) == ("...", "made report.html")
    assert renewed(typed("iact", "..."), printed) == ("...",)
    assert renewed(typed("iact", "nothing"), printed) == tuple(printed)
