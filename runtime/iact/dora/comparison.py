"""The same history measured by several definitions, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora.measure import read_history
from iact.dora.report import Request, classes_of, overall_of
from iact.dora.rules import measured
from iact.dora.terms import DeliveryFigure

FORMAT: Final = "iact/dora-comparison/v1"
_DIGEST: Final = 12


def comparison(connection: Connection, requests: Sequence[Request]) -> dict[str, Any]:
    """Return the delivery figures of several definitions as JSON data.

    Args:
        connection: an open connection; it is only read.
        requests: the same question by one definition each; there is at least one.
    """
    columns = {request.definition.name: _column(connection, request) for request in requests if request.definition}
    figures = [figure for figure in DeliveryFigure if any(figure in column["figures"] for column in columns.values())]
    first = requests[0]
    return {
        "format": FORMAT,
        "repository": first.name,
        "window": first.window.to_record() | {"to_is": first.end_is},
        "definitions": [
            {**column["reference"], "classes": column["classes"], "missing": column["missing"]}
            for column in columns.values()
        ],
        "figures": [
            {
                "figure": figure.value,
                "by": {name: column["figures"].get(figure) for name, column in columns.items()},
            }
            for figure in figures
        ],
    }


def _column(connection: Connection, request: Request) -> dict[str, Any]:
    """Return what one definition makes of the history."""
    definition = request.definition
    assert definition is not None  # noqa: S101 - only requests with a definition are compared
    metrics = {figure: named for figure in definition.figures if (named := definition.metric(figure)) is not None}
    history = read_history(
        connection,
        request.project,
        request.repository,
        request.window,
        as_of=request.as_of,
        metrics=metrics.values(),
    )
    results = {figure: measured(named, history, request.window) for figure, named in metrics.items()}
    classes = classes_of(request, results.values())
    return {
        "reference": definition.reference.to_record(),
        "figures": {
            figure: result.figure.to_record() | {"class": classes.get(result.named.name)}
            for figure, result in results.items()
        },
        "classes": overall_of(request, classes),
        "missing": sorted({str(one.figure.missing.reason) for one in results.values() if one.figure.missing}),
    }


def show_comparison(found: Mapping[str, Any], console: Console | None = None) -> None:
    """Print the comparison for people: a figure a line, a definition a column.

    Args:
        found: what `comparison` returned.
        console: where to; None for the terminal.
    """
    console = console or Console(highlight=False)
    window, names = found["window"], [definition["name"] for definition in found["definitions"]]
    until = f"{_moment(window['to'])}{' (now)' if window['to_is'] == 'now' else ''}"
    console.print(
        f"[bold]{escape(found['repository'])}[/bold]: {window['length']['shown']} from {_moment(window['from'])} "
        f"to {until}, by the definitions {escape(', '.join(names))}"
    )
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in names:
        table.add_column(escape(name))
    for row in found["figures"]:
        label = row["figure"].replace("_", " ").capitalize()
        table.add_row(label, *(_cell(row["by"][name]) for name in names))
    console.print(table)
    for definition in found["definitions"]:
        for line in _about(definition):
            console.print(line)


def _cell(metric: Mapping[str, Any] | None) -> str:
    """Return a figure as people read it: value, interval and rows, and its class below."""
    if metric is None:
        return "[dim]not defined[/dim]"
    interval = f" {metric['interval']['shown']}" if metric["interval"] else ""
    lines = [f"{metric['shown']}{interval} (n {metric['n']})"]
    if metric["class"]:
        lines.append(metric["class"]["shown"])
    return escape("\n".join(lines))


def _about(definition: Mapping[str, Any]) -> Iterator[str]:
    digest, classes = definition["digest"].removeprefix("sha256:")[:_DIGEST], definition["classes"]
    said = f"{escape(definition['name'])} [dim]{digest}[/dim]: "
    if classes is None:
        yield f"{said}figures are not classed"
    else:
        overall = f"overall {classes['shown']}; " if classes["shown"] else ""
        yield f"{said}{escape(overall)}classes by the bands {escape(classes['label'])}"
    for reason in definition["missing"]:
        yield f"  [yellow]unknown, {escape(reason)}[/yellow]"


def _moment(text: str) -> str:
    return instants.show(instants.parse(text))
