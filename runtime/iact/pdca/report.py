"""The report of a run of PDCA as one JSON document, which the terminal, the file and the HTML page are made from.

Every number is exact decimal text in its base unit beside the same for people; what is unknown is null beside its
reason. The published schema is `catalog/schemas/report.schema.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.engine import Connection

from iact import __version__
from iact.core import instants
from iact.core.facts import EMPTY, FactSet
from iact.dora.figures import Window
from iact.dora.report import Request
from iact.dora.report import document as dora_document
from iact.dora.terms import DeliveryFigure, Source
from iact.engine.context import FactContext
from iact.engine.definitions import Definition
from iact.engine.journal import Entry, EntryKind
from iact.engine.runtime import Run, Runtime
from iact.pdca import lines, numbers, rules, thin
from iact.pdca.facts import applied_at, baseline, kept_check, kept_plan, measured
from iact.pdca.measured import Measured
from iact.pdca.pinned import Rules, rules_of
from iact.pdca.plan import Check, Plan
from iact.pdca.power import spread_of
from iact.stores.units import read

FORMAT: Final = "iact/report/v1"
LEAD_TIME: Final = "lead_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What a report is about.

    Attributes:
        runtime: where the run lives.
        definitions: the rules of today.
        repository: the repository's key.
        name: what people call the repository.
        window: the recent time that was asked for.
        run: the run.
        others: what else goes on, or has just ended, on the same repository.
        demo: whether the history was thought up.
        dry_run: whether nothing of it was written down.
        options: what has to follow a command to reach the same repository, such as ` --repo ../shop`.
        program: how the command was called, so that the next one can be called alike.
        past: whether a past moment was looked at, in which nothing can be started any more.
    """

    runtime: Runtime
    definitions: Sequence[Definition]
    repository: str
    name: str
    window: Window
    run: Run
    others: tuple[Run, ...] = ()
    demo: bool = False
    dry_run: bool = False
    options: str = ""
    program: str = "iact"
    past: bool = False


def document(subject: Subject) -> dict[str, Any]:
    """Return the report as JSON data."""
    pinned = rules_of({definition.pin: definition for definition in subject.definitions})
    journal = subject.runtime.journal_in_words(subject.run.run)

    def look(connection: Connection) -> tuple[Measured, Measured, dict[str, Any]]:
        context = _context(subject, connection)
        useful = baseline(context, pinned)
        window = measured(context, pinned.metrics, subject.window)
        return useful, window, dora_document(connection, _request(subject, pinned, useful))

    useful, window, dora = read(subject.runtime.engine, look)
    plan = kept_plan(subject.run.remembered)
    check = kept_check(subject.run.remembered)
    content: dict[str, Any] = {
        "format": FORMAT,
        "generated_by": f"iact {__version__}",
        "as_of": instants.write(subject.window.end),
        "project": subject.runtime.project,
        "repository": {"key": subject.repository, "name": subject.name},
        "demo": subject.demo,
        "dry_run": subject.dry_run,
        "lines": [],
        "window": subject.window.to_record(),
        "dora": dora,
        "thin": _thin(window, useful, pinned),
        "plan": None if plan is None else plan_record(plan),
        "experiment": _experiment(subject.run, plan, check),
        "others": list(_others(subject.others)),
        "decision": _decision(subject.run, journal, dry_run=subject.dry_run),
        "next": {},
        "run": _run(subject.run, journal),
    }
    looked_back = subject.past and not subject.demo
    next_step = lines.next_step_after_a_look_back if looked_back else lines.next_step
    content["next"] = next_step(content, subject.program, subject.options)
    content["lines"] = list(lines.summary(content))
    return content


def _context(subject: Subject, connection: Connection) -> FactContext:
    return FactContext(
        connection=connection,
        project=subject.runtime.project,
        run=subject.run.run,
        subject=subject.run.subject,
        now=subject.window.end,
        inputs=subject.run.inputs,
        remembered=EMPTY,
        definitions={definition.pin: definition for definition in subject.definitions},
        services=subject.runtime.host.services,
    )


def _request(subject: Subject, pinned: Rules, useful: Measured) -> Request:
    # Figures of pull requests belong to a definition that nobody asked for here.
    others = [name for name, one in pinned.metrics.items() if Source.PULL_REQUESTS not in one.metric.sources]
    first = [name for name in DeliveryFigure if name in pinned.metrics]
    names = dict.fromkeys((*first, *sorted(others)))
    return Request(
        project=subject.runtime.project,
        repository=subject.repository,
        name=subject.name,
        metrics=tuple(pinned.metrics[name] for name in names),
        window=useful.window,
        as_of=subject.window.end,
    )


def _thin(window: Measured, useful: Measured, pinned: Rules) -> dict[str, Any]:
    moments = [deployment.deployed_at for deployment in useful.history.deployments]
    windows = thin.latest_windows(moments, window.window.end, window.window.span, pinned.policy.history.timedelta)
    return {
        "answers": thin.answers(window),
        "sentence": thin.sentence(window, windows),
        "releases": window.releases,
        "windows": windows.to_record(),
        "useful": {**useful.window.to_record(), "releases": useful.releases},
        "detectable": _detectable(useful, pinned),
    }


def _detectable(useful: Measured, pinned: Rules) -> list[dict[str, Any]]:
    """Return what stretches of time could detect in the lead time if releases go on as they come now."""
    figure = useful.figures.get(LEAD_TIME)
    spread = spread_of(figure.dimension, useful.stretch(LEAD_TIME), rules.belief_of(pinned.policy)) if figure else None
    if spread is None:
        reason = f"{useful.releases} releases are known, and a spread needs two"
        rows: list[dict[str, Any]] = [
            {"after": after, "releases_expected": None, "effect": None, "reason": reason} for after, _ in rules.HORIZONS
        ]
        return rows
    return rules.horizons(spread, spread.per_week, float(pinned.policy.confidence.amount), falls=True)


def plan_record(plan: Plan) -> dict[str, Any]:
    """Return a plan for the report."""
    trial, details = plan.trial, plan.details
    considered = [
        {**one, "reasons": list(_leaves(one["judgement"])), "at": one["judgement"].get("at", "")}
        for one in plan.considered
    ]
    if trial is None:
        return {"improvement": None, "made_at": instants.write(plan.made_at), "considered": considered}
    return {
        "improvement": trial.improvement,
        "made_at": instants.write(plan.made_at),
        "change": trial.change,
        "change_kind": trial.change_kind,
        "by_agent": trial.by_agent,
        "mode": trial.mode,
        "metric": trial.metric,
        "metric_label": details["history"]["label"],
        "current": numbers.amount(trial.current),
        "goal": numbers.amount(trial.goal),
        "expected": numbers.share(trial.expected),
        "min_improvement": details["min_improvement"],
        "verdict_by": numbers.amount(trial.verdict_by),
        "sample_needed": trial.sample_needed,
        "baseline": {"window": details["window"], "history": details["history"]},
        "spread": details["spread"],
        "releases_a_week": details.get("releases_a_week"),
        "detectable": details["detectable"],
        "needed": details.get("needed"),
        "needed_minimum": details.get("needed_minimum"),
        "considered": considered,
    }


def _leaves(judgement: Mapping[str, Any]) -> Iterator[str]:
    """Walk the comparisons of a judgement as sentences with what they saw."""
    for part in judgement.get("parts", ()):
        yield from _leaves(part)
    if not judgement.get("parts"):
        saw = f": saw {judgement['saw']}" if judgement.get("saw") else ""
        yield f"{judgement['text']}{saw} ({judgement['truth']})"


def _experiment(run: Run, plan: Plan | None, check: Check | None) -> dict[str, Any] | None:
    since = applied_at(run.remembered)
    if plan is None or plan.trial is None or since is None:
        return None
    trial = plan.trial
    extended = check.extended if check else 0
    return {
        "improvement": trial.improvement,
        "state": run.state,
        "started_at": instants.write(since),
        "what": _text(run.remembered, "receipt.what"),
        "message": _text(run.remembered, "receipt.message"),
        "first_check_at": instants.write(since + trial.first_check.timedelta),
        "verdict_by": instants.write(check.until if check else since + trial.verdict_by.timedelta),
        "extensions": {"used": extended, "allowed": trial.extensions},
        "looks": check.looks if check else 0,
        "checked_at": None if check is None else instants.write(check.made_at),
        **(_checked(check) if check else _UNCHECKED),
    }


def _others(runs: Sequence[Run]) -> Iterator[dict[str, Any]]:
    """Walk where other experiments stand, in short; a plan that came to nothing is none."""
    for run in runs:
        experiment = _experiment(run, kept_plan(run.remembered), kept_check(run.remembered))
        if experiment is None:
            continue
        said = lines.said(run.state, run.outcome, _text(run.remembered, "receipt.message"), kept_check(run.remembered))
        yield {
            "run": run.run,
            "improvement": experiment["improvement"],
            "state": run.state,
            "sentence": lines.standing(experiment, run.state, said),
            "next_due": None if run.next_due is None else instants.write(run.next_due),
        }


_UNCHECKED: Final[Mapping[str, Any]] = {
    "adopted": None,
    "harmed": None,
    "effect": None,
    "before": None,
    "after": None,
    "verdict": None,
    "proven": False,
}


def _checked(check: Check) -> dict[str, Any]:
    details = check.details
    return {
        "adopted": {"truth": check.adopted, "reasons": list(_leaves(details["adopted"]))},
        "harmed": {
            "truth": details["harm"]["truth"],
            "stopped": check.harmed,
            "certain": details["certain_harm"],
            "reasons": list(_leaves(details["harm"])),
        },
        "effect": details["effect"],
        "before": details["before"],
        "after": details["after"],
        "verdict": check.verdict if check.looks else None,
        "proven": check.proven,
    }


def _text(facts: FactSet, name: str) -> str | None:
    value = facts[name].value
    return value if isinstance(value, str) else None


def _decision(run: Run, journal: Sequence[Entry], *, dry_run: bool) -> dict[str, Any]:
    moved = [entry for entry in journal if entry.kind is EntryKind.DECISION and entry.body["decision"]["moved"]]
    last = moved[-1] if moved else None
    considered = last.body["decision"]["considered"] if last else []
    done = any(entry.kind is EntryKind.RECEIPT and entry.body["succeeded"] for entry in journal)
    return {
        "state": run.state,
        "outcome": run.outcome,
        "sentence": lines.said(
            run.state, run.outcome, _text(run.remembered, "receipt.message"), kept_check(run.remembered)
        ),
        "changed": done and not dry_run,
        "reasons": considered,
        "at": instants.write(last.at if last else run.started_at),
    }


def _run(run: Run, journal: Sequence[Entry]) -> dict[str, Any]:
    history = [
        {
            "at": instants.write(entry.at),
            "from": entry.body["decision"]["from"],
            "to": entry.body["decision"]["to"],
            "outcome": entry.body["decision"]["outcome"],
        }
        for entry in journal
        if entry.kind is EntryKind.DECISION and entry.body["decision"]["moved"]
    ]
    return {
        "run": run.run,
        "agent": run.agent,
        "subject": run.subject,
        "state": run.state,
        "outcome": run.outcome,
        "active": run.active,
        "started_at": instants.write(run.started_at),
        "ended_at": None if run.ended_at is None else instants.write(run.ended_at),
        "next_due": None if run.next_due is None else instants.write(run.next_due),
        "definitions": [{"pin": pin, "digest": digest} for pin, digest in sorted(run.pins.items())],
        "history": history,
    }
