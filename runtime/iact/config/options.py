"""Options that commands of several rooms have: how to tell what was found, and what is given along."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click


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


def _pairs(_context: click.Context, _option: click.Parameter, written: tuple[str, ...]) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for text in written:
        name, equals, value = text.partition("=")
        if not equals or not name:
            message = f"expected NAME=VALUE, such as size=3; found `{text}`."
            raise click.BadParameter(message)
        if name in found:
            message = f"`{name}` is given twice."
            raise click.BadParameter(message)
        found[name] = value
    return found
