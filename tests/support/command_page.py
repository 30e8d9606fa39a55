"""The page of the documentation that holds every command, made from the commands themselves.

`python -m tests.support.command_page` writes it anew.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from iact.cli.main import iact
from tests.support.project import ROOT

PAGE: Final = Path("docs/command-line.md")
MARK: Final = "<!-- From here on made from the commands by `python -m tests.support.command_page`. -->\n"
"""What stands above it is written by hand."""


def page() -> str:
    """Return what the page should be: what is written by hand, and then every command."""
    by_hand, _, _ = (ROOT / PAGE).read_text("utf-8").partition(MARK)
    root = click.Context(iact, info_name="iact")
    commands = [section for context in _leaves(root) for section in _section(context)]
    return by_hand + "\n".join([MARK, *commands])


def _leaves(context: click.Context) -> Iterator[click.Context]:
    """Give each command that does something, in the order of the help."""
    group = context.command
    if not isinstance(group, click.Group):
        yield context
        return
    if group.invoke_without_command:
        yield context
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, f"{context.command_path} lists {name} and does not have it"
        yield from _leaves(click.Context(command, parent=context, info_name=name))


def _section(context: click.Context) -> Iterator[str]:
    yield f"## {context.command_path}\n"
    yield f"```sh\n{' '.join([context.command_path, *context.command.collect_usage_pieces(context)])}\n```\n"
    yield f"{inspect.cleandoc(context.command.help or '')}\n"
    options = [one for one in context.command.params if isinstance(one, click.Option)]
    if options:
        yield "| option | when left out | what it says |\n|---|---|---|"
        yield from (_row(option, context) for option in options)
        yield ""


def _row(option: click.Option, context: click.Context) -> str:
    # A bar would end the cell of the table.
    takes = "" if option.is_flag else f" {option.make_metavar(context)}".replace("|", r"\|")
    default = f"`{option.default}`" if option.show_default else ""
    return f"| `{', '.join(option.opts)}{takes}` | {default} | {option.help or ''} |"


def main() -> None:
    """Write the page."""
    (ROOT / PAGE).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
