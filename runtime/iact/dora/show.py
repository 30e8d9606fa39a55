"""The delivery report for people in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iact.core import instants

_DIGEST = 12
_SUBJECT = 50
_WIDE = 80
"""From how many columns on there is room for the definitions beside the figures."""
_WIDER = 110
"""Likewise, for the classes as well."""


def show(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Print a report document.

    Args:
        report: what `iact.dora.report.document` returned.
        console: where to; None for the terminal.
    """
    console = console or Console(highlight=False)
    for line in _heading(report):
        console.print(line)
    classed = report["classes"] is not None
    is_wide = console.width >= (_WIDER if classed else _WIDE)
    console.print(_metrics(report["metrics"], with_classes=classed, with_definitions=is_wide))
    for line in (*_classes(report), *_stages(report["breakdown"]), *_waiting(report["waiting"])):
        console.print(line)
    if report["targets"]:
        console.print(_targets(report["targets"]))
    if report["breakdown"] and report["breakdown"]["slowest"]:
        console.print(_slowest(report["breakdown"]["slowest"]))
    for line in (*_cycles(report["cycles"]), *_unknown(report["missing"]), *_notes(report)):
        console.print(line)


def _heading(report: Mapping[str, Any]) -> Iterator[str]:
    window, history = report["window"], report["history"]
    until = f"{_moment(window['to'])}{' (now)' if window['to_is'] == 'now' else ''}"
    yield (
        f"[bold]{escape(report['repository']['name'])}[/bold]: {window['length']['shown']} "
        f"from {_moment(window['from'])} to {until}, definitions {escape(report['definitions'])}"
    )
    known = f"{_counted(history['changes'], 'change')} and {_counted(history['deployments'], 'release')}"
    known += " are known" if window["to_is"] == "now" else " until then"
    last = history["last"]
    yield f"{known}, the last {escape(last['name'])} at {_moment(last['deployed_at'])}" if last else known


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _moment(text: str) -> str:
    return instants.show(instants.parse(text))


def _metrics(metrics: list[Mapping[str, Any]], *, with_classes: bool, with_definitions: bool) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in (
        "",
        "value",
        "95 % interval",
        "n",
        *(["class"] if with_classes else []),
        *(["definition"] if with_definitions else []),
    ):
        # What is said in words may go on in the next line; a figure that is cut would be another figure.
        table.add_column(
            title, justify="right" if title == "n" else "left", no_wrap=title not in {"95 % interval", "class"}
        )
    for metric in metrics:
        row = [
            escape(metric["label"]),
            escape(metric["shown"]),
            escape(metric["interval"]["shown"] if metric["interval"] else metric["no_interval"] or "–"),
            str(metric["n"]),
            *([escape(metric["class"]["shown"] if metric["class"] else "–")] if with_classes else []),
        ]
        table.add_row(*row, *([_definition(metric["definition"])] if with_definitions else []))
    return table


def _definition(definition: Mapping[str, Any]) -> str:
    version = f" v{definition['version']}" if definition["version"] else ""
    return f"[dim]{escape(definition['digest'].removeprefix('sha256:')[:_DIGEST])}{version}[/dim]"


def _classes(report: Mapping[str, Any]) -> Iterator[str]:
    classes, definition = report["classes"], report["definition"]
    if classes is None:
        return
    if classes["shown"]:
        yield f"[bold]Overall: {escape(classes['shown'])}[/bold]"
    yield (
        f"By the definition {escape(definition['name'])} {_short(definition['digest'])}, "
        f"classes by the bands {escape(classes['label'])} {_short(classes['digest'])}"
    )


def _targets(targets: Mapping[str, Any]) -> Table:
    gone = f", {targets['elapsed']['shown']} of the time is gone" if targets["elapsed"] else ""
    title = f"Targets {escape(targets['name'])} {_short(targets['digest'])}: {targets['over']}{gone}"
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title=title, title_justify="left")
    for name in ("", "baseline", "present", "target", "of the way", "reached", "on track"):
        table.add_column(name, no_wrap=name not in {"reached", "on track", "of the way"})
    for row in targets["figures"]:
        ends = row["interval_of_way"]
        within = f" [{ends[0]['shown']}, {ends[1]['shown']}]" if ends else ""
        table.add_row(
            escape(row["figure"].replace("_", " ").capitalize()),
            row["baseline"],
            row["present"] or "unknown",
            row["target"],
            escape(f"{row['share_of_way']['shown']}{within}") if row["share_of_way"] else "–",
            escape(row["reached"]),
            escape(row["on_track"]),
        )
    return table


def _short(digest: str) -> str:
    return f"[dim]{digest.removeprefix('sha256:')[:_DIGEST]}[/dim]"


def _stages(breakdown: Mapping[str, Any] | None) -> Iterator[str]:
    if breakdown is None:
        return
    parts = [f"{stage['stage']} {stage['share']['shown']}" for stage in breakdown["stages"] if stage["share"]]
    if parts:
        yield f"Where {escape(breakdown['metric'].replace('_', ' '))} goes: {escape(', '.join(parts))}"


def _waiting(waiting: Mapping[str, Any]) -> Iterator[str]:
    if waiting["count"]:
        oldest = waiting["oldest"]["waited"]["shown"]
        count = "1 change waits" if waiting["count"] == 1 else f"{waiting['count']} changes wait"
        yield f"{count} for a release, the oldest for {oldest}"


def _slowest(rows: list[Mapping[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), title="Slowest changes", title_justify="left")
    for title in ("change", "total", "released in", "subject"):
        table.add_column(title, no_wrap=title != "subject")
    for row in rows:
        subject = row["subject"]
        shown = subject if len(subject) <= _SUBJECT else f"{subject[: _SUBJECT - 1]}…"
        table.add_row(row["sha"][:_DIGEST], row["total"]["shown"], escape(row["deployment"]), escape(shown))
    return table


def _cycles(cycles: Mapping[str, Any] | None) -> Iterator[str]:
    if cycles is None:
        return
    ended = "1 cycle" if cycles["ended"] == 1 else f"{cycles['ended']} cycles"
    figures = [
        f"{said} {figure['shown']} {figure['interval']['shown'] if figure['interval'] else ''}".rstrip()
        for said, figure in (("lead time", cycles["lead_time"]), ("failed", cycles["failed"]))
        if figure
    ]
    yield f"Recorded in {cycles['file']}: {'; '.join((f'{ended} ended', *figures))}"
    parts = [f"{part['phase']} {part['share']['shown']}" for part in cycles["phases"] if part["share"]]
    if parts:
        yield f"  of that time {escape(', '.join(parts))}"


def _unknown(missing: list[Mapping[str, Any]]) -> Iterator[str]:
    for reason in missing:
        yield f"[yellow]{escape(', '.join(reason['metrics']))}: unknown, {escape(reason['reason'])}[/yellow]"
        if reason["add"]:
            yield f"  Add below `spec` of iact.yaml ({escape(reason['see'])}):"
            yield from (f"    {escape(line)}" for line in reason["add"])


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    for note in report["repository"]["notes"]:
        yield f"[dim]{escape(note)}[/dim]"
    labels: dict[tuple[str, int], list[str]] = {}
    for metric in report["metrics"]:
        for left in metric["left_out"]:
            labels.setdefault((left["reason"], left["count"]), []).append(metric["label"])
    for (reason, count), names in labels.items():
        yield f"[dim]Left out: {escape(reason)} ({count}; {escape(', '.join(names))})[/dim]"
