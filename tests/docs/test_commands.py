"""Every `iact` command that a document quotes is one that the command line has, with the options it has."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from iact.cli.main import iact
from tests.support.project import blocks, documents, prose

IN_PROSE = re.compile(r"`(?P<command>iact(?: [^`]+)?)`")
END = re.compile(r"[|&;<>…\[]|\.\.\.|\d>|[A-Z]+$")
"""Where the words end that can be looked up: at a pipe, a redirection or a placeholder such as `AGENT`."""

LATER = Path("docs/adr")
"""Decisions speak of what was or might be, so their commands are not checked."""


def quoted_commands(document: Path) -> Iterator[tuple[int, str]]:
    """Give the `iact` commands of a document, each with its line: those in prose, and those of shell blocks."""
    for number, line in prose(document):
        for match in IN_PROSE.finditer(line):
            yield number, match["command"]
    for block in blocks(document):
        prompt = {"console": "$ ", "sh": "", "bash": "", "shell": ""}.get(block.language)
        if prompt is None:
            continue
        joined = block.text.replace("\\\n", " ")
        for line in joined.splitlines():
            command = line.removeprefix(prompt).removeprefix(".venv/bin/")
            if line.startswith(prompt) and re.match(r"iact\b", command):
                yield block.line, command


def words_of(command: str) -> list[str]:
    """Return the words of a command after `iact`, up to a pipe, a redirection, a comment or a placeholder."""
    words = shlex.split(command, comments=True)[1:]
    ends = (place for place, word in enumerate(words) if END.match(word))
    return words[: next(ends, len(words))]


def fault_of(command: str) -> str | None:
    """Return what is wrong with a quoted command, or None."""
    current: click.Command = iact
    context = click.Context(iact, info_name="iact")
    words = iter(words_of(command))
    for word in words:
        if word.startswith("-"):
            name, _, value = word.partition("=")
            option = option_of(current, context, name)
            if option is None:
                return f"{context.command_path} has no option {name}"
            if not option.is_flag and not option.count and not value:
                next(words, None)
        elif isinstance(current, click.Group):
            found = current.get_command(context, word)
            if found is None:
                return f"{context.command_path} has no command {word}"
            current, context = found, click.Context(found, parent=context, info_name=word)
        elif not any(isinstance(parameter, click.Argument) for parameter in current.params):
            return f"{context.command_path} takes no argument, so not {word}"
    return None


def option_of(command: click.Command, context: click.Context, name: str) -> click.Option | None:
    """Return the option of a command that is written as `name`, such as `--format`."""
    for parameter in command.get_params(context):
        if isinstance(parameter, click.Option) and name in (*parameter.opts, *parameter.secondary_opts):
            return parameter
    return None


@pytest.mark.parametrize(
    "document", [document for document in documents() if not document.is_relative_to(LATER)], ids=str
)
def test_a_quoted_command_is_one_that_there_is(document: Path):
    faults = [
        f"{document}:{number}: `{command}`: {fault}"
        for number, command in quoted_commands(document)
        if (fault := fault_of(command)) is not None
    ]

    assert faults == []


@pytest.mark.parametrize(
    ("command", "fault"),
    [
        ("iact --help", None),
        ("iact run pdca --window 48h --repo . | head", None),
        ("iact conjure", "iact has no command conjure"),
        ("iact run pdca --wimdow 48h", "iact run has no option --wimdow"),
    ],
)
def test_a_command_that_there_is_not_is_noticed(command: str, fault: str | None):
    assert fault_of(command) == fault
