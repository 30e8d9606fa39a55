"""`iact serve`, `iact tick`, `iact status` and `iact runs`."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import click

from iact.config.cli import config
from iact.config.options import (
    by_option,
    form_option,
    given_option,
    moment_of,
    optional_reason_option,
    reason_option,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import timedelta

    from iact.engine.revocations import Revocation
    from iact.engine.runtime import Run, Runtime, StumbledError

SHORTEST_LEASE: Final = 2
LAST_PORT: Final = 65_535


@click.command()
@click.option(
    "--actions", type=click.IntRange(min=1), default=8, show_default=True, help="How many actions are made at once."
)
@click.option(
    "--lease",
    type=click.IntRange(min=SHORTEST_LEASE),
    default=30,
    show_default=True,
    help="Seconds of silence after which others go on with what this process has claimed.",
)
@click.option(
    "--health",
    metavar="[HOST:]PORT",
    help="Answer GET /healthz there; without a host, to this machine only.",
)
def serve(actions: int, lease: int, health: str | None) -> None:
    """Serve the project: advance its runs, keep its times, and carry out its schedule.

    As many processes as you like may serve one project, on one machine or, with a store on a server, on several: they
    share the work, and go on with what is left by one that dies. SIGTERM or Ctrl-C lets it finish what is under way,
    for a minute at most; then it ends the programs that it has started, and leaves.
    """
    import logging
    import signal
    from contextlib import ExitStack
    from dataclasses import replace
    from datetime import timedelta

    from iact.agents.runtime import runtime_of
    from iact.audit.publishing.places import publishing_of
    from iact.audit.publishing.standing import place_notes
    from iact.engine.serving import PACE
    from iact.serving.activations import project_to_follow
    from iact.serving.health import answering
    from iact.serving.leaving import Leaving, end_now
    from iact.serving.production import check_may_serve
    from iact.serving.service import Service

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    project = project_to_follow()
    with ExitStack() as stack:
        runtime = stack.enter_context(runtime_of(project))
        check_may_serve(project, runtime)
        presence = stack.enter_context(runtime.present(timedelta(seconds=lease)))
        service = Service(project, runtime, presence, replace(PACE, actions=actions))
        leaving = Leaving(service.server)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: leaving.begin())
        if health is not None:
            host, port = _address(health)
            port = stack.enter_context(answering(host, port, service.health))
            click.echo(f"Health is told at http://{host}:{port}/healthz.", err=True)
        click.echo(f"Serving {project.name} as {presence.name}. SIGTERM or Ctrl-C ends it.", err=True)
        for note in place_notes(publishing_of(project)):
            click.echo(f"Note: {note}.", err=True)
        service.run()
        if presence.is_abandoned:
            end_now()


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) <= LAST_PORT):
        message = f"--health: expected a port such as 8080, or an address such as 0.0.0.0:8080, found {text!r}"
        raise click.UsageError(message)
    return host.strip("[]") or "127.0.0.1", int(port)


@click.command()
@form_option
def tick(form: str) -> None:
    """Do once what is due: what the schedule asks for, times that have come, actions that were decided.

    The log of the journal is kept up as `iact serve` does it, too: signed, compared with the journal, and published
    where it is time to. Exit codes: 0 all well, 1 a run could not go on, which keeps no other.
    """
    from iact.agents.runtime import runtime_of
    from iact.audit.identity import identity_of
    from iact.audit.keeping import keep_up_once
    from iact.audit.publishing.places import publishing_of
    from iact.core import instants
    from iact.serving.activations import project_to_follow
    from iact.serving.service import Schedule
    from iact.serving.standing import as_json, record_of

    is_text = form == "text"
    project = project_to_follow()
    jobs: list[dict[str, str]] = []
    advanced: list[dict[str, Any]] = []
    with runtime_of(project) as runtime:
        with runtime.present() as presence:
            schedule = Schedule(project, runtime, presence)
            for occurrence in schedule.due():
                came_to, at = schedule.carry_out(occurrence), instants.write(occurrence.scheduled_at)
                jobs.append({"job": occurrence.job, "scheduled_at": at, "came_to": came_to})
                if is_text:
                    click.echo(f"{occurrence.job}: {came_to}")
        stumbled: list[StumbledError] = []
        for run in runtime.tick(stumbled.append):
            advanced.append(record_of(run))
            if is_text:
                click.echo(f"run {run.run}: {run.stands}")
        keep_up_once(runtime.host, identity_of(project), publishing_of(project))
    if not is_text:
        found = {"format": "iact/tick/v1", "project": project.name, "jobs": jobs, "runs": advanced}
        _say(as_json(found | {"stumbled": [str(error) for error in stumbled]}))
    for error in stumbled:
        click.echo(str(error), err=True)
    if stumbled:
        raise SystemExit(1)


@click.command()
@click.option(
    "--fast-forward", "span", metavar="DURATION", default="72h", show_default=True, help="How much time is played."
)
@click.option("--begin", metavar="MOMENT", help="When the play begins.  [default: the scenario's, or now]")
@click.option(
    "--scenario",
    metavar="NAME|FILE",
    help="The Scenario that says which facts are given, what comes, and how actions end.",
)
@click.option("--empty", is_flag=True, help="Begin without the runs that the store holds.")
@form_option
def simulate(span: str, begin: str | None, scenario: str | None, form: str, *, empty: bool) -> None:
    """Play the project forward on a virtual clock, and show what would be done.

    It is played by the engine that serves it, on a copy of its store: runs, times and the schedule go on as in `iact
    serve`. Nothing is done, and nothing that is kept is changed. Facts and the endings of actions are given by a
    Scenario; an action of which it says nothing ends well, and a fact that neither it nor the store knows is unknown.
    """
    import logging
    from pathlib import Path

    from rich.console import Console

    from iact.agents.selection import scenario_of
    from iact.serving.show import simulation_lines
    from iact.serving.simulating import Asked, play
    from iact.serving.standing import as_json

    # What fails in a play stands in its time line.
    logging.getLogger("iact").addHandler(logging.NullHandler())
    project, found = scenario_of(Path.cwd(), scenario)
    begin_at = moment_of(begin, project, "--begin") if begin else None
    asked = Asked(span=_length(span), begin=begin_at, scenario=found, empty=empty)
    with Console(stderr=True).status("Playing"):
        played = play(project, asked)
    _say(as_json(played) if form == "json" else simulation_lines(played))


def _length(text: str) -> timedelta:
    from iact.core.quantities import Dimension, parse

    try:
        found = parse(text, Dimension.DURATION).timedelta
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--fast-forward") from None
    if not found:
        message = "in no time nothing happens"
        raise click.BadParameter(message, param_hint="--fast-forward")
    return found


@click.command()
@form_option
def status(form: str) -> None:
    """Show who serves the project, what its runs wait for, what needs a person, and what is scheduled."""
    from iact.agents.runtime import runtime_of
    from iact.serving import standing
    from iact.serving.activations import project_to_follow
    from iact.serving.show import status_lines

    project = project_to_follow(only_look=True)
    with runtime_of(project, only_look=True) as runtime:
        found = standing.standing(project, runtime)
    _say(standing.as_json(found) if form == "json" else status_lines(found))
    if found["trouble"] or found["for_a_person"] or found["log"]["findings"] or found["unrecorded"]:
        raise SystemExit(1)


@click.group()
def runs() -> None:
    """List the runs of the project, and say what happened to each and why."""


@runs.command(name="list")
@click.option("--agent", metavar="NAME", help="Those of one agent only.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@form_option
def list_runs(agent: str | None, most: int, form: str) -> None:
    """List runs: those that go on, then those that have ended, the newest of both first.

    Of one agent, the newest first.
    """
    from iact.agents.runtime import runtime_of
    from iact.core.alignment import aligned
    from iact.serving.activations import project_to_follow
    from iact.serving.standing import as_json, record_of

    project = project_to_follow(only_look=True)
    if agent is not None:
        project.get("Agent", agent)
    with runtime_of(project, only_look=True) as runtime:
        found = runtime.recent(most) if agent is None else runtime.newest_of(agent, most)
    records = [record_of(run) for run in found]
    columns = ("run", "agent", "subject", "state", "outcome", "started_at")
    _say(as_json(records) if form == "json" else aligned([[one[name] for name in columns] for one in records]))


@runs.command()
@click.argument("run")
@form_option
def show(run: str, form: str) -> None:
    """Show where a run stands, everything that happened to it, and why each way was or was not taken.

    RUN is its name, or the beginning of it.
    """
    from iact.serving.explaining import entry_record
    from iact.serving.show import run_lines
    from iact.serving.standing import as_json, record_of

    with _of_run(run, only_look=True) as (runtime, found):
        machine = runtime.machine(found)
        entries = [entry_record(entry, machine) for entry in runtime.journal_in_words(found.run)]
        record = record_of(found) | {"definitions": runtime.pinned(found)}
    _say(as_json(record | {"journal": entries}) if form == "json" else run_lines(record, entries))


@runs.command()
@click.argument("run")
@form_option
def explain(run: str, form: str) -> None:
    """Say why a run stands where it does: what led there, what each way out lacks, and which comes nearest.

    RUN is its name, or the beginning of it.
    """
    from iact.serving.explaining import explanation
    from iact.serving.show import explanation_lines
    from iact.serving.standing import as_json, record_of

    with _of_run(run, only_look=True) as (runtime, found):
        explained = explanation(runtime.machine(found), found.standing, runtime.journal_in_words(found.run))
    record = record_of(found)
    _say(as_json(record | explained.to_record()) if form == "json" else explanation_lines(record, explained))


@runs.command()
@click.argument("run")
@click.argument("event")
@given_option("What came along, read by rules as the fact event.NAME; as often as needed.")
@click.option("--key", metavar="TEXT", help="Names what happened: told twice under one key, it happened once.")
@by_option
def tell(run: str, event: str, given: Mapping[str, str], key: str | None, by: str) -> None:
    """Tell a run that something happened, and let it go on.

    RUN is its name, or the beginning of it; EVENT is what its agent calls `event`. Who tells it is the fact event.by.
    """
    from iact.serving.telling import Told, tell_event

    with _of_run(run) as (runtime, found):
        is_news = tell_event(runtime, found, Told(event, given, by=by, key=key))
        again = runtime.advance(found.run)
    known = "" if is_news else "it was told so before; "
    click.echo(f"{again.run}: {known}{again.stands}")


@runs.command()
@click.argument("run")
def retry(run: str) -> None:
    """Let a run go on that waits for a person: what it failed at is tried again now.

    RUN is its name, or the beginning of it.
    """
    from iact.core.errors import FindingError

    with _of_run(run) as (runtime, found):
        if not found.active:
            message = f"{found.run} has ended ({found.stands}); there is nothing to try again."
            raise FindingError(message)
        again = runtime.retry(found.run)
    click.echo(f"{again.run}: {again.stands}")


@click.command()
@click.argument("run")
@reason_option
@by_option
def approve(run: str, reason: str, by: str) -> None:
    """Let what a run proposes be done, and let it go on.

    RUN is its name, or the beginning of it. `iact status` shows what waits to be approved.
    """
    _answer(run, reason, by, approved=True)


@click.command()
@click.argument("run")
@reason_option
@by_option
def reject(run: str, reason: str, by: str) -> None:
    """Let what a run proposes not be done; the run hears that it failed, and goes on.

    RUN is its name, or the beginning of it. `iact status` shows what waits to be approved.
    """
    _answer(run, reason, by, approved=False)


def _answer(run: str, reason: str, by: str, *, approved: bool) -> None:
    from iact.core.errors import FindingError
    from iact.engine.proposals import Answer, NothingProposedError

    with _of_run(run) as (runtime, found):
        try:
            actions = runtime.answer(found.run, Answer(approved=approved, by=by, reason=reason))
        except NothingProposedError:
            message = f"{found.run} waits for nobody's answer ({found.stands}). `iact status` shows what does."
            raise FindingError(message) from None
        again = runtime.advance(found.run)
    said = "approved" if approved else "rejected"
    click.echo(f"{again.run}: {', '.join(actions)} {said}; {again.stands}")


@contextmanager
def _of_run(name: str, *, only_look: bool = False) -> Iterator[tuple[Runtime, Run]]:
    """Give the run whose name is, or begins with, what a person wrote, with what it needs."""
    from iact.agents.runtime import runtime_of
    from iact.serving.activations import project_to_follow
    from iact.serving.standing import named

    with runtime_of(project_to_follow(only_look=only_look), only_look=only_look) as runtime:
        yield runtime, named(runtime, name)


def _say(lines: str | Iterable[str]) -> None:
    if isinstance(lines, str):
        click.echo(lines, nl=False)
    else:
        for line in lines:
            click.echo(line)


@click.command()
@click.argument("commit", required=False)
@click.option("--files", is_flag=True, help="Let each process follow the files of its checkout again.")
@by_option
def activate(commit: str | None, *, files: bool, by: str) -> None:
    """Let every process that serves the project follow the rules of one COMMIT.

    They do so within seconds, whatever the files of their checkouts say; a checkout has to have the commit. What has
    mistakes is not activated. Without COMMIT, say what is in force.
    """
    from iact.agents.runtime import runtime_of
    from iact.config.changes import changes
    from iact.config.opening import open_project
    from iact.core import instants
    from iact.serving import activations

    if commit and files:
        message = "name a commit, or say --files, not both"
        raise click.UsageError(message)
    # Whoever activates the files means these, and not what is followed instead of them.
    project = open_project() if files else activations.project_to_follow(only_look=not commit, instead=commit or "")
    with runtime_of(project, only_look=not (commit or files)) as runtime:
        before = activations.now_in_force(runtime)
        if not (commit or files):
            click.echo(_in_force(before.commit if before else ""))
            if before:
                click.echo(f"activated by {before.activated_by}, {instants.write(before.activated_at)}")
            return
        told = activations.project_at(project.root, before.commit) if before and before.commit else project
        full = activations.commit_id(project.root, commit) if commit else ""
        after = activations.project_at(project.root, full) if full else project
        activations.activate(runtime, full, after, by)
    click.echo(_in_force(full))
    for line in changes(told, after):
        click.echo(f"  {line}")


def _in_force(commit: str) -> str:
    whose = f"of commit {commit}" if commit else "in the files of each checkout"
    return f"The rules {whose} are in force."


@click.command()
@click.argument("digest", required=False)
@click.option("--undo", is_flag=True, help="Let it hold again, and the runs go on that wait because of it.")
@optional_reason_option
@by_option
@form_option
def revoke(digest: str | None, *, undo: bool, reason: str | None, by: str, form: str) -> None:
    """Let no run go on under the definition with this DIGEST; without DIGEST, say what is revoked.

    A run keeps the rules that it started under, so mending a file does not reach it. A run that pinned what is revoked
    begins nothing new and waits for a person; what is under way is still heard of. No run starts under it either.
    `iact runs show RUN` says which digests a run has; the first eight digits are enough.
    """
    from iact.agents.runtime import runtime_of
    from iact.engine import revocations
    from iact.serving.activations import project_to_follow

    if undo and digest is None:
        message = "name the digest that is to hold again"
        raise click.UsageError(message)
    if digest is not None and reason is None:
        message = "Missing option '--reason'."
        raise click.UsageError(message)
    with runtime_of(project_to_follow(only_look=digest is None), only_look=digest is None) as runtime:
        if digest is None or reason is None:
            _say_revoked(revocations.all_revoked(runtime.host), form)
            return
        act = revocations.undo if undo else revocations.revoke
        found = act(runtime.host, digest, by=by, reason=reason)
    if form == "json":
        click.echo(json.dumps(found.to_record(), ensure_ascii=False))
    elif undo:
        click.echo(f"{found.pin} {found.digest} holds again; the runs that waited because of it go on.")
    else:
        click.echo(f"{found.pin} {found.digest} is revoked; {found.waiting} runs wait for a person.")


def _say_revoked(found: Sequence[Revocation], form: str) -> None:
    if form == "json":
        click.echo(json.dumps([each.to_record() for each in found], ensure_ascii=False))
        return
    for each in found:
        click.echo(str(each))
    if not found:
        click.echo("Nothing is revoked.")


config.add_command(activate)
config.add_command(revoke)
