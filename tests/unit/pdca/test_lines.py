"""The sentences of a report say what is true, and say it once."""

from __future__ import annotations

from typing import Any

from iact.pdca import lines


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
