"""`iact backup` and `iact restore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iact.config.options import form_option
from iact.operations.options import store_options

if TYPE_CHECKING:
    from iact.operations.places import Place

_FILE = click.Path(path_type=Path, dir_okay=False)
_KEY = click.option(
    "--key", metavar="REFERENCE", help="Where the secret key is that reads it, such as file:PATH or env:NAME."
)


@click.group(invoke_without_command=True)
@click.option("--to", type=_FILE, help="The file to make; left out, one in .iact/backups named after the moment.")
@click.option(
    "--encrypt-for",
    metavar="KEY",
    multiple=True,
    help="Encrypt it for a public key, which begins with age1; may be given several times.",
)
@store_options
@form_option
@click.pass_context
def backup(  # noqa: PLR0913, PLR0917 - the options of the command
    context: click.Context,
    to: Path | None,
    encrypt_for: tuple[str, ...],
    store: str | None,
    password: str | None,
    form: str,
) -> None:
    """Write everything that the store holds into one file.

    It shows one moment, also while others write, and is read again before it gets its name. It can be restored into
    any kind of store. Reports are files of their own and not in it.
    """
    if context.invoked_subcommand is not None:
        return
    from iact.config.opening import open_project
    from iact.operations.backups.running import back_up, data_of, show

    project = open_project()
    made, left_out = back_up(project, _place(store, password), to, encrypt_for)
    lines = [*show(made), *(f"left out  {name}, which is no table of iact" for name in left_out)]
    _say(data_of(made, left_out=left_out), form, lines)


@backup.command()
@click.argument("file", type=_FILE)
def key(file: Path) -> None:
    """Make a pair of keys: the secret one into a new file, the public one to be printed.

    The public one is what `--encrypt-for` takes. Whoever loses the file with the secret one loses what it opens. Both
    have the form of the program age, which reads encrypted backups as well.
    """
    from iact.operations.backups.running import make_key

    click.echo(make_key(file))


@backup.command()
@click.argument("file", type=_FILE)
@_KEY
@form_option
def verify(file: Path, key: str | None, form: str) -> None:
    """Read a backup as a whole and say what is in it; no store is needed.

    Exit codes: 0 it is what was written, 1 it is damaged, no backup, or of a newer format, 3 it cannot be read.
    """
    from iact.operations.backups.running import data_of, show, verified

    found = verified(file, key, Path())
    _say(data_of(found), form, [*show(found), "Every byte and every row is as it was written."])


@click.command()
@click.argument("file", type=_FILE)
@_KEY
@store_options
@form_option
def restore(file: Path, key: str | None, store: str | None, password: str | None, form: str) -> None:
    """Fill an empty store out of a backup.

    The store may be of another kind than the one that was backed up. Every row is read again and compared; until then
    no other command uses what is there. On a server it takes an account that may make tables.
    """
    from iact.operations.backups.running import data_of, show, verified
    from iact.operations.backups.running import restore as restored

    place = _place(store, password)
    done = verified(file, key, Path())
    restored(place, done)
    told = f"Restored into {place.shown_as}; every row was read again and is the same."
    signing = "Where a later checkpoint was signed, `iact status` says so, and nothing more is signed: docs/audit.md."
    _say(data_of(done, store=place.shown_as), form, [*show(done), told, signing])


def _place(store: str | None, password: str | None) -> Place:
    from iact.config.opening import open_project
    from iact.operations.places import place_of

    return place_of(open_project(), store, password)


def _say(data: dict[str, Any], form: str, lines: list[str]) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else "\n".join(lines))
