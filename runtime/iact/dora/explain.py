"""Where a figure comes from: every row behind it, and every row that was left out with the reason why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora.figures import Unit, plain
from iact.dora.measure import read_history
from iact.dora.report import Request
from iact.dora.rules import NamedMetric, measured

FORMAT: Final = "iact/dora-explanation/v1"


def explanation(connection: Connection, request: Request, metric: NamedMetric) -> dict[str, Any]:
    """Return a figure with its rows as JSON data; the rows that weigh most come first.

    Args:
        connection: an open connection; it is only read.
        request: which repository and window; its metrics do not matter.
        metric: which figure.
    """
    history = read_history(connection, request.project, request.repository, request.window, as_of=request.as_of)
    result = measured(metric, history, request.window)
    names = {deployment.key: deployment.name for deployment in history.deployments}
    unit = Unit.NUMBER if result.figure.unit is not Unit.SECONDS else Unit.SECONDS
    ordered = sorted(result.samples, key=lambda sample: (-sample.value, sample.at, sample.id))
    return {
        "format": FORMAT,
        "repository": request.name,
        "metric": result.figure.to_record(),
        "rows": [
            {
                "id": sample.id,
                "value": plain(sample.value),
                "shown": str(unit.quantity(sample.value)),
                "deployment": names.get(sample.cluster, sample.cluster),
                "at": instants.write(sample.at),
                "agent": sample.agent,
            }
            for sample in ordered
        ],
        "left_out": [
            {"id": row.id, "at": instants.write(row.at), "reason": row.reason}
            for row in sorted(result.excluded, key=lambda row: (row.reason, row.at, row.id))
        ],
    }


def show_explanation(found: Mapping[str, Any], console: Console | None = None) -> None:
    """Print an explanation for people.

    Args:
        found: what `explanation` returned.
        console: where to; None for the terminal.
    """
    console = console or Console(highlight=False)
    for line in _heading(found["repository"], found["metric"]):
        console.print(line)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("row", "value", "release", "at"):
        table.add_column(title, no_wrap=True)
    for row in found["rows"]:
        table.add_row(escape(row["id"][:12]), row["shown"], escape(row["deployment"]), _moment(row["at"]))
    console.print(table)
    for row in found["left_out"]:
        console.print(f"[dim]left out {escape(row['id'][:12])} of {_moment(row['at'])}: {escape(row['reason'])}[/dim]")


def _heading(repository: str, metric: Mapping[str, Any]) -> Iterator[str]:
    window, definition = metric["window"], metric["definition"]
    yield f"[bold]{escape(metric['question'])}[/bold]"
    value = metric["shown"] if metric["missing"] is None else f"unknown, {metric['missing']['reason']}"
    yield (
        f"{escape(repository)}: {escape(metric['label'].lower())} {escape(value)}, the {metric['statistic']} of "
        f"{metric['n']} rows in {metric['clusters']} releases, {_moment(window['from'])} to {_moment(window['to'])}"
    )
    if metric["interval"]:
        interval = metric["interval"]
        yield f"95 % interval {escape(interval['shown'])}: {interval['method']} ({escape(interval['source'])})"
    elif metric["no_interval"]:
        yield f"No interval: {escape(metric['no_interval'])}"
    version = f" version {definition['version']}" if definition["version"] else ""
    yield f"By the definition {escape(definition['name'])}{version}, {definition['digest']}"


def _moment(text: str) -> str:
    return instants.show(instants.parse(text))
