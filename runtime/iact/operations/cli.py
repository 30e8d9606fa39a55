"""`iact db` and `iact doctor`: the tables of the store, the accounts that use them, and what is wrong with either."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from iact.config.options import form_option
from iact.operations.options import store_options

if TYPE_CHECKING:
    from iact.operations.places import Place


@click.command()
@store_options
@form_option
def doctor(store: str | None, password: str | None, form: str) -> None:
    """Say what is wrong with the store and what it rests on, and what mends it.

    It looks at the rules, at git, at the connection, the account's rights, the server's settings and clock and the
    tables; of an embedded store at the file and its disk. Rows of the journal are compared with the log, and the log
    with its files and with what was published. Nothing is changed. Exit codes: 0 all well, 1 something is
    wrong, 2 the rules have mistakes, 3 nothing works before it is mended.
    """
    from iact.config.opening import open_project
    from iact.operations.doctor import log
    from iact.operations.doctor.examine import examine
    from iact.operations.doctor.findings import BROKEN, exit_code, lines
    from iact.operations.places import as_data, place_of

    project = open_project()
    place = place_of(project, store, password)
    found = list(examine(place))
    if not any(one.level == BROKEN for one in found):
        found += log.findings(project, place, is_own=store is None)
    data = {**as_data(place), "findings": [finding.to_data() for finding in found]}
    _say(data, form, lambda: [f"store   {place.shown_as}", *lines(found)])
    if code := exit_code(found):
        click.get_current_context().exit(code)


@click.group()
def db() -> None:
    """Look after the tables of the store, and the accounts that use them."""


@db.command()
@store_options
@click.option("--sql", is_flag=True, help="Print the SQL that is left to do instead of doing it; nothing is changed.")
def migrate(store: str | None, password: str | None, sql: bool) -> None:  # noqa: FBT001 - click hands flags over like this
    """Bring the tables of the store up to date.

    On a server this is the only command that changes tables, and it takes an account that may: name it by --store and
    --password. One process at a time does it; one that was cut off is continued by the next. The embedded store is
    brought up to date by every command that keeps something.
    """
    from iact.operations.migrating import migrate_place, script_for

    place = _place(store, password)
    if sql:
        click.echo(script_for(place), nl=False)
        return
    for line in migrate_place(place):
        click.echo(line)


@db.command()
@store_options
@form_option
def status(store: str | None, password: str | None, form: str) -> None:
    """Say at which revision the tables of the store are, and what is missing.

    Exit codes: 0 this release can use them, 1 something is missing or they are too new, 3 the store cannot be read.
    """
    from iact.operations.standing import show_standing, standing_of, to_data

    place = _place(store, password)
    found = standing_of(place)
    _say(to_data(place, found), form, lambda: show_standing(place, found))
    if not found.can_be_used:
        click.get_current_context().exit(1)


@db.command()
@click.argument("revision")
@store_options
@click.option("--yes", is_flag=True, help="Do it; without this, only what would be lost is told.")
def downgrade(revision: str, store: str | None, password: str | None, yes: bool) -> None:  # noqa: FBT001 - as above
    """Take the tables of the store back to an earlier REVISION, and lose what only later ones keep.

    It says which steps are taken back, and which tables and columns are lost with how many rows. What cannot be undone
    is refused. On a server it takes an account that may change tables. Exit codes: 0 done, 1 lacks --yes.
    """
    from iact.operations.downgrading import carry_out, plan, show

    place = _place(store, password)
    planned = plan(place, revision)
    if yes:
        carry_out(place, planned)
    click.echo("\n".join(show(place, planned, done=yes)))
    if planned.steps and not yes:
        click.get_current_context().exit(1)


@db.command()
@store_options
@click.option(
    "--account",
    "roles",
    type=click.Choice(["owner", "application", "reader"]),
    multiple=True,
    help="Only for this one; several can be named.",
)
@click.option("--owner", metavar="NAME", help="What the owner is called.  [default: the application's and _owner]")
@click.option(
    "--application", metavar="NAME", help="What the application is called.  [default: the one in the address]"
)
@click.option("--reader", metavar="NAME", help="What the reader is called.  [default: the application's and _reader]")
@click.option("--host", metavar="PATTERN", default="%", show_default=True, help="From where they may connect.")
def grants(  # noqa: PLR0913, PLR0917 - one parameter for each option
    store: str | None,
    password: str | None,
    roles: tuple[str, ...],
    owner: str | None,
    application: str | None,
    reader: str | None,
    host: str,
) -> None:
    """Print the SQL that gives three accounts the rights that they need, and no more.

    The owner changes tables; the application only rows, and to the journal it only adds some; the reader reads. Have an
    administrator of the server create the accounts and run it. Nothing is connected to.
    """
    from iact.operations.accounts import script_for

    click.echo(script_for(_place(store, password), roles, (owner, application, reader), host), nl=False)


def _place(store: str | None, password: str | None) -> Place:
    from iact.config.opening import open_project
    from iact.operations.places import place_of

    return place_of(open_project(), store, password)


def _say(data: dict[str, Any], form: str, lines: Callable[[], list[str]]) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False) if form == "json" else "\n".join(lines()))
