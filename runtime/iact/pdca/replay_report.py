"""What a replay found: as JSON data, and as a table for other programs."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from iact.core import instants
from iact.core.quantities import duration
from iact.pdca import numbers
from iact.pdca.replay import Course, Look, Step

FORMAT: Final = "iact/pdca-replay/v1"
WARNING: Final = (
    "None of these changes was made at these moments. So every keep is a false one, or a coincidence with something "
    "else that people changed, and so is every stop for harm; and neighbouring steps share most of their releases, so "
    "they are not separate proofs."
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
    "held_back",
    "harmed",
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
    """Return how often each thing was proposed, each verdict given, and each end come to.

    `compared` counts the looks at which releases were enough to compare: only these could have come to a verdict.
    """
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
        "compared": sum(is_compared(look) for course in courses for look in course.looks),
        "stopped_for_harm": sum(not look.judged for course in courses for look in course.looks),
        "ends": dict(sorted(ends.items())),
        "warning": WARNING,
    }


def is_compared(look: Look) -> bool:
    """Return whether there were enough releases on both sides of a look to compare them."""
    return not look.check.details["effect"]["missing"]


def _step(step: Step) -> dict[str, Any]:
    trial = step.proposal.trial
    return {
        "at": instants.write(step.at),
        "decision": step.proposal.decision,
        "conditions": dict(step.proposal.conditions),
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
        "held_back": look.check.details["held_back"],
        "harmed": look.check.details["certain_harm"],
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
        why = [look.check.details[key] if look else [] for key in ("held_back", "certain_harm")]
        yield [*start, *_cells(number, look), *end, *("; ".join(reasons) for reasons in why)]


def _cells(number: int, look: Look | None) -> list[str]:
    if look is None:
        return [""] * 14
    effect = look.check.details["effect"]
    values = [(effect.get(name) or {}).get("value", "") for name in ("estimate", "low", "high", "confidence")]
    counts = [str(effect.get(name, "")) for name in ("before", "after")]
    verdict = look.check.verdict if look.judged else "harm"
    said = [str(number), instants.write(look.check.made_at), verdict, look.decision, look.check.adopted]
    return [*said, effect.get("scale", ""), *values, *counts, effect.get("method", ""), effect["missing"]]
