"""What a replay found, for people: a line for each look that could tell something, and the others gathered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final

from rich.console import Console
from rich.markup import escape

from iact.core import instants
from iact.core.quantities import duration
from iact.pdca.replay import Course, Look, Step
from iact.pdca.replay_report import WARNING, Replayed, is_compared, summary

NO_VERDICT: Final = (
    "None of these changes was made at these moments, and no verdict said otherwise. That is to be expected of one "
    "that is not credulous; whether it finds a change that was made, docs/pdca.md says."
)
_INDENT: Final = "  "
_SHOWN: Final = 10
"""How many moments of keeps are named."""


def show(found: Replayed, console: Console) -> None:
    """Print a replay for people; a line is never cut, and only a terminal wraps it.

    Args:
        found: what was found.
        console: where to.
    """
    for _, steps in groupby(enumerate(found.steps), key=lambda numbered: _kind(*numbered)):
        for line in _lines([step for _, step in steps]):
            console.print(escape(line), soft_wrap=True)
    if found.steps:
        console.print()
    for line in sentences(found):
        console.print(escape(line))


def _kind(number: int, step: Step) -> tuple[str, ...]:
    """Return what a step has in common with its neighbours, so that they are told together; else its number."""
    course = step.course
    if course is None:
        return ("nothing", *_conditions(step.proposal))
    if any(is_compared(look) or not look.judged for look in course.looks):
        return (str(number),)
    return _name(course), _end(course)


def _lines(steps: Sequence[Step]) -> Iterator[str]:
    first, course = steps[0], steps[0].course
    when = f"{first.at:%Y-%m-%d}"
    if len(steps) > 1:
        when += f" to {steps[-1].at:%Y-%m-%d} ({len(steps)} steps)"
    if course is None:
        yield f"{when}  nothing to try: {', '.join(_conditions(first.proposal))}"
        return
    looks = [look for step in steps if step.course for look in step.course.looks]
    if any(is_compared(look) or not look.judged for look in looks):
        yield f"{when}  {_name(course)}"
        yield from (_INDENT + _look(look) for look in looks)
        return
    yield f"{when}  {_name(course)}: {_end(course)}"
    reasons = Counter((look.check.verdict, look.check.details["effect"]["missing"]) for look in looks)
    for (verdict, reason), count in reasons.most_common():
        yield f"{_INDENT}{verdict} at {_number(count, 'look')}: {reason}"


def _conditions(proposal: Course) -> tuple[str, ...]:
    """Return in a few words why nothing is to be tried."""
    if proposal.trial is not None:
        return (f"{proposal.trial.improvement} promises too little",)
    counts = Counter(proposal.conditions.values())
    if not counts:
        return ("there is no improvement",)
    if counts["true"]:
        return ("the metric of what could be tried is not known",)
    said = [f"{counts[truth]} {truth}" for truth in ("false", "unknown") if counts[truth]]
    return (f"no condition is true ({', '.join(said)})",)


def _name(course: Course) -> str:
    return course.trial.improvement if course.trial else "nothing to compare with"


def _end(course: Course) -> str:
    """Return what became of an experiment of which no look told anything."""
    if course.ended_at is not None:
        return course.decision
    return "unfinished" if course.looks else "not judged yet" if course.trial else course.state


def _look(look: Look) -> str:
    effect, harmed = look.check.details["effect"], look.check.details["certain_harm"]
    verdict = look.check.verdict if look.judged else "harm"
    decided = verdict if verdict == look.decision else f"{verdict}, {look.decision}"
    said = f"{look.check.made_at:%Y-%m-%d}  {decided}: "
    if not look.judged and harmed:
        said += f"{', '.join(harmed)} credibly got worse; {effect['metric']} "
    if effect["missing"]:
        return f"{said}{effect['missing']}"
    interval = f"[{effect['low']['shown']}, {effect['high']['shown']}]"
    said += f"{effect['estimate']['shown']} {interval}, {effect['before']} → {effect['after']} releases"
    return "; but ".join([said, *look.check.details["held_back"]])


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
        total = sum(counts["looks"].values()) + counts["stopped_for_harm"]
        yield f"Enough releases to compare: at {counts['compared']} of {_number(total, 'look')}."
        ends = ", ".join(f"{name} {count}" for name, count in counts["ends"].items())
        yield f"What became of {counts['experiments']} experiments: {ends}."
        yield from _kept(found)
        gave_one = counts["looks"]["keep"] or counts["looks"]["revert"] or counts["stopped_for_harm"]
        yield WARNING if gave_one else NO_VERDICT
    if found.go_on is not None:
        yield interrupted(found)


def _kept(found: Replayed) -> Iterator[str]:
    """Walk the sentence that says when something would have been kept."""
    keeps = Counter(
        (step.course.trial.improvement, f"{look.check.made_at:%Y-%m-%d}")
        for step in found.steps
        if step.course is not None and step.course.trial is not None
        for look in step.course.looks
        if look.judged and look.check.verdict == "keep"
    )
    if keeps:
        said = [f"{name} on {day} ({_number(count, 'experiment')})" for (name, day), count in keeps.items()]
        more = f", and on {_number(len(said) - _SHOWN, 'more day')}" if len(said) > _SHOWN else ""
        yield f"Kept: {', '.join(said[:_SHOWN])}{more}."


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def interrupted(found: Replayed) -> str:
    """Return the sentence that says where to go on with a replay that was interrupted."""
    assert found.go_on is not None  # noqa: S101 - only asked of one that was interrupted
    made = f"{len(found.steps)} of {found.planned} steps"
    return f"Interrupted after {made}. Go on with --from {instants.write(found.go_on)}"
