"""Options that commands of several rooms have: how to tell what was found, and what is given along."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import click

from iact.core import instants

if TYPE_CHECKING:
    from datetime import datetime

    from iact.config.project import Project


def form_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option that says how to tell what was found."""
    return click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)(
        command
    )


def given_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return what gives a command the option `--with NAME=VALUE`, as often as wanted; it is handed over as a mapping.

    Args:
        help_text: what the values are.
    """
    return click.option("--with", "given", metavar="NAME=VALUE", multiple=True, callback=_pairs, help=help_text)


def reason_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option that says why, which is kept with what it does."""
    return click.option(
        "--reason", metavar="TEXT", required=True, callback=_written, help="Why; it is kept with the journal."
    )(command)


def optional_reason_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the same option, where it only has to be said for some of what the command does."""
    return click.option("--reason", metavar="TEXT", callback=_written_if_any, help="Why; it is kept with the journal.")(
        command
    )


def by_option(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option that says who says so; it is handed over as a name in any case."""
    return click.option(
        "--by", metavar="NAME", callback=_person, help="Who says so; by default the user's name on this machine."
    )(command)


def moment_of(text: str, project: Project, option: str) -> datetime:
    """Return the moment that somebody wrote, on the clock of the project's zone where no other is named.

    Args:
        text: what was written.
        project: whose zone it is.
        option: the option that it was written for.

    Raises:
        click.BadParameter: if it is none.
    """
    try:
        return instants.parse(text, instants.zone_of(project.settings.time_zone))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def checked_name(_context: click.Context, parameter: click.Parameter, name: str) -> str:
    """Return what somebody is called, without space around it.

    Raises:
        click.BadParameter: if it is no text, or has no letter and no digit.
    """
    found = name.strip()
    if not any(letter.isalnum() for letter in found) or not found.isprintable():
        message = f"expected what somebody is called, with a letter or a digit; found {name!r}."
        raise click.BadParameter(message, param=parameter)
    return found


def _person(context: click.Context, option: click.Parameter, by: str | None) -> str:
    return checked_name(context, option, getpass.getuser() if by is None else by)


def _written(_context: click.Context, _option: click.Parameter, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        message = f"expected a text in UTF-8; found {text!r}."
        raise click.BadParameter(message) from None
    return text


def _written_if_any(context: click.Context, option: click.Parameter, text: str | None) -> str | None:
    return None if text is None else _written(context, option, text)


def _pairs(context: click.Context, option: click.Parameter, written: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in written:
        name, equals, value = _written(context, option, text).partition("=")
        if not equals or not name:
            message = f"expected NAME=VALUE, such as size=3; found `{text}`."
            raise click.BadParameter(message)
        if name in found:
            message = f"`{name}` is given twice."
            raise click.BadParameter(message)
        found[name] = value
    return found
