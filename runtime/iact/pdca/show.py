"""A report of PDCA for people in a terminal: what matters first, the reasons below it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iact.core import instants
from iact.engine.runtime import Run
from iact.pdca import lines, thin
from iact.pdca.plan import Trial
from iact.pdca.store import Override

_SUBJECT = 30
_SHA = 10


def show(report: Mapping[str, Any], files: Sequence[Path], console: Console) -> None:
    """Print a report document and where it was written: what fits on a screen; the files hold the rest."""
    _sentences(report["lines"], console)
    for table in _tables(report):
        console.print()
        console.print(table)
    console.print()
    for line in _below(report):
        console.print(escape(line))
    for file in files:
        console.print(f"[dim]{escape(_near(file))}[/dim]", soft_wrap=True)


def show_change(report: Mapping[str, Any], files: Sequence[Path], console: Console) -> None:
    """Print what became of an experiment that was started or stopped, and nothing else."""
    _sentences([*lines.decided(report), report["next"]["sentence"], *lines.next_line(report)], console)
    for file in files:
        console.print(f"[dim]{escape(_near(file))}[/dim]", soft_wrap=True)


def _sentences(texts: Sequence[str], console: Console) -> None:
    """Print sentences, wrapped at words, the first one bold; a command is never wrapped, so that it can be copied."""
    for number, text in enumerate(texts):
        shown = escape(text) if number else f"[bold]{escape(text)}[/bold]"
        console.print(shown, soft_wrap=text.startswith(lines.NEXT))


def show_plan(plan: Mapping[str, Any], console: Console) -> None:
    """Print what would be tried, why, and what trying it could show."""
    if plan["improvement"] is None:
        console.print("Nothing to try.")
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


def _tables(report: Mapping[str, Any]) -> Iterator[Table]:
    breakdown = report["dora"]["breakdown"]
    if any(metric["value"] is not None for metric in report["dora"]["metrics"]):
        yield _figures(report["dora"]["metrics"], report["thin"]["useful"])
    if breakdown and breakdown["slowest"]:
        yield _slowest(breakdown["slowest"])


def _below(report: Mapping[str, Any]) -> Iterator[str]:
    """Walk what stands below the tables: where time goes, what could be detected, what to add, what comes next."""
    breakdown = report["dora"]["breakdown"]
    stages = [stage for stage in (breakdown["stages"] if breakdown else ()) if stage["share"]]
    if stages:
        shares = ", ".join(f"{stage['stage']} {_percent(stage['share'])}" for stage in stages)
        yield f"Where the lead time goes: {shares}"
    if report["dora"]["repository"]["deployments"]:
        yield _detected("At the present rate of releases the lead time", report["thin"]["detectable"])
    plan = report["plan"]
    if plan is not None and plan["improvement"] is not None and plan["spread"] is not None:
        rate = float(plan["releases_a_week"])
        yield _detected(
            f"With {plan['improvement']} ({rate:.2g}/week) {plan['metric_label'].lower()}", plan["detectable"]
        )
    for missing in report["dora"]["missing"]:
        if missing["add"]:
            yield f"To know {', '.join(label.lower() for label in missing['metrics'])}, add below `spec` in iact.yaml:"
            yield from (f"    {line}" for line in missing["add"])
    if report["next"]["sentence"]:
        yield report["next"]["sentence"]


def _detected(when: str, rows: Sequence[Mapping[str, Any]]) -> str:
    found = ", ".join(f"{row['after']} {row['effect']['shown'] if row['effect'] else 'nothing'}" for row in rows)
    return f"{when} could show, after {found}"


def _percent(share: Mapping[str, str]) -> str:
    return f"{round(float(share['value']) * 100)} %"


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


def _slowest(changes: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("The five slowest", "lead time", "release", "longest stage", "subject")
    for change in changes:
        longest = max(change["stages"] or (), key=lambda stage: float(stage["time"]["value"]), default=None)
        stage = f"{longest['stage']} {longest['time']['shown']}" if longest else "–"
        table.add_row(
            change["sha"][:_SHA],
            change["total"]["shown"],
            escape(change["deployment"]),
            stage,
            escape(change["subject"][:_SUBJECT]),
        )
    return table


def _detectable(rows: Iterable[Mapping[str, Any]], title: str) -> Table:
    table = _table(title, "releases expected", "smallest effect")
    for row in rows:
        found = row["effect"]["shown"] if row["effect"] else "too few releases"
        table.add_row(row["after"], row["releases_expected"] or "–", found)
    return table


def _considered(considered: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("Improvements", "promises", "its condition", "because")
    for one in considered:
        because = lines.set_aside(one) or "; ".join(one["reasons"])
        table.add_row(
            one["improvement"], one["expected"]["shown"] if one["expected"] else "–", one["truth"], escape(because)
        )
    return table


def _plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    goal = plan["goal"]["shown"] if plan["goal"] else "unknown"
    yield f"{plan['improvement']}: {plan['change']}"
    yield f"{plan['metric_label']}: {plan['current']['shown']} now, {goal} expected, {plan['expected']['shown']} better"
    for key, what in (("needed", "expected effect"), ("needed_minimum", f"{plan['min_improvement']['shown']} ")):
        found = plan[key]
        if found is None:
            continue
        if found["releases"] is None:
            yield f"To see the {what.strip()}: not possible, {found['reason']}"
        else:
            weeks = f", {found['weeks']['shown']}" if found["weeks"] else ""
            yield f"To see the {what.strip()}: {found['releases']} releases{weeks}"


def _progress(report: Mapping[str, Any]) -> Iterator[str]:
    following = report["next"]
    if following["sentence"]:
        at = f" ({instants.show(instants.parse(following['at']))})" if following["at"] else ""
        yield f"{following['sentence']}{at}"


def _table(*titles: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in titles:
        table.add_column(title, overflow="fold")
    return table
