"""`iact audit`: the journal as proof, for whoever has to check it and for whoever hands it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from iact.config.options import by_option, form_option, moment_of, reason_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.audit.listing import Listed, Proved, Seen
    from iact.config.project import Project


@click.group()
def audit() -> None:
    """Prove to anybody what was decided and done, and check such a proof."""


_from = click.option("--from", "begin", metavar="MOMENT", help="Written at this moment or later, such as 2026-03-01.")
_to = click.option("--to", "end", metavar="MOMENT", help="Written before this moment.")


@audit.command(name="list")
@click.option("--run", default="", metavar="RUN", help="Of this run: its name, or the beginning of it.")
@click.option("--person", default="", metavar="NAME", help="What this person answered or ordered.")
@click.option(
    "--rule",
    default="",
    metavar="AGENT[@DIGEST]",
    help="Decided by this agent, or by this version of it: the beginning of its digest.",
)
@_from
@_to
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most: the newest.")
@form_option
def list_entries(  # noqa: PLR0913 - options of the command
    *, run: str, person: str, rule: str, begin: str | None, end: str | None, most: int, form: str
) -> None:
    """List entries of the log: what was seen, decided and done, by which version of which rule.

    In the order of the log. What is deleted from the journal is read from the archive. Where nothing
    matches, it says what there is. Exit codes: 0 all well, 1 an entry is not as the log has it.
    """
    from iact.audit.listing import LogReader, Wanted
    from iact.audit.opening import opened_log
    from iact.config.opening import open_project
    from iact.core.alignment import aligned
    from iact.stores.units import read

    project = open_project()
    begin_at, end_at = _moment(begin, project, "--from"), _moment(end, project, "--to")
    wanted = Wanted(run=run, person=person, rule=rule, begin=begin_at, end=end_at, most=most)
    with opened_log(project) as (host, identity):

        def look(connection: Connection) -> tuple[list[Listed], Seen]:
            reader = LogReader(connection, host.project, identity.archive)
            return reader.entries(wanted), reader.seen

        found, seen = read(host.unhurried, look)
    if form == "json":
        click.echo(json.dumps([one.to_record() for one in found], indent=2, ensure_ascii=False))
    else:
        for line in aligned([_row(one) for one in found]):
            click.echo(line)
    if not found:
        click.echo(seen.nothing_matches(wanted), err=True)
    _check_whole(found)


@audit.command()
@click.argument("entry")
@form_option
def show(entry: str, form: str) -> None:
    """Show an entry of the log as it is stored, with the proof that it is in the log.

    ENTRY is its place in the log, RUN/SEQUENCE, or a RUN for all of its entries; of a run's name the beginning is
    enough. Exit codes: 0 all well, 1 an entry is not as the log has it, 2 there is no such entry.
    """
    from iact.audit.listing import LogReader
    from iact.audit.opening import opened_log
    from iact.config.opening import open_project
    from iact.stores.units import read

    with opened_log(open_project()) as (host, identity):

        def look(connection: Connection) -> list[Proved]:
            reader = LogReader(connection, host.project, identity.archive)
            return [reader.proved(listed) for listed in reader.named(entry)]

        found = read(host.unhurried, look)
    if form == "json":
        click.echo(json.dumps([one.to_record() for one in found], indent=2, ensure_ascii=False))
    else:
        for number, one in enumerate(found):
            click.echo(("\n" if number else "") + one.said)
    _check_whole([one.listed for one in found])


@audit.command()
@_from
@_to
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), required=True, metavar="FILE", help="The bundle to write."
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="A checkpoint that the auditor kept: the bundle shows that the log goes on from it.",
)
@click.option("--witnessed", is_flag=True, help="Only up to the newest checkpoint that every witness has signed.")
def export(*, begin: str | None, end: str | None, out: Path, checkpoints: tuple[Path, ...], witnessed: bool) -> None:
    """Write a bundle of a period, which proves itself: entries, proofs, checkpoint, definitions, an index to read.

    Without --from and --to, of the whole log. It is verified before it is there. Give the auditor the public key, which
    `iact audit key` prints, by another way.
    """
    from iact.audit.exporting import Asked
    from iact.audit.exporting import export as write
    from iact.audit.opening import opened_log
    from iact.config.opening import open_project
    from iact.core.errors import ConfigurationError

    project = open_project()
    kept = [file.read_bytes() for file in checkpoints]
    witnesses = tuple(one.name for one in project.settings.audit.witnesses)
    if witnessed and not witnesses:
        message = "--witnessed: no witness is named below `audit:` in iact.yaml."
        raise ConfigurationError(message)
    asked = Asked(
        _moment(begin, project, "--from"),
        _moment(end, project, "--to"),
        kept,
        witnesses=witnesses if witnessed else (),
    )
    with opened_log(project) as (host, identity):
        verdict = write(host, identity, out, asked)
    click.echo(f"{out}: {verdict}")


@audit.group(invoke_without_command=True)
@click.pass_context
def key(context: click.Context) -> None:
    """Print the public keys of the log, the newest last: what an auditor needs, and has to get by a way of its own."""
    from iact.audit.opening import opened_log
    from iact.audit.store import keys_of
    from iact.config.opening import open_project
    from iact.core import instants
    from iact.stores.units import read

    if context.invoked_subcommand is not None:
        return
    with opened_log(open_project()) as (host, _):
        known = read(host.engine, lambda connection: keys_of(connection, host.project))
    for one in known:
        click.echo(one.key)
        lost = "" if one is known[0] or one.rotation else "; no key before vouches for it, so hand it to every auditor"
        click.echo(f"  signs since {instants.write(one.since)}{lost}", err=True)
    if not known:
        click.echo("No key yet: the first who signs the log makes one.", err=True)


@key.command()
@reason_option
@by_option
@click.option(
    "--lost", is_flag=True, help="The old secret is lost: no auditor can tell by it that the new key is right."
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Where the new secret is to be."
)
def change(*, reason: str, by: str, lost: bool, out: Path | None) -> None:
    """Give the log a new key, and print its public half. The old key signs it, so that auditors need nothing new."""
    from iact.audit.opening import opened_log
    from iact.audit.rotating import Change, change_key
    from iact.config.opening import open_project

    with opened_log(open_project()) as (host, identity):
        made = change_key(host, identity, Change(by=by, reason=reason, lost=lost), out)
    click.echo(str(made.key))
    if lost:
        click.echo("Give it to every auditor by hand: nothing that they have vouches for it.", err=True)


@audit.command()
def archive() -> None:
    """Put all of the log that is signed into the archive, as bundles that go on from each other.

    `iact prune` does so before it deletes a journal. Exit codes: 0 done or nothing to do, 1 the log does not hold.
    """
    from iact.audit.archiving import archive as put_into_archive
    from iact.audit.opening import opened_log
    from iact.config.opening import open_project

    with opened_log(open_project()) as (host, identity):
        made = put_into_archive(host, identity)
    if made is None:
        click.echo("There is nothing new to archive.")
    else:
        click.echo(f"{identity.archive / made.file}: entries {made.begin} to {made.end - 1}, {made.digest}")


@audit.command()
@form_option
def publish(form: str) -> None:
    """Publish the newest checkpoint to every place that iact.yaml names, now. `iact serve` does so by itself.

    Witnesses are asked first, and what they sign is published with it. What can be read back is compared with the log.
    Exit codes: 0 every place has it, 1 a place refused it or does not go together with the log, or the log is not to be
    signed, 2 no place is named or nothing is signed.
    """
    from iact.audit.opening import opened_log
    from iact.audit.publishing.places import publishing_of
    from iact.audit.publishing.rounds import publish as publish_everywhere
    from iact.audit.signing import why_unsigned
    from iact.config.opening import open_project
    from iact.core.errors import ConfigurationError

    project = open_project()
    publishing = publishing_of(project)
    if not publishing.everywhere:
        message = "no place is named to which checkpoints go: write `audit: {publish: {git: {}}}` in iact.yaml."
        raise ConfigurationError(message)
    with opened_log(project) as (host, identity):
        unsigned = why_unsigned(host, identity)
        results = publish_everywhere(host, publishing, at_once=True)
    if not results:
        why = f"nothing is signed yet: {unsigned}" if unsigned else "somebody else is publishing just now"
        message = f"{why}. `iact status` says what waits."
        raise ConfigurationError(message)
    if form == "json":
        click.echo(json.dumps([one.to_record() for one in results], indent=2, ensure_ascii=False))
    else:
        for one in results:
            click.echo(str(one))
    if not all(one.is_good for one in results):
        raise click.exceptions.Exit(1)


@audit.command(name="go-on")
@reason_option
@by_option
def go_on(reason: str, by: str) -> None:
    """Let the log go on from a store that is older than what this machine has signed.

    After an older backup was restored, the store lacks entries that were signed, and perhaps published. A key that
    signs others in their place has signed two histories, so nothing is signed until you say this. Who, why, and which
    checkpoint is given up becomes an entry of the log. Say it on each machine that has the key. Exit codes: 0 done, 2
    the log goes on from all that was signed.
    """
    from iact.audit.going_on import go_on as go_on_from
    from iact.audit.keeping import keep_up
    from iact.audit.opening import opened_log
    from iact.config.opening import open_project

    with opened_log(open_project()) as (host, identity):
        given_up = go_on_from(host, identity, by, reason)
        keep_up(host, identity)
    what = f"the checkpoint of {given_up.size:,} entries" if given_up else "what could not be read"
    click.echo(f"The log goes on from the store as it is. This gives up {what}: tell those who have it.")


@audit.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option(
    "--key",
    "keys",
    multiple=True,
    required=True,
    metavar="KEY",
    help="A public key of the log that you have from elsewhere: name+id+key, or a file with such lines.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A checkpoint that you kept earlier: the log has to go on from it.",
)
@click.option(
    "--witness",
    "witnesses",
    multiple=True,
    metavar="KEY",
    help="A public key of a witness, like --key: the checkpoint has to have its signature, too.",
)
@click.option(
    "--old-key",
    "old_keys",
    multiple=True,
    metavar="KEY",
    help="A key of the log that was changed because others got hold of it: believed for what you kept, and only that.",
)
@click.option("--replay", is_flag=True, help="Make every decision again, too: the same facts have to give the same.")
@form_option
def verify(  # noqa: PLR0913 - options of the command
    *,
    bundle: Path,
    keys: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    witnesses: tuple[str, ...],
    old_keys: tuple[str, ...],
    form: str,
    replay: bool,
) -> None:
    """Say whether a bundle holds, or which entry is the first bad one and what is wrong with it.

    Every entry's stored bytes are hashed again and have to lead to the signed checkpoint; every run has to go on
    without a gap, and every step has to be one that the definition allows which the run pinned. Needs no project and no
    store. Exit codes: 0 it holds, 1 it does not, 2 it cannot be judged.
    """
    from iact.audit.bundles import AuditFindingError, BundleError
    from iact.audit.replaying import replay_bundle
    from iact.audit.verifier import judge
    from iact.core.errors import ConfigurationError

    try:
        verdict = judge(bundle, keys, checkpoints, witnesses, old_keys)
        replayed = replay_bundle(bundle, verdict.manifest.first) if replay else None
    except AuditFindingError as error:
        said = {"holds": False, "finding": str(error)}
        click.echo(json.dumps(said, ensure_ascii=False) if form == "json" else f"does not hold: {error}")
        raise click.exceptions.Exit(1) from None
    except BundleError as error:
        message = f"cannot be judged: {error}"
        raise ConfigurationError(message) from None
    except MemoryError:
        message = "cannot be judged: it takes more memory than there is."
        raise ConfigurationError(message) from None
    if form == "json":
        again = {} if replayed is None else {"replayed": replayed.decisions, "not_replayed_runs": replayed.left_out}
        click.echo(json.dumps(verdict.to_record() | again, ensure_ascii=False))
        return
    click.echo(str(verdict))
    if replayed is not None:
        click.echo(str(replayed))


@audit.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Write it there, not to standard output.")
def verifier(out: Path | None) -> None:
    """Print `iact_verify.py`: one file by which an auditor checks bundles with Python and nothing else.

    It is put together from the modules that `iact audit verify` itself uses. An auditor makes it from an iact of
    theirs, and does not take it from whoever is audited.
    """
    from iact.audit.assembling import assembled
    from iact.core.errors import EnvironmentProblemError

    text = assembled()
    if out is None:
        click.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"{out} cannot be written: {error.strerror}. Name another file."
        raise EnvironmentProblemError(message) from error


def _check_whole(found: Sequence[Listed]) -> None:
    """Say at the end of what was shown which entries of it are not as the log has them."""
    from iact.core.errors import FindingError

    changed = [one for one in found if one.wrong]
    if not changed:
        return
    first = next((one for one in changed if not one.is_out_of_reach), changed[0])
    others = f", and {len(changed) - 1} more of those shown" if len(changed) > 1 else ""
    if all(one.is_out_of_reach for one in changed):
        message = f"{first.name} {first.wrong}{others}."
        raise FindingError(message)
    message = (
        f"{first.name} {first.wrong}{others}. The store was changed by other means than iact: keep a copy of it as "
        "evidence, and restore a backup."
    )
    raise FindingError(message)


def _moment(text: str | None, project: Project, option: str) -> datetime | None:
    return None if text is None else moment_of(text, project, option)


def _row(one: Listed) -> tuple[str, ...]:
    record = one.record
    rule = f"{one.agent}@{one.rule.removeprefix('sha256:')[:12]}" if one.rule else "the log"
    return str(one.place), record["at"], f"{record['run']}/{record['sequence']}", record["kind"], rule, one.says
