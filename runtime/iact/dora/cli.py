"""`iact dora`: how delivery performs, out of a git history."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from iact.dora.cycle import cli as cycle_cli

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from iact.dora.cycles import Cycle
    from iact.dora.figures import Window
    from iact.dora.records import Place
    from iact.dora.report import Request
    from iact.dora.rules import NamedMetric

OPTIONS = (
    click.option(
        "--repo",
        type=click.Path(path_type=Path),
        default=".",
        show_default=True,
        help="The git repository; it is only read.",
    ),
    click.option("--from", "start", metavar="MOMENT", help="Where the window begins, such as 2026-03-02."),
    click.option("--to", "end", metavar="MOMENT", help="Where it ends, not included; left out, now."),
    click.option(
        "--window", "length", metavar="DURATION", help="Its length instead of --from; left out, the metrics'."
    ),
    click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True),
    click.option(
        "--definition",
        "definitions",
        metavar="NAME",
        multiple=True,
        default=["iact"],
        show_default=True,
        help="The Definition to measure by; several, also with commas, stand side by side.",
    ),
    click.option("--bands", metavar="NAME", help="The Bands that class the figures, instead of the definition's."),
    click.option("--store", type=click.Path(path_type=Path), help="Another SQLite file than the project's."),
)


def measuring(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say what to measure."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


@click.group()
def dora() -> None:
    """Measure delivery, and explain every figure."""


@dora.command()
@measuring
@click.option("--targets", metavar="NAME", help="Say how far figures have come to these Targets.")
def report(form: str, targets: str | None, **asked: Any) -> None:
    """Report the delivery metrics of a window, each with its 95 % interval.

    What is new in the repository is read into the store first. The same history, definitions and window give the same
    output, byte by byte.
    """
    from iact.dora.report import document
    from iact.stores.units import read

    with _keeping_everything(), _opened(**asked, targets=targets) as (engine, requests):
        if targets is not None and len(requests) > 1:
            message = "--targets goes with one --definition; leave the others out."
            raise click.UsageError(message)
        if len(requests) == 1:
            _say(read(engine, lambda connection: document(connection, requests[0])), form, _show_report)
        else:
            from iact.dora.comparison import comparison, show_comparison

            _say(read(engine, lambda connection: comparison(connection, requests)), form, show_comparison)


@dora.command()
@click.argument("metric")
@measuring
def explain(metric: str, form: str, **asked: Any) -> None:
    """Show every row behind the figure of METRIC, and every row that was left out with the reason why.

    METRIC is a delivery figure, such as lead_time, which each definition computes in its way, or a metric's own name.
    """
    from iact.dora.explain import explanation, explanations, show_explanation, show_explanations
    from iact.stores.units import read

    with _opened(**asked) as (engine, requests):
        pairs = [(request, _named(metric, request)) for request in requests]
        found = read(engine, lambda connection: [explanation(connection, *pair) for pair in pairs])
    if len(found) == 1:
        _say(found[0], form, show_explanation)
    else:
        _say(explanations(found), form, show_explanations)


def _show_report(found: Mapping[str, Any]) -> None:
    # Loads what draws tables, which a program that asks for JSON does without.
    from iact.dora.show import show

    show(found)


def _say(found: Mapping[str, Any], form: str, show: Callable[[Mapping[str, Any]], None]) -> None:
    """Print a document as data, or for people."""
    from iact.dora.report import to_json

    if form == "json":
        click.echo(to_json(found), nl=False)
    else:
        show(found)


@contextmanager
def _opened(  # noqa: PLR0913 - one parameter for each option
    *,
    repo: Path,
    start: str | None,
    end: str | None,
    length: str | None,
    definitions: Sequence[str],
    bands: str | None,
    store: Path | None,
    targets: str | None = None,
) -> Iterator[tuple[Engine, Sequence[Request]]]:
    """Read what is new in the repository, and give the store with what is asked for, by each definition."""
    from iact.config.opening import open_project
    from iact.core.instants import zone_of
    from iact.dora.definitions import named_definition, named_targets
    from iact.dora.records import Place
    from iact.dora.report import Request
    from iact.dora.repository import open_store, refresh, repository_name

    now = datetime.now(UTC)
    project = open_project()
    zone = zone_of(project.settings.time_zone)
    asked = dict.fromkeys(name.strip() for names in definitions for name in names.split(",") if name.strip())
    chosen = [named_definition(project, name, bands) for name in asked]
    window = _window(start, end, length, now.astimezone(zone), [metric for one in chosen for metric in one.metrics])
    engine = open_store(project, store)
    try:
        collected = refresh(engine, project, repo, now)
        cycles = _recorded(engine, Place(project=project.name, repository=collected.repository), repo)
        requests = [
            Request(
                project=project.name,
                repository=collected.repository,
                name=repository_name(repo, project),
                metrics=definition.metrics,
                window=window,
                definition=definition,
                end_is="now" if end is None else "given",
                cycles=cycles,
                targets=None if targets is None else named_targets(project, targets),
            )
            for definition in chosen
        ]
        yield engine, requests
    finally:
        engine.dispose()


def _recorded(engine: Engine, place: Place, folder: Path) -> Sequence[Cycle] | None:
    """Return the delivery cycles that agents recorded, those in a repository's folder included; None without any."""
    from iact.dora.cycle.records import records_of, take_in_file
    from iact.dora.cycles import cycles_in
    from iact.dora.metrics_file import NAME
    from iact.stores.units import read, write

    if (folder / NAME).exists():
        write(engine, lambda connection: take_in_file(connection, place, folder))
    return read(engine, lambda connection: cycles_in(records_of(connection, place))) or None


@contextmanager
def _keeping_everything() -> Iterator[None]:
    """Let Python look for no garbage: what a report reads and makes lives until it is printed (a tenth of its time)."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _named(name: str, request: Request) -> NamedMetric:
    from iact.core.problems import did_you_mean

    definition = request.definition
    found = None if definition is None else definition.metric(name)
    if found is not None:
        return found
    figures = () if definition is None else definition.figures
    known = dict.fromkeys((*figures, *(metric.name for metric in request.metrics)))
    hint = did_you_mean(name, known) or f"There is {', '.join(known)}."
    by = "" if definition is None else f" by the definition {definition.name}"
    raise click.BadParameter(f"there is no figure or Metric named {name}{by}. {hint}", param_hint="METRIC")


def _window(
    start: str | None, end: str | None, length: str | None, now: datetime, metrics: Iterable[NamedMetric]
) -> Window:
    """Return the window that the options ask for; where they leave its length out, the longest of the metrics'.

    A date without a time is the first moment of that day in the zone of `now`.

    Raises:
        click.UsageError: if they ask for none, or for two.
    """
    from iact.dora.figures import Window

    if start is not None and length is not None:
        message = "--from and --window both say where the window begins; leave one of them out."
        raise click.UsageError(message)
    until = _next_minute(now) if end is None else _moment("--to", end, now)
    usual = max(metric.metric.window.timedelta for metric in metrics)
    span = usual if length is None else _span(length)
    since = until - span if start is None else _moment("--from", start, now)
    if since >= until:
        message = f"--from {since:%Y-%m-%d %H:%MZ} is not before --to {until:%Y-%m-%d %H:%MZ}; exchange them."
        raise click.UsageError(message)
    return Window(since.astimezone(UTC), until.astimezone(UTC))


def _next_minute(now: datetime) -> datetime:
    """Return the end of the present minute: what just happened counts, and the moment can be given as it is shown."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _moment(option: str, text: str, now: datetime) -> datetime:
    from iact.core import instants

    try:
        return instants.parse_past(text, now, now.tzinfo or UTC)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _span(text: str) -> timedelta:
    from iact.core.quantities import Dimension, parse

    try:
        span = parse(text, Dimension.DURATION).timedelta
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--window") from None
    if not span:
        raise click.BadParameter("a window must be longer than no time at all", param_hint="--window")
    return span


for command in (cycle_cli.record, cycle_cli.complete, cycle_cli.records):
    dora.add_command(command)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="The git repository that the events are about.",
)
@click.option("--only", metavar="OWNER/NAME", help="Take in the payloads of this repository alone.")
@click.option("--strict", is_flag=True, help="Take in nothing at all when a row is rejected.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--store", type=click.Path(path_type=Path), help="Another SQLite file than the project's.")
def ingest(  # noqa: PLR0913 - one parameter for each option
    file: Path, repo: Path, only: str | None, *, strict: bool, form: str, store: Path | None
) -> None:
    """Take in deployments, incidents and changes that git does not know.

    FILE holds a table (CSV), JSON or JSON lines, compressed with gzip or not: rows of our own form (docs/ingest.md), or
    payloads of GitHub's and GitLab's webhooks. Taking it in twice, or in another order, changes nothing. Rows that
    cannot be used are told with their line. Exit codes: 0 every row was used, 1 some were rejected.
    """
    from iact.config.opening import open_project
    from iact.dora.ingest_file import ingest_file, lines, to_json
    from iact.dora.records import Place
    from iact.dora.repository import open_store, repository_key

    project = open_project()
    engine = open_store(project, store)
    try:
        place = Place(project=project.name, repository=repository_key(repo, project, engine))
        done = ingest_file(engine, place, file, only=only, strict=strict, now=datetime.now(UTC))
    finally:
        engine.dispose()
    if form == "json":
        click.echo(to_json(done), nl=False)
    else:
        for rejected in done.rejected:
            click.echo(f"{file}:{rejected.line}: {rejected.reason}", err=True)
        for line in lines(done, strict=strict):
            click.echo(line)
    if done.rejected:
        raise click.exceptions.Exit(1)
