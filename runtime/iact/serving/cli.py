"""`iact serve`, `iact tick`, `iact status` and `iact runs`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST_LEASE: Final = 2


def _format(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)(
        command
    )


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
def serve(actions: int, lease: int) -> None:
    """Serve the project: advance its runs, keep its times, and carry out its schedule.

    As many processes as you like may serve one project, on one machine or, with a store on a server, on several: they
    share the work, and go on with what is left by one that dies. SIGTERM or Ctrl-C lets it finish what is under way.
    """
    import logging
    import signal
    from dataclasses import replace
    from datetime import timedelta

    from iact.config.opening import open_project
    from iact.engine.serving import PACE
    from iact.serving.service import Service, runtime_of

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    project = open_project()
    with runtime_of(project) as runtime, runtime.present(timedelta(seconds=lease)) as presence:
        service = Service(project, runtime, presence, replace(PACE, actions=actions))
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.server.stop())
        click.echo(f"Serving {project.name} as {presence.name}. SIGTERM or Ctrl-C ends it.", err=True)
        service.run()


@click.command()
def tick() -> None:
    """Do once what is due: what the schedule asks for, times that have come, actions that were decided."""
    from iact.config.opening import open_project
    from iact.serving.service import Schedule, runtime_of

    project = open_project()
    with runtime_of(project) as runtime:
        with runtime.present() as presence:
            schedule = Schedule(project, runtime, presence)
            for occurrence in schedule.due():
                click.echo(f"{occurrence.job}: {schedule.carry_out(occurrence)}")
        for run in runtime.tick():
            click.echo(f"run {run.run}: {run.state}{f' ({run.outcome})' if run.outcome else ''}")


@click.command()
@_format
def status(form: str) -> None:
    """Show who serves the project, what its runs wait for, what needs a person, and what is scheduled."""
    from iact.config.opening import open_project
    from iact.serving import standing
    from iact.serving.service import runtime_of
    from iact.serving.show import status_lines

    project = open_project()
    with runtime_of(project, only_look=True) as runtime:
        found = standing.standing(project, runtime)
    _say(standing.as_json(found) if form == "json" else status_lines(found))
    if found["trouble"] or found["for_a_person"]:
        raise SystemExit(1)


@click.group()
def runs() -> None:
    """List the runs of the project, and say what happened to each and why."""


@runs.command(name="list")
@click.option("--agent", metavar="NAME", help="Those of one agent only.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@_format
def list_runs(agent: str | None, most: int, form: str) -> None:
    """List runs: those that go on, then those that have ended, the newest of both first."""
    from iact.config.opening import open_project
    from iact.serving.service import runtime_of
    from iact.serving.show import table
    from iact.serving.standing import as_json, recent, record_of

    project = open_project()
    if agent is not None:
        project.get("Agent", agent)
    with runtime_of(project, only_look=True) as runtime:
        found = [record_of(run) for run in recent(runtime, agent, most)]
    columns = ("run", "agent", "state", "outcome", "started_at")
    _say(as_json(found) if form == "json" else table([[one[name] for name in columns] for one in found]))


@runs.command()
@click.argument("run")
@_format
def show(run: str, form: str) -> None:
    """Show where a run stands, everything that happened to it, and why each way was or was not taken.

    RUN is its name, or the beginning of it.
    """
    from iact.config.opening import open_project
    from iact.serving.explaining import entry_record
    from iact.serving.service import runtime_of
    from iact.serving.show import run_lines
    from iact.serving.standing import as_json, named, record_of

    with runtime_of(open_project(), only_look=True) as runtime:
        found = named(runtime, run)
        entries = [entry_record(entry) for entry in runtime.journal(found.run)]
    record = record_of(found)
    _say(as_json(record | {"journal": entries}) if form == "json" else run_lines(record, entries))


@runs.command()
@click.argument("run")
def retry(run: str) -> None:
    """Let a run go on that waits for a person: what it failed at is tried again now.

    RUN is its name, or the beginning of it.
    """
    from iact.config.opening import open_project
    from iact.serving.service import runtime_of
    from iact.serving.standing import named

    with runtime_of(open_project()) as runtime:
        found = named(runtime, run)
        again = runtime.retry(found.run)
    click.echo(f"{again.run}: {again.state}{f' ({again.outcome})' if again.outcome else ''}")


def _say(lines: str | Iterable[str]) -> None:
    if isinstance(lines, str):
        click.echo(lines, nl=False)
    else:
        for line in lines:
            click.echo(line)
