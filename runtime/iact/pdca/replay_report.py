"""What a replay found: as JSON data, as a table for other programs, and for people."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from iact.core import instants
from iact.core.quantities import duration
from iact.pdca import numbers
from iact.pdca.replay import Course, Look, Step

FORMAT: Final = "iact/pdca-replay/v1"
WARNING: Final = (
    "None of these changes was made at these moments. So every keep is a false one, or a coincidence with something "
    "else that people changed; and neighbouring steps share most of their releases, so they are not separate proofs."
)
COLUMNS: Final = (
    "step",
    "proposed",
    "promises",
    "tried",
    "metric",
    "look",
    "looked_at",
    "verdict",
    "decision",
    "adopted",
    "scale",
    "effect",
    "low",
    "high",
    "confidence",
    "before",
    "after",
    "method",
    "missing",
    "end",
    "ended_at",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """A replay, or as much of it as was made.

    Attributes:
        repository: what people call it.
        start: the first step.
        end: what happened at or after this moment is not looked at.
        every: how far apart the steps are.
        improvement: the improvement that was asked for; empty for whichever was proposed.
        steps: what was found.
        planned: how many steps there were to be.
    """

    repository: str
    start: datetime
    end: datetime
    every: timedelta
    improvement: str
    steps: Sequence[Step]
    planned: int

    @property
    def go_on(self) -> datetime | None:
        """The step to go on with; None where all of them were made."""
        return None if len(self.steps) == self.planned else self.start + len(self.steps) * self.every


def document(found: Replayed) -> dict[str, Any]:
    """Return a replay as JSON data."""
    return {
        "format": FORMAT,
        "repository": found.repository,
        "from": instants.write(found.start),
        "to": instants.write(found.end),
        "every": numbers.amount(duration(found.every)),
        "improvement": found.improvement or None,
        "steps": [_step(step) for step in found.steps],
        "summary": summary(found),
        "go_on_from": None if found.go_on is None else instants.write(found.go_on),
    }


def summary(found: Replayed) -> dict[str, Any]:
    """Return how often each thing was proposed, each verdict given, and each end come to."""
    courses = [step.course for step in found.steps if step.course is not None]
    proposed = Counter(step.proposed for step in found.steps)
    del proposed[""]
    looks = Counter(look.check.verdict for course in courses for look in course.looks if look.judged)
    ends = Counter(course.decision if course.ended_at else "unfinished" for course in courses)
    return {
        "steps": len(found.steps),
        "proposed": dict(sorted(proposed.items())),
        "experiments": len(courses),
        "looks": {verdict: looks[verdict] for verdict in ("keep", "revert", "inconclusive")},
        "stopped_for_harm": sum(not look.judged for course in courses for look in course.looks),
        "ends": dict(sorted(ends.items())),
        "warning": WARNING,
    }


def _step(step: Step) -> dict[str, Any]:
    trial = step.proposal.trial
    return {
        "at": instants.write(step.at),
        "decision": step.proposal.decision,
        "proposed": None
        if trial is None
        else {"improvement": trial.improvement, "metric": trial.metric, "promises": numbers.share(trial.expected)},
        "experiment": None if step.course is None else _experiment(step.course),
    }


def _experiment(course: Course) -> dict[str, Any]:
    return {
        "improvement": course.trial.improvement if course.trial else None,
        "metric": course.trial.metric if course.trial else None,
        "looks": [_look(look) for look in course.looks],
        "state": course.state,
        "decision": course.decision,
        "ended_at": None if course.ended_at is None else instants.write(course.ended_at),
    }


def _look(look: Look) -> dict[str, Any]:
    return {
        "at": instants.write(look.check.made_at),
        "judged": look.judged,
        "verdict": look.check.verdict,
        "then": look.check.then,
        "decision": look.decision,
        "adopted": look.check.adopted,
        "effect": look.check.details["effect"],
    }


def to_csv(rows: Iterable[Sequence[str]]) -> str:
    """Return rows as CSV (RFC 4180, with line feeds)."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def rows(step: Step) -> Iterator[list[str]]:
    """Walk the rows of one step in the order of `COLUMNS`: one for each look, and one where there is none."""
    trial, course = step.proposal.trial, step.course
    tried = course.trial if course else None
    start = [instants.write(step.at), step.proposed, numbers.share(trial.expected)["value"] if trial else ""]
    start += [tried.improvement, tried.metric] if tried else ["", ""]
    end = ["", ""]
    if course:
        ended = "" if course.ended_at is None else instants.write(course.ended_at)
        end = [course.decision if ended else "unfinished", ended]
    looks = enumerate(course.looks, start=1) if course and course.looks else [(0, None)]
    for number, look in looks:
        yield [*start, *_cells(number, look), *end]


def _cells(number: int, look: Look | None) -> list[str]:
    if look is None:
        return [""] * 14
    effect = look.check.details["effect"]
    values = [(effect.get(name) or {}).get("value", "") for name in ("estimate", "low", "high", "confidence")]
    counts = [str(effect.get(name, "")) for name in ("before", "after")]
    verdict = look.check.verdict if look.judged else "harm"
    said = [str(number), instants.write(look.check.made_at), verdict, look.decision, look.check.adopted]
    return [*said, effect.get("scale", ""), *values, *counts, effect.get("method", ""), effect["missing"]]


_DAY: Final = 10
_DAYS: Final = frozenset({"started", "looked at"})
"""The columns of days, and how wide those are: a day that is cut would be another day."""


def show(found: Replayed, console: Console) -> None:
    """Print a replay for people: a line for each look, and one for each stretch of steps that came to nothing.

    Args:
        found: what was found.
        console: where to.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("started", "improvement", "looked at", "verdict", "effect", "releases"):
        table.add_column(title, no_wrap=title != "effect", min_width=_DAY if title in _DAYS else None)
    for empty, steps in groupby(found.steps, key=lambda step: step.course is None):
        for row in _nothing(list(steps)) if empty else (row for step in steps for row in _lines(step)):
            table.add_row(*map(escape, row))
    if found.steps:
        console.print(table)
        console.print()
    for line in sentences(found):
        console.print(escape(line))


def _nothing(steps: Sequence[Step]) -> Iterator[tuple[str, ...]]:
    count = "" if len(steps) == 1 else f" ({len(steps)} steps, to {steps[-1].at:%Y-%m-%d})"
    yield f"{steps[0].at:%Y-%m-%d}", f"nothing to try{count}", "", "", "", ""


def _lines(step: Step) -> Iterator[tuple[str, ...]]:
    course = step.course
    if course is None:
        return
    name = course.trial.improvement if course.trial else ""
    started = f"{step.at:%Y-%m-%d}", name
    if not course.looks:
        yield *started, "", "not judged yet" if course.trial else "nothing to compare with", "", ""
    for look in course.looks:
        effect = look.check.details["effect"]
        verdict = look.check.verdict if look.judged else "harm"
        said = verdict if verdict == look.decision else f"{verdict}, {look.decision}"
        shown = effect["missing"] or f"{effect['estimate']['shown']} {_range(effect)}"
        counts = "" if effect["missing"] else f"{effect['before']} → {effect['after']}"
        yield *started, f"{look.check.made_at:%Y-%m-%d}", said, shown, counts
        started = "", ""


def _range(effect: Mapping[str, Any]) -> str:
    return f"[{effect['low']['shown']}, {effect['high']['shown']}]"


def sentences(found: Replayed) -> Iterator[str]:
    """Walk what a replay comes to, in sentences."""
    counts = summary(found)
    proposed = ", ".join(f"{name} {count}" for name, count in counts["proposed"].items())
    yield f"{found.repository}: {counts['steps']} steps of {duration(found.every)} from {found.start:%Y-%m-%d}" + (
        f"; proposed: {proposed}." if proposed else "; nothing was proposed."
    )
    if counts["experiments"]:
        looks = ", ".join(f"{verdict} {count}" for verdict, count in counts["looks"].items())
        yield f"Verdicts: {looks}; stopped for harm: {counts['stopped_for_harm']}."
        ends = ", ".join(f"{name} {count}" for name, count in counts["ends"].items())
        yield f"What became of {counts['experiments']} experiments: {ends}."
        yield WARNING
    if found.go_on is not None:
        yield interrupted(found)


def interrupted(found: Replayed) -> str:
    """Return the sentence that says where to go on with a replay that was interrupted."""
    assert found.go_on is not None  # noqa: S101 - only asked of one that was interrupted
    made = f"{len(found.steps)} of {found.planned} steps"
    return f"Interrupted after {made}. Go on with --from {instants.write(found.go_on)}"
