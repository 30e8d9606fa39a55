"""The options that say which store is meant."""

from __future__ import annotations

from collections.abc import Callable

import click


def store_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which store is meant."""
    for option in (
        click.option(
            "--password", metavar="REFERENCE", help="Where its password is kept, such as env:NAME or file:PATH."
        ),
        click.option(
            "--store",
            metavar="URL",
            help="Another store than the project's: a SQLite file, or mysql://user@host:3306/database.",
        ),
    ):
        command = option(command)
    return command
