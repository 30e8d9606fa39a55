"""`iact dora record`, `complete` and `records`: what agents tell of their delivery cycles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection, Engine

    from iact.dora.records import Place

FILE_OPTION = click.option(
    "--file", type=click.Path(path_type=Path), default=".dora_sdlc_metrics.json", show_default=True, help="The file."
)
CYCLE_OPTION = click.option("--cycle", help="A cycle to go on with, such as cycle-20251106-150000.")
KEEP_OPTION = click.option(
    "--keep",
    "repo",
    type=click.Path(path_type=Path),
    metavar="REPOSITORY",
    help="Keep the file's records in the project's store, too, as those of this git repository.",
)


@click.command()
@click.argument("phase")
@click.argument("decision")
@click.argument("duration", metavar="DURATION")
@CYCLE_OPTION
@click.option("--feature", default="", help="What the cycle delivers, such as FEAT-001.")
@click.option("--request-id", help="Finds the log lines that belong to it.")
@FILE_OPTION
@KEEP_OPTION
def record(  # noqa: PLR0913 - one parameter for each argument and option
    phase: str,
    decision: str,
    duration: str,
    *,
    cycle: str | None,
    feature: str,
    request_id: str | None,
    file: Path,
    repo: Path | None,
) -> None:
    """Record one PHASE of a delivery cycle, its DECISION, and how long it took.

    Such as `iact dora record testing go 2h`. Prints the cycle's id, by which its next phases go on.
    """
    from iact.dora.metrics_file import DORAMetrics

    metrics = DORAMetrics(file, clock=_SystemClock(), feature_id=feature, cycle_id=cycle)
    metadata = {"request_id": request_id} if request_id else {}
    written = metrics.record_phase(phase, decision, _seconds(duration), metadata)
    click.echo(written["cycle_id"])
    _keep(file, repo)


@click.command()
@click.argument("outcome")
@click.option("--cycle", required=True, help="The cycle that has ended, such as cycle-20251106-150000.")
@click.option("--feature", default="", help="What the cycle delivered, such as FEAT-001.")
@FILE_OPTION
@KEEP_OPTION
def complete(outcome: str, cycle: str, feature: str, file: Path, repo: Path | None) -> None:
    """Close a delivery cycle with its OUTCOME, such as success.

    Prints the cycle's lead time: the sum of its phases.
    """
    from iact.core.quantities import duration as as_quantity
    from iact.dora.metrics_file import DORAMetrics

    written = DORAMetrics(file, clock=_SystemClock(), feature_id=feature, cycle_id=cycle).complete_cycle(outcome)
    click.echo(f"{cycle}: {as_quantity(timedelta(seconds=written['duration_seconds']))}")
    _keep(file, repo)


@click.command()
@click.option("--cycle", help="Of this cycle only, such as cycle-20251106-150000.")
@click.option("--request-id", help="Those that this request belongs to, of any repository.")
@click.option(
    "--repo",
    type=click.Path(path_type=Path),
    default=".",
    show_default=True,
    help="The git repository; what is new in its file is taken in first.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def records(cycle: str | None, request_id: str | None, repo: Path, form: str) -> None:
    """List what is recorded of delivery cycles, in the order in which it was written.

    They stand in the table `dora_metrics` of the store, in the form of the file `.dora_sdlc_metrics.json`.
    """
    from iact.dora.cycle import records as cycle_records
    from iact.stores.units import read, write

    with _opened(repo) as (engine, place):

        def look(connection: Connection) -> list[dict[str, Any]]:
            if request_id is not None:
                return cycle_records.records_of_request(connection, place.project, request_id)
            if cycle is not None:
                return cycle_records.records_of_cycle(connection, place, cycle)
            return list(cycle_records.records_of(connection, place))

        write(engine, lambda connection: cycle_records.take_in_file(connection, place, repo))
        found = read(engine, look)
    chosen = [one for one in found if cycle in {None, one["cycle_id"]}]
    if form == "json":
        click.echo(json.dumps(chosen, indent=2, ensure_ascii=False))
    else:
        _show(chosen)


def _keep(file: Path, repo: Path | None) -> None:
    """Keep in the store what a file holds; the file is written in any case."""
    if repo is None:
        return
    from iact.dora.cycle.records import take_in
    from iact.dora.metrics_file import read_records
    from iact.stores.units import write

    with _opened(repo) as (engine, place):
        write(engine, lambda connection: take_in(connection, place, read_records(file)))


@contextmanager
def _opened(repo: Path) -> Iterator[tuple[Engine, Place]]:
    from iact.config.opening import open_project
    from iact.dora.records import Place
    from iact.dora.repository import open_store, repository_key

    project = open_project()
    engine = open_store(project)
    try:
        yield engine, Place(project=project.name, repository=repository_key(repo, project, engine))
    finally:
        engine.dispose()


def _show(found: Sequence[Mapping[str, Any]]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from iact.core.quantities import duration as as_quantity

    if not found:
        click.echo("Nothing is recorded.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in ("cycle", "feature", "phase", "decision", "took", "request"):
        table.add_column(name)
    for one in found:
        took = str(as_quantity(timedelta(seconds=one["duration_seconds"])))
        cells = (one["cycle_id"], one.get("feature_id"), one["phase"], one["decision"], took, one.get("request_id"))
        table.add_row(*(escape(str(cell or "")) for cell in cells))
    Console(highlight=False).print(table)


class _SystemClock:
    """This machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


def _seconds(text: str) -> float:
    from iact.core.quantities import Dimension, parse

    try:
        return float(parse(text, Dimension.DURATION).amount)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="DURATION") from None
