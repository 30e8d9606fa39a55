"""The published JSON Schema of the delivery report: what other programs may rely on.

It stands in `catalog/schemas/dora-report.schema.json`; tests hold the file equal to this and every report to the file.
A key may be added under the same `format`; one that goes away or changes its meaning needs a new one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from iact.dora.figures import PRESENTED, Unit
from iact.dora.report import FORMAT
from iact.dora.terms import Better

FILE: Final = "dora-report.schema.json"

Schema = dict[str, Any]


def report_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a report document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Delivery report",
        "description": (
            "The delivery metrics of one repository in one window. Every number is exact decimal text in the unit that "
            "stands beside it (seconds, per week, share with 1 = 100 %); `shown` says the same for people. What is "
            "unknown is null and has a reason."
        ),
        **_object(
            {
                "format": {"const": FORMAT},
                "repository": _object(
                    {
                        "name": _TEXT,
                        "mainline": _TEXT,
                        "changes": _COUNT,
                        "deployments": _COUNT,
                        "reverts": _COUNT,
                        "failure_sources": _list(_TEXT),
                        "notes": _list(_TEXT),
                    }
                ),
                "definitions": _said("the name of the definition", _TEXT),
                "definition": _said("the definition; null where the metrics are of none", _or_null(_REFERENCE)),
                "window": _object({**_WINDOW, "to_is": {"enum": ["given", "now"]}}),
                "history": _object(
                    {
                        "known_from": _said("since when a deployment would be known", _or_null(_MOMENT)),
                        "changes": _said("how many were made up to the end of the window", _COUNT),
                        "deployments": _said("how many there were up to the end of the window", _COUNT),
                        "first": _or_null(_ref("named_deployment")),
                        "last": _or_null(_ref("named_deployment")),
                    }
                ),
                "metrics": _list(_ref("metric")),
                "classes": _said("what classes the figures; null where nothing does", _or_null(_ref("classes"))),
                "targets": _said("how far figures have come; null where nobody asks", _or_null(_ref("targets"))),
                "breakdown": _or_null(_ref("breakdown")),
                "deployments": _said("those of the window, the earliest first", _list(_ref("deployment"))),
                "waiting": _ref("waiting"),
                "missing": _said("why figures are unknown, each reason once", _list(_ref("missing_metrics"))),
                "cycles": _said("what agents recorded; null where there is no file", _or_null(_ref("cycles"))),
            }
        ),
        "$defs": _definitions(),
    }


def write_schema() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(report_schema(), indent=2, ensure_ascii=False) + "\n"


def _definitions() -> Schema:
    return {
        "amount": _object({"value": _DECIMAL, "shown": _TEXT}),
        "breakdown": _object(
            {
                "metric": _said("whose duration it parts", _TEXT),
                "stages": _list(
                    _object(
                        {
                            "stage": _TEXT,
                            "share": _said("of the summed time of the changes of which every stage is known", _AMOUNT),
                            "median": _AMOUNT,
                            "n": _COUNT,
                        }
                    )
                ),
                "distribution": _list(
                    _object({"low": _DECIMAL, "high": _or_null(_DECIMAL), "shown": _TEXT, "count": _COUNT})
                ),
                "slowest": _list(_ref("slow_change")),
                "agents": _or_null(_object({"by_agent": _GROUP, "by_people": _GROUP})),
            }
        ),
        "class": _object(
            {
                "class": _said("null where no band holds the value, or it is unknown", _or_null(_TEXT)),
                "shown": _TEXT,
                "interval_reaches": _said("the other classes that the interval holds values of", _list(_TEXT)),
                "bands": _said("the name and year of the bands", _TEXT),
            }
        ),
        "classes": _object(
            {
                "name": _said("of the bands", _TEXT),
                "version": _TEXT,
                "digest": _DIGEST,
                "year": _COUNT,
                "source": _said("where the limits are published", _TEXT),
                "label": _TEXT,
                "overall": _said("the class of all figures together; null where there is none", _or_null(_TEXT)),
                "classed": _said("how many figures have a class", _COUNT),
                "figures": _said("of how many that the bands class", _COUNT),
                "shown": _TEXT,
            }
        ),
        "cycles": _object(
            {
                "file": _TEXT,
                "ended": _said("how many cycles ended in the window", _COUNT),
                "going_on": _COUNT,
                "lead_time": _said("the median of the sums of their phases", _or_null(_ref("cycle_figure"))),
                "failed": _said("the share that did not end with success", _or_null(_ref("cycle_figure"))),
                "phases": _list(
                    _object({"phase": _TEXT, "n": _COUNT, "median": _ref("amount"), "share": _AMOUNT}),
                ),
            }
        ),
        "cycle_figure": _object(
            {"value": _DECIMAL, "shown": _TEXT, "interval": _or_null(_ref("interval")), "no_interval": _TEXT}
        ),
        "deployment": _object(
            {
                "key": _TEXT,
                "name": _TEXT,
                "deployed_at": _MOMENT,
                "changes": _COUNT,
                "failed": _said("null where failures are not looked for", _or_null(_FLAG)),
                "rework": _said("likewise", _or_null(_FLAG)),
                "median": _said("of the metric that `breakdown` names", _AMOUNT),
            }
        ),
        "interval": _object(
            {
                "low": _DECIMAL,
                "high": _DECIMAL,
                "shown": _TEXT,
                "method": _TEXT,
                "source": _TEXT,
                "confidence": _DECIMAL,
            }
        ),
        "metric": _object(
            {
                "name": _TEXT,
                "label": _TEXT,
                "question": _TEXT,
                "value": _or_null(_DECIMAL),
                "unit": {"enum": [unit.value for unit in Unit]},
                "shown": _TEXT,
                "presented": _object({"value": _or_null(_DECIMAL), "unit": {"enum": list(PRESENTED)}}),
                "n": _said("how many rows it was computed from", _COUNT),
                "clusters": _said("how many deployments those belong to", _COUNT),
                "interval": _or_null(_ref("interval")),
                "no_interval": _said("why there is none; empty where there is one, or no value", _TEXT),
                "missing": _or_null(_ref("missing")),
                "better": {"enum": [direction.value for direction in Better]},
                "statistic": _TEXT,
                "window": _object(_WINDOW),
                "observed": _said("the part that the known history covers", _object(_WINDOW)),
                "definition": _REFERENCE,
                "left_out": _list(_object({"reason": _TEXT, "count": _COUNT})),
                "trend": _list(_ref("trend_point")),
                "class": _said("null where nothing classes it", _or_null(_ref("class"))),
            }
        ),
        "missing": _object({"reason": _TEXT, "add": _list(_TEXT), "see": _TEXT}),
        "missing_metrics": _object({"metrics": _list(_TEXT), "reason": _TEXT, "add": _list(_TEXT), "see": _TEXT}),
        "named_deployment": _object({"name": _TEXT, "deployed_at": _MOMENT}),
        "slow_change": _object(
            {
                "sha": _TEXT,
                "subject": _TEXT,
                "deployment": _TEXT,
                "deployed_at": _MOMENT,
                "total": _ref("amount"),
                "stages": _or_null(_list(_object({"stage": _TEXT, "time": _ref("amount")}))),
                "agent": _said("whether an AI agent made it", _FLAG),
            }
        ),
        "targets": _object(
            {
                "name": _TEXT,
                "version": _TEXT,
                "digest": _DIGEST,
                "begins": _or_null(_MOMENT),
                "over": _TEXT,
                "elapsed": _said("the share of the time that is gone; null where no beginning is known", _AMOUNT),
                "figures": _list(
                    _object(
                        {
                            "figure": _TEXT,
                            "baseline": _TEXT,
                            "target": _TEXT,
                            "present": _or_null(_TEXT),
                            "interval": _or_null(_TEXT),
                            "share_of_way": _said("below 0 where it went the other way", _AMOUNT),
                            "interval_of_way": _or_null(_list(_ref("amount"))),
                            "reached": _said("credibly only where the whole interval is beyond the target", _TEXT),
                            "on_track": _said("by the time that is gone", _TEXT),
                            "missing": _said("why it is not known", _TEXT),
                        }
                    )
                ),
            }
        ),
        "trend_point": _object(
            {"from": _MOMENT, "to": _MOMENT, "value": _or_null(_DECIMAL), "shown": _or_null(_TEXT), "n": _COUNT}
        ),
        "waiting": _object(
            {
                "count": _said("changes on the main line that no deployment contained at the window's end", _COUNT),
                "median": _AMOUNT,
                "oldest": _or_null(_object({"sha": _TEXT, "subject": _TEXT, "waited": _ref("amount")})),
            }
        ),
    }


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _list(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _said(description: str, schema: Schema) -> Schema:
    return {"description": description, **schema}


_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_DECIMAL: Final[Schema] = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_DIGEST: Final[Schema] = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}
_AMOUNT: Final[Schema] = _or_null(_ref("amount"))
_WINDOW: Final[Schema] = {"from": _MOMENT, "to": _MOMENT, "length": _ref("amount")}
_REFERENCE: Final[Schema] = _object({"name": _TEXT, "version": _TEXT, "digest": _DIGEST})
_GROUP: Final[Schema] = _object({"median": _AMOUNT, "n": _COUNT})
