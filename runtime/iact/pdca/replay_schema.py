"""The published JSON Schema of a replay: what other programs may rely on.

It stands in `catalog/schemas/pdca-replay.schema.json`; tests hold the file equal to this and every replay to the file.
A key may be added under the same `format`; one that goes away or changes its meaning needs a new one.
"""

from __future__ import annotations

from typing import Final

from iact.core.document_schema import (
    COUNT,
    DECIMAL,
    DIALECT,
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
from iact.core.truth import Truth
from iact.pdca.effect import Scale
from iact.pdca.replay_report import FORMAT
from iact.pdca.verdict import Verdict

FILE: Final = "pdca-replay.schema.json"


def replay_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a replay."""
    return {
        "$schema": DIALECT,
        "title": "Replay of a history",
        "description": (
            "What would have been proposed at each step of a history, and each look at the experiment that would have "
            "been started. Every number is exact decimal text; `shown` says the same for people."
        ),
        **object_of(
            {
                "format": {"const": FORMAT},
                "repository": TEXT,
                "from": said("the first step", MOMENT),
                "to": said("what happened at or after this moment is not looked at", MOMENT),
                "every": said("how far apart the steps are, in seconds", ref("amount")),
                "improvement": said("what was tried at each step; null for what was proposed", or_null(TEXT)),
                "steps": list_of(ref("step")),
                "summary": ref("summary"),
                "go_on_from": said("the step to go on with after an interruption; else null", or_null(MOMENT)),
            }
        ),
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    verdict = {"enum": [verdict.value for verdict in Verdict]}
    return {
        "amount": object_of({"value": DECIMAL, "shown": TEXT}),
        "change": said(
            "relative (-0.3 is 30 % less), or in points of a share; value is null where it has no bound",
            object_of({"value": or_null(DECIMAL), "shown": TEXT}),
        ),
        "effect": {
            "description": "on the metric that is tried",
            "anyOf": [
                object_of({"missing": said("why nothing could be compared", TEXT), "metric": TEXT}),
                object_of(
                    {
                        "scale": {"enum": [scale.value for scale in Scale]},
                        "estimate": ref("change"),
                        "low": ref("change"),
                        "high": ref("change"),
                        "confidence": ref("amount"),
                        "method": TEXT,
                        "before": said("releases before the change", COUNT),
                        "after": said("releases since", COUNT),
                        "missing": {"const": ""},
                        "metric": TEXT,
                    }
                ),
            ],
        },
        "experiment": object_of(
            {
                "improvement": said("null where nothing could be compared", or_null(TEXT)),
                "metric": said("the metric that is judged; null likewise", or_null(TEXT)),
                "looks": list_of(ref("look")),
                "state": said("of the agent at the end, such as kept", TEXT),
                "decision": said("the last one, such as keep; empty where there was none", TEXT),
                "ended_at": said("null where the history ends before", or_null(MOMENT)),
            }
        ),
        "look": object_of(
            {
                "at": MOMENT,
                "judged": said("false where it was stopped for the harm it did", FLAG),
                "verdict": verdict,
                "then": said("what follows where the verdict is inconclusive", TEXT),
                "decision": said("what was decided, such as keep or extend", TEXT),
                "adopted": said("whether what is tried is practised", {"enum": [truth.value for truth in Truth]}),
                "held_back": said("why a certain improvement is not credited to what is tried", list_of(TEXT)),
                "harmed": said("the metrics of `stop_if` that credibly got worse while it holds", list_of(TEXT)),
                "effect": ref("effect"),
            }
        ),
        "step": object_of(
            {
                "at": MOMENT,
                "decision": said("of planning, such as propose", TEXT),
                "conditions": said(
                    "what the figures say to the condition of each improvement, by its name",
                    {"type": "object", "additionalProperties": {"enum": [truth.value for truth in Truth]}},
                ),
                "proposed": or_null(object_of({"improvement": TEXT, "metric": TEXT, "promises": ref("amount")})),
                "experiment": said("null where nothing was to be tried", or_null(ref("experiment"))),
            }
        ),
        "summary": object_of(
            {
                "steps": COUNT,
                "proposed": said("how often each improvement was", _counts()),
                "experiments": COUNT,
                "looks": object_of({verdict.value: COUNT for verdict in Verdict}),
                "compared": said("at how many looks there were enough releases on both sides", COUNT),
                "stopped_for_harm": COUNT,
                "ends": said("how many experiments came to each end", _counts()),
                "warning": TEXT,
            }
        ),
    }


def _counts() -> Schema:
    return {"type": "object", "additionalProperties": COUNT}
