"""A report of PDCA for people in a terminal: what matters first, the reasons below it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iact.core import instants
from iact.engine.runtime import Run
from iact.pdca import lines, thin
from iact.pdca.plan import Trial
from iact.pdca.store import Override


def show(report: Mapping[str, Any], files: Sequence[Path], console: Console) -> None:
    """Print a report document and where it was written: what fits on a screen; the files hold the rest."""
    _sentences(report["lines"], console)
    if any(metric["value"] is not None for metric in report["dora"]["metrics"]):
        console.print()
        console.print(_figures(report["dora"]["metrics"], report["thin"]["useful"]))
    below = list(_below(report))
    if below or files:
        console.print()
    for line in below:
        console.print(escape(line))
    _where(files, console)


def show_change(report: Mapping[str, Any], files: Sequence[Path], console: Console) -> None:
    """Print what became of an experiment that was started or stopped, and nothing else."""
    experiment, state = report["experiment"], report["decision"]["state"]
    done = [experiment["message"]] if experiment and state in lines.UNDER_WAY and experiment["message"] else []
    after = [] if state in lines.UNDER_WAY else [report["next"]["sentence"]]
    _sentences([*lines.decided(report), *done, *after, *lines.next_line(report)], console)
    _where(files, console)


def _where(files: Sequence[Path], console: Console) -> None:
    """Print where the report for people was written; the other files stand beside it."""
    for file in files:
        if file.suffix == ".html":
            console.print(f"[dim]Report: {escape(_near(file))} (and .json)[/dim]", soft_wrap=True)


def _sentences(texts: Sequence[str], console: Console) -> None:
    """Print sentences, wrapped at words, the first one bold; a command is never wrapped, so that it can be copied."""
    for number, text in enumerate(texts):
        shown = escape(text) if number else f"[bold]{escape(text)}[/bold]"
        console.print(shown, soft_wrap=text.startswith(lines.NEXT))


def show_plan(plan: Mapping[str, Any], console: Console, asked: str = "") -> None:
    """Print what would be tried, why, and what trying it could show; first of all what was `asked` for."""
    one = next((one for one in plan["considered"] if one["improvement"] == asked), None)
    if plan["improvement"] is None or (one is not None and one["busy_with"]):
        console.print(
            escape(f"{asked} cannot be tried: {_why_not(one)}" if one else lines.nothing_to_try(plan["considered"]))
        )
    else:
        for line in _plan_lines(plan):
            console.print(escape(line))
        console.print()
        console.print(_detectable(plan["detectable"], f"What {plan['improvement']} could show"))
    console.print()
    console.print(_considered(plan["considered"]))


def show_status(runs: Iterable[tuple[Run, Trial]], console: Console) -> None:
    """Print what is proposed and what is being tried."""
    table = _table("run", "improvement", "metric", "state", "since", "next")
    for run, trial in runs:
        due = instants.show(run.next_due) if run.next_due else "–"
        table.add_row(run.run[4:12], trial.improvement, trial.metric, run.state, instants.show(run.entered_at), due)
    console.print(table if table.row_count else "Nothing is proposed and nothing is being tried.")


def show_parameters(declared: Mapping[str, Any], overrides: Iterable[Override], console: Console) -> None:
    """Print every parameter with the value in force."""
    newest = {override.parameter: override for override in overrides}
    table = _table("parameter", "in force", "declared", "version")
    for name, value in sorted(declared.items()):
        override = newest.get(name)
        in_force = value if override is None or override.value is None else override.value
        table.add_row(name, str(in_force), str(value), str(override.version) if override else "–")
    console.print(table if table.row_count else "No `Parameters` are declared.")


def _below(report: Mapping[str, Any]) -> Iterator[str]:
    """Walk what stands below the figures: what could be detected, what to add, what a person has to do."""
    plan, state, breakdown = report["plan"], report["decision"]["state"], report["dora"]["breakdown"]
    if breakdown and breakdown["slowest"]:
        yield "Slowest: " + ", ".join(f"{one['sha'][:_SHA]} {one['total']['shown']}" for one in breakdown["slowest"])
    if not report["dora"]["repository"]["deployments"]:
        yield from _to_add(report["dora"]["missing"])
    elif plan is not None and plan["improvement"] is not None and plan["spread"] is not None:
        yield _detected(plan["metric_label"].lower(), f", with {plan['improvement']}", plan["detectable"])
    else:
        yield _detected("lead time", "", report["thin"]["detectable"])
    if report["next"]["sentence"] and not (report["demo"] or state in _SAID_ABOVE):
        yield report["next"]["sentence"]


_SHA: Final = 7
"""How much of a commit's name tells it from the others on one screen, as git shortens it."""
_SAID_ABOVE: Final = lines.UNDER_WAY | {"proposed"}
"""States of which the first lines have said what comes next."""


def _to_add(missing: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    for one in missing:
        if one["add"]:
            yield "Add below `spec` in iact.yaml:"
            yield from (f"    {line}" for line in one["add"])


def _detected(what: str, how: str, rows: Sequence[Mapping[str, Any]]) -> str:
    found = ", ".join(
        f"{row['after']} {row['effect']['shown'] if row['effect'] else _none(row['reason'], 'none')}" for row in rows
    )
    return f"Smallest change of the {what} that could be told from chance{how}: {found}"


def _near(file: Path) -> str:
    """Return the way to a file from here, where it is short."""
    way = os.path.relpath(file)
    return str(file) if way.startswith("../..") else way


def _figures(metrics: Iterable[Mapping[str, Any]], useful: Mapping[str, Any]) -> Table:
    length = thin.span_words(int(float(useful["length"]["value"])))
    table = _table(f"The last {length}", "value", "95 % interval", "n")
    for metric in metrics:
        interval = metric["interval"]["shown"] if metric["interval"] else metric["no_interval"]
        table.add_row(metric["label"], metric["shown"], interval, str(metric["n"]))
    return table


def _detectable(rows: Iterable[Mapping[str, Any]], title: str) -> Table:
    table = _table(title, "releases expected", "smallest effect")
    for row in rows:
        found = row["effect"]["shown"] if row["effect"] else _none(row["reason"], "too few releases")
        table.add_row(row["after"], row["releases_expected"] or "–", found)
    return table


def _none(reason: str, otherwise: str) -> str:
    """Return in a few words that nothing can be detected, and why where it is not for lack of releases."""
    return "too regular to tell" if "too regular" in reason else otherwise


def _considered(considered: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("Improvements", "promises", "its condition", "because")
    for one in considered:
        because = lines.set_aside(one) or "; ".join(one["reasons"])
        table.add_row(
            one["improvement"], one["expected"]["shown"] if one["expected"] else "–", one["truth"], escape(because)
        )
    return table


def _why_not(considered: Mapping[str, Any]) -> str:
    """Return why an improvement that a person asked about has no plan."""
    reason = lines.set_aside(considered)
    return reason or f"{considered['metric']} is not known, so nothing could be compared"


def _plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    goal, baseline = plan["goal"]["shown"] if plan["goal"] else "unknown", _baseline(plan["baseline"]["history"])
    yield f"{plan['improvement']}: {plan['change']}"
    yield f"{plan['metric_label']}: {plan['current']['shown']} {baseline}"
    yield f"Expected: {goal}, {plan['expected']['shown']} better"
    for key, what in (("needed", "expected effect"), ("needed_minimum", f"{plan['min_improvement']['shown']} ")):
        found = plan[key]
        if found is None:
            continue
        if found["releases"] is None:
            yield f"To see the {what.strip()}: not possible, {found['reason']}"
        else:
            weeks = f", {found['weeks']['shown']}" if found["weeks"] else ""
            yield f"To see the {what.strip()}: {found['releases']} releases{weeks}"


def _baseline(figure: Mapping[str, Any]) -> str:
    """Return in which stretch of time the present value was measured, and how many releases there were in it."""
    window, releases = figure["window"], figure["clusters"]
    length = thin.span_words(int(float(window["length"]["value"])))
    day = instants.parse(window["to"])
    return f"in the {length} before {day:%Y-%m-%d} ({releases} release{'' if releases == 1 else 's'})"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table
