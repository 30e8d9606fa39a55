"""`iact dora`: how delivery performs, out of a git history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from iact.dora.figures import Window


@click.group()
def dora() -> None:
    """Measure delivery, and explain every figure."""


@dora.command()
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="The git repository; it is only read.",
)
@click.option("--from", "start", metavar="MOMENT", help="Where the window begins, such as 2026-03-02.")
@click.option("--to", "end", metavar="MOMENT", help="Where it ends, not included; left out, now.")
@click.option("--window", "length", metavar="DURATION", help="How long it is instead of --from.  [default: 90d]")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--definition", default="iact", show_default=True, help="The set of definitions to measure by.")
@click.option("--store", type=click.Path(path_type=Path), help="Another SQLite file than the project's.")
def report(  # noqa: PLR0913, PLR0917 - one parameter for each option
    repo: Path,
    start: str | None,
    end: str | None,
    length: str | None,
    form: str,
    definition: str,
    store: Path | None,
) -> None:
    """Report the delivery metrics of a window, each with its 95 % interval.

    What is new in the repository is read into the store first. The same history, definitions and window give the same
    output, byte by byte.
    """
    from iact.config.opening import open_project
    from iact.dora.definitions import named_metrics
    from iact.dora.report import Request, document, to_json
    from iact.dora.repository import open_store, refresh, repository_key, repository_name
    from iact.stores.connect import reading

    now = datetime.now(UTC)
    window = _window(start, end, length, now)
    project = open_project()
    metrics = named_metrics(project, definition)
    engine = open_store(project, store)
    refresh(engine, project, repo, now)
    request = Request(
        project=project.name,
        repository=repository_key(repo),
        name=repository_name(repo),
        metrics=tuple(metrics.values()),
        window=window,
        definitions=definition,
        end_is="now" if end is None else "given",
    )
    with reading(engine) as connection:
        found = document(connection, request)
    engine.dispose()
    if form == "json":
        click.echo(to_json(found), nl=False)
        return
    from iact.dora.show import show

    show(found)


def _window(start: str | None, end: str | None, length: str | None, now: datetime) -> Window:
    """Return the window that the options ask for.

    Raises:
        click.UsageError: if they ask for none, or for two.
    """
    from iact.dora.figures import Window
    from iact.dora.model import DEFAULT_WINDOW

    if start is not None and length is not None:
        message = "--from and --window both say where the window begins; leave one of them out."
        raise click.UsageError(message)
    until = _next_minute(now) if end is None else _moment("--to", end)
    span = DEFAULT_WINDOW.timedelta if length is None else _span(length)
    since = _before(until, span) if start is None else _moment("--from", start)
    if since >= until:
        message = f"--from {since:%Y-%m-%d %H:%MZ} is not before --to {until:%Y-%m-%d %H:%MZ}; exchange them."
        raise click.UsageError(message)
    return Window(since, until)


def _next_minute(now: datetime) -> datetime:
    """Return the end of the present minute: what just happened counts, and the moment can be given as it is shown."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)


def _moment(option: str, text: str) -> datetime:
    from iact.core import instants

    try:
        return instants.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from None


def _span(text: str) -> timedelta:
    from iact.core.quantities import Dimension, parse

    try:
        span = parse(text, Dimension.DURATION).timedelta
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(str(error), param_hint="--window") from None
    if not span:
        raise click.BadParameter("a window must be longer than no time at all", param_hint="--window")
    return span


def _before(until: datetime, span: timedelta) -> datetime:
    try:
        return until - span
    except OverflowError:
        raise click.BadParameter("the window would begin before the year 1", param_hint="--window") from None
