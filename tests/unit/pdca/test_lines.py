"""The sentences of a report say what is true, and say it once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from iact.pdca import lines
from iact.pdca.plan import Check


def considered(name: str, **said: Any) -> dict[str, Any]:
    """Return an improvement whose condition holds, as a report tells of it."""
    return {"improvement": name, "metric": "lead_time", "truth": "true", "busy_with": "", "tried": "", **said}


def report(state: str, improvement: str | None, *among: dict[str, Any]) -> dict[str, Any]:
    """Return what a report holds of a plan."""
    return {
        "experiment": None,
        "plan": {"improvement": improvement, "metric": "lead_time", "considered": list(among)},
        "decision": {"state": state, "outcome": "", "sentence": ""},
    }


def test_why_nothing_is_tried_is_said_once():
    among = [considered(name, busy_with="faster") for name in ("faster", "other", "third")]

    said = list(lines.decided(report("nothing_to_do", None, *among)))

    assert said == ["Nothing to try: faster is being tried on lead_time. Nothing was changed."]


def test_what_is_refused_names_the_experiment_that_goes_on():
    plan = report("refused", "other", considered("faster", busy_with="faster"), considered("other", busy_with="faster"))

    assert list(lines.decided(plan)) == ["other: refused: faster is being tried on lead_time. Nothing was changed."]


NOW = datetime(2026, 3, 2, tzinfo=UTC)


def check(*, improvement: str | None = None, harmed: bool = False, certain: tuple[str, ...] = ()) -> Check:
    """Return a look at an experiment, by the threshold where an `improvement` is given."""
    threshold = {"improvement": {"value": improvement}, "minimum": {"shown": "15 %"}} if improvement else None
    return Check(
        made_at=NOW,
        applied_at=NOW,
        adopted="true",
        harmed=harmed,
        due=True,
        until=NOW,
        verdict="revert",
        then="wait",
        proven=False,
        details={"certain_harm": list(certain), "threshold": threshold},
    )


@pytest.mark.parametrize(
    ("state", "outcome", "found", "sentence"),
    [
        ("kept", "keep", check(), "Kept: the interval of the effect excludes that nothing improved."),
        (
            "kept",
            "keep",
            check(improvement="0.5714"),
            "Kept by the threshold: 57.1 % better than before, more than 15 %. Unproven.",
        ),
        (
            "reverted",
            "revert",
            check(improvement="0.1"),
            "Taken back by the threshold: 10 % better than before, not more than 15 % better. Unproven.",
        ),
        (
            "reverted",
            "revert",
            check(improvement="-0.2"),
            "Taken back by the threshold: 20 % worse than before, not more than 15 % better. Unproven.",
        ),
        (
            "reverted",
            "revert",
            check(improvement="0"),
            "Taken back by the threshold: as before, not more than 15 % better. Unproven.",
        ),
        (
            "reverted",
            "revert",
            check(),
            "Taken back: the interval of the effect excludes that nothing got worse.",
        ),
        (
            "reverted",
            "revert",
            check(harmed=True, certain=("lead_time",)),
            "Taken back: the harm that `stop_if` names was seen, and lead_time did get worse.",
        ),
        (
            "reverted",
            "revert",
            check(harmed=True, improvement="0.3"),
            "Taken back: the harm that `stop_if` names was seen. Unproven.",
        ),
        (
            "reverted",
            "revert-unclear",
            check(harmed=True, improvement="0.3"),
            "Taken back: nothing certain could be said in time, and `if_unclear` says revert.",
        ),
    ],
)
def test_a_verdict_says_only_what_it_rests_on(state: str, outcome: str, found: Check, sentence: str):
    assert lines.said(state, outcome, None, found) == sentence
