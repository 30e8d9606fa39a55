"""`iact backup` and `iact restore`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iact.operations.options import form_option, store_options

if TYPE_CHECKING:
    from iact.operations.places import Place

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(invoke_without_command=True)
@click.option("--to", type=_FILE, help="The file to make; left out, one in .iact/backups named after the moment.")
@store_options
@form_option
@click.pass_context
def backup(context: click.Context, to: Path | None, store: str | None, password: str | None, form: str) -> None:
    """Write everything that the store holds into one file.

    It shows one moment, also while others write, and is read again before it gets its name. It can be restored into
    any kind of store. Reports are files of their own and not in it.
    """
    if context.invoked_subcommand is not None:
        return
    from iact.config.opening import open_project
    from iact.operations.backups.running import back_up, data_of, show

    project = open_project()
    made, left_out = back_up(project, _place(store, password), to)
    lines = [*show(made), *(f"left out  {name}, which is no table of iact" for name in left_out)]
    _say(data_of(made, left_out=left_out), form, lines)


@backup.command()
@click.argument("file", type=_FILE)
@form_option
def verify(file: Path, form: str) -> None:
    """Read a backup as a whole and say what is in it; no store is needed.

    Exit codes: 0 it is what was written, 1 it is damaged, no backup, or of a newer format, 3 it cannot be read.
    """
    from iact.operations.backups.running import data_of, show
    from iact.stores.backups.archive import verify as verified

    found = verified(file)
    _say(data_of(found), form, [*show(found), "Every byte and every row is as it was written."])


@click.command()
@click.argument("file", type=_FILE)
@store_options
@form_option
def restore(file: Path, store: str | None, password: str | None, form: str) -> None:
    """Fill an empty store out of a backup.

    The store may be of another kind than the one that was backed up. Every row is read again and compared; until then
    no other command uses what is there. On a server it takes an account that may make tables.
    """
    from iact.operations.backups.running import data_of, show
    from iact.operations.backups.running import restore as restored

    place = _place(store, password)
    done = restored(place, file)
    told = f"Restored into {place.shown_as}; every row was read again and is the same."
    _say(data_of(done, store=place.shown_as), form, [*show(done), told])


def _place(store: str | None, password: str | None) -> Place:
    from iact.config.opening import open_project
    from iact.operations.places import place_of

    return place_of(open_project(), store, password)


def _say(data: dict[str, Any], form: str, lines: list[str]) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else "\n".join(lines))
