"""`iact prune`: deleting what has been kept for long enough."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iact.audit.cli import audit
from iact.config.options import by_option, checked_name, form_option, reason_option

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from iact.config.project import Project
    from iact.engine.host import Host
    from iact.operations.places import Place
    from iact.retention.erasing import Erased
    from iact.retention.files import Search
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
            would = pruning.observed(engine, project.name, policies, now)
        else:
            host = Host(engine=engine, project=project.name, clock=DatabaseClock(), services={})
            with _denials_told():
                pruning.put_into_archive(host, identity_of(project), policies, now)
                found = list(pruning.prune(engine, project.name, policies, now, named=named))
            would = pruning.observed(engine, project.name, policies, now)
    finally:
        engine.dispose()
    _say(found, would, form, dry_run=dry_run)
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


def _all_names(context: click.Context, option: click.Parameter, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(checked_name(context, option, name) for name in names)


@audit.group()
def person() -> None:
    """Say what is kept of a person, and erase it. What proves the journal stays as it is."""


_also = click.option(
    "--also",
    multiple=True,
    metavar="NAME",
    callback=_all_names,
    help="What else they are called: another name, an address, a handle. What the rules say of a Person is known.",
)


_name = click.argument("name", callback=checked_name)
_key = click.option(
    "--key", metavar="REFERENCE", help="Where the secret key of encrypted backups is, such as file:PATH or env:NAME."
)


@person.command(name="show")
@_name
@_also
@_key
@form_option
def show_person(name: str, also: tuple[str, ...], key: str | None, form: str) -> None:
    """Say what is kept of the person of this NAME, and in which files. Nothing is changed."""
    from iact.retention import erasing

    project = _project()
    with _host(project, None, None) as (host, place):
        found = erasing.would_erase(host, _names(project, name, also), _search(project, place, key))
    _say_erased(found, form, done=False)


@person.command()
@_name
@_also
@reason_option
@by_option
@_key
@form_option
@_store
@_password
def erase(  # noqa: PLR0913 - options of the command
    *,
    name: str,
    also: tuple[str, ...],
    reason: str,
    by: str,
    key: str | None,
    form: str,
    store: str | None,
    password: str | None,
) -> None:
    """Erase the person of this NAME: who they are, what they wrote, and what others wrote about them.

    The journal holds only what stands for them, so every proof stays valid. Names are exchanged in texts that came from
    elsewhere, the store's file is written anew, and so are the backups in the project. Whatever still names them, or
    cannot be looked into, is told. A legal hold keeps what it covers. It may be done again at any time. Exit codes: 0
    no trace is left, 1 a hold, or something still names them.
    """
    from iact.audit.identity import identity_of
    from iact.audit.keeping import keep_up_in_spite
    from iact.retention import erasing

    project = _project()
    policies = [resource.spec for resource in project.resources("RetentionPolicy")]
    erasure = erasing.Erasure(names=_names(project, name, also), by=by, reason=reason)
    with _host(project, store, password) as (host, place), _denials_told():
        search = _search(project, place, key)
        found = erasing.erase(host, erasure, policies, search)
        keep_up_in_spite(host, identity_of(project))
    _say_erased(found, form, done=True)
    if found.left:
        click.get_current_context().exit(1)


def _project() -> Project:
    """Return the project, which has to be one: whose files are looked through is no matter of chance."""
    from iact.config.opening import open_project
    from iact.core.errors import ConfigurationError

    project = open_project()
    if not (project.root / "iact.yaml").exists():
        message = f"there is no project in {project.root}: it has no iact.yaml. Go to the folder of one."
        raise ConfigurationError(message)
    return project


@contextmanager
def _host(project: Project, store: str | None, password: str | None) -> Iterator[tuple[Host, Place]]:
    """Give a store that is there."""
    from iact.core.errors import EnvironmentProblemError
    from iact.engine.clocks import DatabaseClock
    from iact.engine.host import Host
    from iact.operations.places import place_of

    place = place_of(project, store, password)
    if place.is_missing:
        message = f"the store {place.shown_as} is not there: nothing is kept of anybody. Name another by --store."
        raise EnvironmentProblemError(message)
    engine = _opened(place, dry_run=False)
    try:
        yield Host(engine=engine, project=project.name, clock=DatabaseClock(), services={}), place
    finally:
        engine.dispose()


def _names(project: Project, name: str, also: tuple[str, ...]) -> tuple[str, ...]:
    from iact.retention.redaction import names_of

    known = [resource.spec for resource in project.resources("Person") if resource.name == name]
    return names_of(name, also, known[0] if known else None)


def _search(project: Project, place: Place, key: str | None) -> Search:
    """Return where files of a project are: in its own folder, and in that of its archive."""
    from iact.audit.identity import identity_of
    from iact.operations.backups.running import secret_key_of
    from iact.retention.files import Search

    archive, root = identity_of(project).archive, project.root
    return Search(
        folders=(root,) if archive.is_relative_to(root) else (root, archive),
        store=place.where if isinstance(place.where, Path) else None,
        archive=archive,
        key=None if key is None else secret_key_of(key, root),
    )


def _say_erased(found: Erased, form: str, *, done: bool) -> None:
    if form == "json":
        click.echo(json.dumps(found.to_record(), indent=2, ensure_ascii=False))
        return
    if not (found.pseudonyms or found.remarks or found.rows or found.backups or found.left):
        click.echo("Nothing is kept of anybody who is called so." + (" No trace is left." if done else ""))
        return
    for pseudonym in found.pseudonyms:
        click.echo(f"{pseudonym} stands for them in the journal")
    about = f", about {', '.join(found.runs)}" if found.runs else ""
    click.echo(f"{found.remarks:,} texts by them or naming them{' erased' if done else ''}{about}")
    for text in found.texts:
        click.echo(f"  {text!r}")
    for table, count in sorted(found.rows.items()):
        click.echo(f"{count:,} rows of the table {table} {'named' if done else 'name'} them")
    for backup in found.backups:
        click.echo(f"written anew: {backup}")
    for left in found.left:
        click.echo(f"{'left: ' if done else ''}{left}")
    if done and not found.left:
        click.echo("No trace is left.")


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


def _say(found: Sequence[Pruned], observed: Sequence[Pruned], form: str, *, dry_run: bool) -> None:
    if form == "json":
        told = [*(_to_data(one, "enforce") for one in found), *(_to_data(one, "observe") for one in observed)]
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if not found and not observed:
        click.echo("Everything is kept for ever: no RetentionPolicy says for how long.")
    for one in found:
        click.echo(_line(one, "would be deleted" if dry_run else "deleted"))
        for reason, count in sorted(one.kept.items()):
            click.echo(f"  kept {count}: {reason}")
    for one in observed:
        click.echo(f"observed: {_line(one, 'would be deleted')}")


def _line(one: Pruned, verb: str) -> str:
    from iact.core import instants

    rows = ", ".join(f"{count:,} of {table}" for table, count in sorted(one.rows.items()) if count)
    return (
        f"{one.records.value} before {instants.show(one.cutoff)}: {one.deleted:,} {verb}{f' ({rows})' if rows else ''}"
    )


def _to_data(one: Pruned, mode: str) -> dict[str, Any]:
    from iact.core import instants

    return {
        "records": one.records.value,
        "mode": mode,
        "before": instants.write(one.cutoff),
        "deleted": one.deleted,
        "rows": {table: count for table, count in sorted(one.rows.items()) if count},
        "kept": dict(sorted(one.kept.items())),
    }
