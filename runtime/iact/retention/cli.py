"""`iact prune`: deleting what has been kept for long enough."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iact.audit.cli import audit
from iact.config.options import by_option, form_option, reason_option

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from iact.operations.places import Place
    from iact.retention.pruning import Pruned

_DENIED: Final = (1044, 1142)
"""What MySQL and MariaDB say of a statement that an account may not run on a database, and on a table."""


_store = click.option(
    "--store",
    metavar="URL",
    help="Another store than the project's, or another account: a SQLite file, or mysql://user@host:3306/database.",
)
_password = click.option(
    "--password", metavar="REFERENCE", help="Where its password is kept, such as env:NAME or file:PATH."
)


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would be deleted; nothing is changed.")
@form_option
@_store
@_password
def prune(*, dry_run: bool, form: str, store: str | None, password: str | None) -> None:
    """Delete the records that every RetentionPolicy has kept for long enough.

    In small transactions, the oldest first; one that is cut off is continued by the next. What goes of the journal is
    in the archive of the log before. What no policy names is kept for ever, and so is what a legal hold names, a run
    with anything open, and a journal that was changed after it was written. On a server it takes the account of the
    owner: name it by --store and --password. Exit codes: 0 done, 1 such a journal was found, or a log that does not
    hold.
    """
    from iact.audit.identity import identity_of
    from iact.config.opening import open_project
    from iact.engine.clocks import DatabaseClock, present
    from iact.engine.host import Host
    from iact.operations.places import place_of
    from iact.retention import pruning
    from iact.stores.units import read

    project = open_project()
    resources = list(project.resources("RetentionPolicy"))
    policies = [resource.spec for resource in resources]
    named = "\n".join(f"{resource.name} {resource.digest}" for resource in resources)
    engine = _opened(place_of(project, store, password), dry_run=dry_run)
    try:
        now = read(engine, lambda connection: present(connection, project.name, DatabaseClock()))
        if dry_run:
            found = pruning.would_prune(engine, project.name, policies, now)
        else:
            host = Host(engine=engine, project=project.name, clock=DatabaseClock(), services={})
            with _denials_told():
                pruning.put_into_archive(host, identity_of(project), policies, now)
                found = list(pruning.prune(engine, project.name, policies, now, named=named))
    finally:
        engine.dispose()
    _say(found, form, dry_run=dry_run)
    if any(pruning.BROKEN in one.kept for one in found):
        click.get_current_context().exit(1)


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@reason_option
@by_option
@_store
@_password
def restore(bundle: Path, reason: str, by: str, store: str | None, password: str | None) -> None:
    """Bring back into the journal what a BUNDLE of the archive holds and `iact prune` has deleted.

    The bundle is verified first, and every entry has to be the one that the log has at its place. The part that was
    deleted last comes first. `iact prune` deletes it again, unless a legal hold names it.
    """
    from iact.audit import restoring
    from iact.config.opening import open_project
    from iact.engine.clocks import DatabaseClock
    from iact.engine.host import Host
    from iact.operations.places import place_of

    project = open_project()
    engine = _opened(place_of(project, store, password), dry_run=False)
    try:
        host = Host(engine=engine, project=project.name, clock=DatabaseClock(), services={})
        with _denials_told():
            found = restoring.restore(host, bundle, by, reason)
    finally:
        engine.dispose()
    click.echo(f"{found.entries:,} entries of {found.runs:,} runs brought back; the bundle {found.verdict}")


audit.add_command(restore)


@contextmanager
def _denials_told() -> Iterator[None]:
    """Say of a right that an account does not have who has it."""
    from sqlalchemy.exc import OperationalError

    from iact.core.errors import EnvironmentProblemError

    try:
        yield
    except OperationalError as error:
        if error.orig is None or error.orig.args[0] not in _DENIED:
            raise
        message = (
            f"this account may not delete what is kept: {error.orig}. Name the owner's by --store and --password; "
            "`iact db grants` prints its rights."
        )
        raise EnvironmentProblemError(message) from error


def _opened(place: Place, *, dry_run: bool) -> Engine:
    """Open a store; for a dry run a copy of a file, while a server is only read."""
    from iact.stores.connect import open_copy, open_sqlite
    from iact.stores.servers import open_server

    if isinstance(place.where, Path):
        return open_copy(place.where) if dry_run else open_sqlite(place.where)
    return open_server(place.where.url, password=place.where.password, tls=place.where.tls, migrates=False)


def _say(found: Sequence[Pruned], form: str, *, dry_run: bool) -> None:
    if form == "json":
        click.echo(json.dumps([_to_data(one) for one in found], indent=2, ensure_ascii=False))
        return
    if not found:
        click.echo("Everything is kept for ever: no RetentionPolicy says for how long.")
    for one in found:
        click.echo(_line(one, "would be deleted" if dry_run else "deleted"))
        for reason, count in sorted(one.kept.items()):
            click.echo(f"  kept {count}: {reason}")


def _line(one: Pruned, verb: str) -> str:
    from iact.core import instants

    rows = ", ".join(f"{count:,} of {table}" for table, count in sorted(one.rows.items()) if count)
    return (
        f"{one.records.value} before {instants.show(one.cutoff)}: {one.deleted:,} {verb}{f' ({rows})' if rows else ''}"
    )


def _to_data(one: Pruned) -> dict[str, Any]:
    from iact.core import instants

    return {
        "records": one.records.value,
        "before": instants.write(one.cutoff),
        "deleted": one.deleted,
        "rows": {table: count for table, count in sorted(one.rows.items()) if count},
        "kept": dict(sorted(one.kept.items())),
    }
