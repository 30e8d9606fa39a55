"""A group of commands that are imported when they are called."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import click

from iact.core.errors import IactError
from iact.core.problems import did_you_mean


@dataclass(frozen=True, slots=True)
class Command:
    """Where a command is.

    Attributes:
        place: `module:function` of the click command.
        summary: its one sentence, shown in the list of commands without importing it.
    """

    place: str
    summary: str

    def load(self) -> click.Command:
        """Import and return it."""
        module, _, name = self.place.partition(":")
        return cast("click.Command", getattr(importlib.import_module(module), name))


class LazyGroup(click.Group):
    """A group whose commands are named in a table."""

    def __init__(self, *args: Any, commands_by_name: Mapping[str, Command], **settings: Any) -> None:
        """Make the group of these commands; the rest of the arguments are click's."""
        super().__init__(*args, **settings)
        self._by_name = commands_by_name

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names in the order of the table, which is the order in which a newcomer needs them."""
        return list(self._by_name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import and return a command, or None where there is none of that name."""
        return self._by_name[cmd_name].load() if cmd_name in self._by_name else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that `args` begin with; an unknown one is told its nearest name."""
        name = args[0]
        if name not in self._by_name and not name.startswith("-"):
            hint = did_you_mean(name, self._by_name) or f"There is {', '.join(self._by_name)}."
            ctx.fail(f"no such command: {name}. {hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """Write the list of commands without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.summary) for name, command in self._by_name.items()])


def report(error: IactError) -> None:
    """Write an error to standard error, as text without a traceback."""
    click.echo(f"Error: {error}", err=True, file=sys.stderr)
