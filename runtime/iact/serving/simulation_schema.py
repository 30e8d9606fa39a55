"""The published JSON Schema of a play: what other programs may rely on.

It stands in `catalog/schemas/simulation.schema.json`; tests hold the file equal to this and every play to the file.
A key may be added under the same `format`; one that goes away or changes its meaning needs a new one.
"""

from __future__ import annotations

from typing import Any, Final

from iact.core.document_schema import (
    COUNT,
    DIALECT,
    DIGEST,
    FLAG,
    MOMENT,
    TEXT,
    Schema,
    list_of,
    object_of,
    or_null,
    ref,
    said,
)
from iact.core.machine import Mode
from iact.serving.simulating import FORMAT

FILE: Final = "simulation.schema.json"
_ENDINGS: Final = ["finished", "failed", "unknown", "later", "observed", "proposed", "approved", "rejected"]


def simulation_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of what `iact simulate --format json` prints."""
    return {
        "$schema": DIALECT,
        "title": "Play of a project",
        "description": "What would happen to a project and be done by it, from one moment to another, in order.",
        **object_of(
            {
                "format": {"const": FORMAT},
                "project": TEXT,
                "rules": said("digest of all its rules", DIGEST),
                "scenario": said("name of what was given; null where nothing was", or_null(TEXT)),
                "begin": MOMENT,
                "end": MOMENT,
                "timeline": list_of(
                    {"anyOf": [ref(kind) for kind in ("started", "moved", "action", "job", "given")]},
                ),
                "at_the_end": ref("at_the_end"),
                "schedule": said("every job of the schedule, those included that the time line leaves out", _jobs()),
                "not_given": said("how often each fact was asked for that neither scenario nor store knows", _counts()),
                "not_reached": said("how much of the scenario comes only after the end", COUNT),
                "summary": object_of(
                    {
                        "started": said("runs that began", COUNT),
                        "moved": said("how often a run went from state to state", COUNT),
                        "ended": said("runs that ended, by what the last decision meant, or the state", _counts()),
                        "actions": said("by what came of them", _counts()),
                    }
                ),
            }
        ),
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    modes = {"enum": [mode.value for mode in Mode]}
    anything: dict[str, Any] = {"type": "object"}
    return {
        "started": _of_a_run("started", to=said("the first state", TEXT), mode=modes),
        "moved": _of_a_run(
            "moved",
            **{"from": TEXT},
            to=TEXT,
            decides=said("what the way means, such as GO; null where it has no word", or_null(TEXT)),
            final=said("whether the run has ended", FLAG),
            trigger=said("why it was asked, such as `event finished` or `timer`", TEXT),
            rule=said("file, line and column of the way that was taken", TEXT),
            because=said("each comparison with what it saw, a line each", list_of(TEXT)),
        ),
        "action": _of_a_run(
            "action",
            action=TEXT,
            arguments=said("what it would be told", anything),
            mode=modes,
            comes_to={"enum": _ENDINGS},
            says=TEXT,
        ),
        "job": object_of(
            {
                "at": MOMENT,
                "kind": {"const": "job"},
                "job": TEXT,
                "failed": FLAG,
                "says": TEXT,
            }
        ),
        "given": object_of({"at": MOMENT, "kind": {"const": "given"}, "says": TEXT}),
        "at_the_end": object_of(
            {
                "runs": said("that go on, the newest first, 50 of them at most", list_of(ref("run"))),
                "going_on": said("how many go on", COUNT),
                "trouble": list_of(
                    object_of(
                        {
                            "run": TEXT,
                            "failures": COUNT,
                            "why": TEXT,
                            "tried_again_at": or_null(MOMENT),
                            "waits_for_a_person_since": or_null(MOMENT),
                        }
                    )
                ),
                "for_a_person": list_of(object_of({"run": TEXT, "action": TEXT, "key": TEXT, "status": TEXT})),
            }
        ),
        "run": object_of(
            {
                "run": TEXT,
                "agent": TEXT,
                "subject": TEXT,
                "state": TEXT,
                "outcome": TEXT,
                "started_at": MOMENT,
                "entered_at": MOMENT,
                "ended_at": or_null(MOMENT),
                "next_due": or_null(MOMENT),
            }
        ),
    }


def _of_a_run(kind: str, **more: Schema) -> Schema:
    return object_of({"at": MOMENT, "kind": {"const": kind}, "run": TEXT, "agent": TEXT, "about": TEXT, **more})


def _jobs() -> Schema:
    return list_of(object_of({"job": TEXT, "times": COUNT, "failed": COUNT, "next": or_null(MOMENT)}))


def _counts() -> Schema:
    return {"type": "object", "additionalProperties": COUNT}
