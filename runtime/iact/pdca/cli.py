"""`iact run` and `iact pdca`: plan, start, stop and follow improvement experiments."""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from iact.config.options import by_option, form_option, given_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from iact.config.project import Project
    from iact.core.quantities import Quantity
    from iact.engine.runtime import Run
    from iact.pdca.replaying import Replay
    from iact.pdca.session import Asked, Session

PDCA: Final = "pdca"
FINDINGS: Final = frozenset({"failed", "refused", "escalated"})
"""States in which somebody has to do something; the command then ends with 1."""
FINDING_WORDS: Final = frozenset({"escalate", "failed"})
"""Decisions of other agents after which somebody has to do something, as runs keep them: in lower case."""


def _repo(command: Callable[..., None]) -> Callable[..., None]:
    return click.option(
        "--repo",
        type=click.Path(path_type=Path),
        default=".",
        show_default=True,
        help="The git repository whose history is read.",
    )(command)


def _as_of(command: Callable[..., None]) -> Callable[..., None]:
    return click.option("--as-of", metavar="MOMENT", help="Look as if it were then; nothing can be changed.")(command)


@click.command()
@click.argument("agent")
@click.option("--window", metavar="DURATION", help="The recent time to look at first.  [default: the policy's, 48h]")
@_repo
@_as_of
@click.option("--dry-run", is_flag=True, help="Show what would happen; nothing can be changed.")
@form_option
@click.option("--demo-when-thin", is_flag=True, help="Show a made-up history too where there are under two releases.")
@click.option("--report", "folder", type=click.Path(path_type=Path, file_okay=False), help="Where reports are written.")
@given_option("An input of an agent other than pdca; as often as it has inputs.")
@click.option(
    "--about",
    metavar="SUBJECT",
    default="",
    help="What a run of an agent other than pdca is about; one run about each goes on.  [default: the project]",
)
def run(  # noqa: PLR0913, PLR0917 - one parameter for each option
    agent: str,
    window: str | None,
    repo: Path,
    as_of: str | None,
    dry_run: bool,  # noqa: FBT001 - click hands flags over like this
    form: str,
    demo_when_thin: bool,  # noqa: FBT001 - as above
    folder: Path | None,
    given: Mapping[str, str],
    about: str,
) -> None:
    """Run an agent, such as `iact run pdca --window 48h`.

    Running it again is harmless: it goes on where it stood, and where nothing has changed it changes nothing. Reports
    are written to .iact/reports as JSON and HTML.

    Exit codes: 0 all well, 1 a finding: an experiment failed, was refused or escalated; the run of another agent ended
    with the decision ESCALATE or FAILED.
    """
    from iact.config.opening import open_project
    from iact.pdca.session import Asked, opened

    project = open_project()
    if agent != PDCA:
        _run_other(project, agent, given, about)
        return
    if given or about:
        message = "pdca takes neither --with nor --about; `--window` and `--repo` say what it looks at."
        raise click.UsageError(message)
    asked = Asked(repo=repo, window=_duration(window), as_of=_moment(as_of, project), dry_run=dry_run)
    with _patience("Reading the history"), opened(project, asked) as session:
        found = session.experiments.run_all()
        _tell(session, found, form, _folder(project, asked, folder))
        thin = session.is_thin
    if thin and demo_when_thin:
        _demonstrate(project, asked, form, _folder(project, asked, folder))
    if any(one.state in FINDINGS for one in found):
        raise SystemExit(1)


@click.group()
def pdca() -> None:
    """Start, stop and follow improvement experiments."""


@pdca.command()
@click.argument("improvement", required=False)
@_repo
@_as_of
@form_option
def plan(improvement: str | None, repo: Path, as_of: str | None, form: str) -> None:
    """Show what would be tried, and why.

    With the power analysis: what an experiment could show, and how long it would take. Nothing is started.
    """
    from iact.config.opening import open_project
    from iact.pdca.facts import plan_now
    from iact.pdca.files import to_json
    from iact.pdca.report import plan_record
    from iact.pdca.session import Asked, opened
    from iact.pdca.show import show_plan

    project = open_project()
    if improvement is not None:
        project.get("Improvement", improvement)
    asked = Asked(repo=repo, as_of=_moment(as_of, project), dry_run=True)
    with (
        _patience("Reading the history"),
        opened(project, asked) as session,
        session.looking(improvement=improvement or "") as context,
    ):
        found = plan_record(plan_now(context))
    if form == "json":
        click.echo(to_json(found), nl=False)
    else:
        show_plan(found, _console(), improvement or "")


@pdca.command()
@click.argument("improvement")
@_repo
@by_option
@form_option
def start(improvement: str, repo: Path, by: str, form: str) -> None:
    """Start an experiment.

    A parameter, or a git branch of its own, is all that it changes.
    """
    _change(repo, form, lambda session: session.experiments.start(improvement, by))


@pdca.command()
@click.argument("improvement")
@_repo
@by_option
@form_option
def stop(improvement: str, repo: Path, by: str, form: str) -> None:
    """Stop an experiment and take its change back."""
    _change(repo, form, lambda session: session.experiments.stop(improvement, by))


@pdca.command()
@_repo
def status(repo: Path) -> None:
    """Show what is proposed and what is being tried."""
    from iact.config.opening import open_project
    from iact.pdca.session import Asked, opened
    from iact.pdca.show import show_status

    with opened(open_project(), Asked(repo=repo, dry_run=True)) as session:
        show_status(session.experiments.trials(), _console())


@pdca.command()
@_repo
@click.option("--improvement", metavar="NAME", help="What to try at each step; left out, what would be proposed.")
@click.option("--every", metavar="DURATION", help="How far apart the steps are.  [default: the schedule's, 1 week]")
@click.option("--from", "start", metavar="MOMENT", help="The first step; left out, a day after the first release.")
@click.option("--to", "end", metavar="MOMENT", help="Where the history ends, not included; left out, now.")
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
def replay(  # noqa: PLR0913, PLR0917 - one parameter for each option
    repo: Path, improvement: str | None, every: str | None, start: str | None, end: str | None, form: str
) -> None:
    """Go through a whole history, and show every verdict that would have been given.

    At each step: what would have been proposed then, and what would have become of it, had it been started. Each step
    stands for itself. The history is read once and nothing is changed or kept. When it is interrupted, it shows what it
    has found and where to go on.
    """
    from iact.config.opening import open_project
    from iact.pdca.replaying import Asked, opened

    project = open_project()
    if improvement is not None:
        project.get("Improvement", improvement)
    asked = Asked(
        repo=repo,
        improvement=improvement or "",
        every=_duration(every, "--every"),
        start=_moment(start, project, "--from"),
        end=_moment(end, project, "--to"),
    )
    with opened(project, asked) as found:
        _make_steps(found, as_csv=form == "csv")
    _show_replay(found, form)


def _make_steps(found: Replay, *, as_csv: bool) -> None:
    """Make the steps with a sign of progress, until all are made or somebody interrupts; as CSV, print each at once."""
    from rich.console import Console
    from rich.progress import Progress

    from iact.pdca.replay_report import COLUMNS, rows, to_csv

    if as_csv:
        click.echo(to_csv([COLUMNS]), nl=False)
    with suppress(KeyboardInterrupt), Progress(console=Console(stderr=True), transient=True) as progress:
        for step in progress.track(found, total=len(found.moments), description="Going through the history"):
            if as_csv:
                click.echo(to_csv(rows(step)), nl=False)


def _show_replay(found: Replay, form: str) -> None:
    from iact.pdca import replay_report, replay_show
    from iact.pdca.files import to_json

    done = found.so_far()
    if form == "json":
        click.echo(to_json(replay_report.document(done)), nl=False)
    elif form == "text":
        replay_show.show(done, _console())
    elif done.go_on is not None:
        click.echo(replay_show.interrupted(done), err=True)
    if done.go_on is not None:
        raise SystemExit(1)


@pdca.command()
def parameters() -> None:
    """Show every parameter with the value in force."""
    from iact.config.opening import open_project
    from iact.dora.repository import open_store
    from iact.pdca.show import show_parameters
    from iact.pdca.store import versions
    from iact.stores.units import read

    project = open_project()
    declared = {
        name: parameter.value
        for resource in project.resources("Parameters")
        for name, parameter in resource.spec.values.items()
    }
    engine = open_store(project, only_look=True)
    found = read(engine, lambda connection: list(versions(connection, project.name)))
    show_parameters(declared, found, _console())
    engine.dispose()


def _change(repo: Path, form: str, change: Callable[[Session], Run]) -> None:
    from iact.config.opening import open_project
    from iact.pdca.session import Asked, opened

    project, asked = open_project(), Asked(repo=repo)
    with _patience("Reading the history"), opened(project, asked) as session:
        found = change(session)
        _tell(session, (found,), form, _folder(project, asked, None), briefly=True)
    if found.state in FINDINGS:
        raise SystemExit(1)


def _tell(session: Session, found: tuple[Run, ...], form: str, folder: Path | None, *, briefly: bool = False) -> None:
    from iact.pdca.files import to_json, write_reports
    from iact.pdca.report import document
    from iact.pdca.show import show, show_change

    report = document(session.subject(found[0], found[1:]))
    files: Sequence[Path] = write_reports(folder, report) if folder is not None else ()
    if form == "json":
        click.echo(to_json(report), nl=False)
    else:
        (show_change if briefly else show)(report, files, _console())


def _demonstrate(project: Project, asked: Asked, form: str, folder: Path | None) -> None:
    import tempfile

    from iact.pdca.session import demonstration

    with (
        tempfile.TemporaryDirectory(prefix="iact-demo-") as place,
        demonstration(project, Path(place), asked) as session,
    ):
        found = session.experiments.run_all()
        if form == "text":
            click.echo()
        _tell(session, found, form, folder)


def _run_other(project: Project, agent: str, given: Mapping[str, str], about: str) -> None:
    """Run an agent that has no command of its own: start it, or let the run that goes on look at the facts again."""
    from iact.agents.runtime import runtime_of
    from iact.agents.starting import start

    with runtime_of(project) as runtime:
        goes_on = runtime.active(agent, about or project.name)
        run = start(project, runtime, agent, given, subject=about)
        if goes_on is not None:
            runtime.look(run, key=f"run/{uuid.uuid4()}")
        found = runtime.advance(run)
    click.echo(f"{agent}: {found.stands}, run {found.run}")
    if not found.active and found.outcome in FINDING_WORDS:
        raise SystemExit(1)


def _folder(project: Project, asked: Asked, folder: Path | None) -> Path | None:
    """Return where reports are written: where the user says, else below .iact; nowhere when only looking."""
    if folder is not None:
        return folder
    return None if asked.looks_only else project.root / ".iact" / "reports"


def _duration(text: str | None, option: str = "--window") -> Quantity | None:
    from iact.core.quantities import Dimension, parse

    if text is None:
        return None
    try:
        found = parse(text, Dimension.DURATION)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None
    if not found.amount:
        message = "a window of no time holds nothing" if option == "--window" else "no time would never come to an end"
        raise click.BadParameter(message, param_hint=option)
    return found


def _moment(text: str | None, project: Project, option: str = "--as-of") -> datetime | None:
    from iact.core import instants

    if text is None:
        return None
    try:
        return instants.parse_past(text, datetime.now(UTC), instants.zone_of(project.settings.time_zone))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _console() -> Any:
    from rich.console import Console

    return Console(highlight=False, soft_wrap=False)


def _patience(message: str) -> Any:
    """Return a sign of life on the error stream, which only a terminal shows."""
    from rich.console import Console

    return Console(stderr=True).status(message)
