"""The published JSON Schema of the delivery report: what other programs may rely on.

It stands in `catalog/schemas/dora-report.schema.json`; tests hold the file equal to this and every report to the file.
A key may be added under the same `format`; one that goes away or changes its meaning needs a new one.
"""

from __future__ import annotations

from typing import Final

from iact.core.document_schema import (
    COUNT,
    DECIMAL,
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
from iact.dora.figures import PRESENTED, Unit
from iact.dora.report import FORMAT
from iact.dora.terms import Better

FILE: Final = "dora-report.schema.json"


def report_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a report document."""
    return {
        "$schema": DIALECT,
        "title": "Delivery report",
        "description": (
            "The delivery metrics of one repository in one window. Every number is exact decimal text in the unit that "
            "stands beside it (seconds, per week, share with 1 = 100 %); `shown` says the same for people. What is "
            "unknown is null and has a reason."
        ),
        **object_of(
            {
                "format": {"const": FORMAT},
                "repository": object_of(
                    {
                        "name": TEXT,
                        "mainline": TEXT,
                        "changes": COUNT,
                        "deployments": COUNT,
                        "reverts": COUNT,
                        "failure_sources": list_of(TEXT),
                        "notes": list_of(TEXT),
                    }
                ),
                "definitions": said("the name of the definition", TEXT),
                "definition": said("the definition; null where the metrics are of none", or_null(_REFERENCE)),
                "window": object_of({**_WINDOW, "to_is": {"enum": ["given", "now"]}}),
                "history": object_of(
                    {
                        "known_from": said("since when a deployment would be known", or_null(MOMENT)),
                        "changes": said("how many were made up to the end of the window", COUNT),
                        "deployments": said("how many there were up to the end of the window", COUNT),
                        "first": or_null(ref("named_deployment")),
                        "last": or_null(ref("named_deployment")),
                    }
                ),
                "metrics": list_of(ref("metric")),
                "classes": said("what classes the figures; null where nothing does", or_null(ref("classes"))),
                "targets": said("how far figures have come; null where nobody asks", or_null(ref("targets"))),
                "breakdown": or_null(ref("breakdown")),
                "deployments": said("those of the window, the earliest first", list_of(ref("deployment"))),
                "waiting": ref("waiting"),
                "missing": said("why figures are unknown, each reason once", list_of(ref("missing_metrics"))),
                "cycles": said("what agents recorded; null where there is no file", or_null(ref("cycles"))),
            }
        ),
        "$defs": _definitions(),
    }


def _definitions() -> Schema:
    return {
        "amount": object_of({"value": DECIMAL, "shown": TEXT}),
        "breakdown": object_of(
            {
                "metric": said("whose duration it parts", TEXT),
                "stages": list_of(
                    object_of(
                        {
                            "stage": TEXT,
                            "share": said("of the summed time of the changes of which every stage is known", _AMOUNT),
                            "median": _AMOUNT,
                            "n": COUNT,
                        }
                    )
                ),
                "distribution": list_of(
                    object_of({"low": DECIMAL, "high": or_null(DECIMAL), "shown": TEXT, "count": COUNT})
                ),
                "slowest": list_of(ref("slow_change")),
                "agents": or_null(object_of({"by_agent": _GROUP, "by_people": _GROUP})),
            }
        ),
        "class": object_of(
            {
                "class": said("null where no band holds the value, or it is unknown", or_null(TEXT)),
                "shown": TEXT,
                "interval_reaches": said("the other classes that the interval holds values of", list_of(TEXT)),
                "bands": said("the name and year of the bands", TEXT),
            }
        ),
        "classes": object_of(
            {
                "name": said("of the bands", TEXT),
                "version": TEXT,
                "digest": DIGEST,
                "year": COUNT,
                "source": said("where the limits are published", TEXT),
                "label": TEXT,
                "overall": said("the class of all figures together; null where there is none", or_null(TEXT)),
                "classed": said("how many figures have a class", COUNT),
                "figures": said("of how many that the bands class", COUNT),
                "shown": TEXT,
            }
        ),
        "cycles": object_of(
            {
                "file": TEXT,
                "ended": said("how many cycles ended in the window", COUNT),
                "going_on": COUNT,
                "lead_time": said("the median of the sums of their phases", or_null(ref("cycle_figure"))),
                "failed": said("the share that did not end with success", or_null(ref("cycle_figure"))),
                "phases": list_of(
                    object_of({"phase": TEXT, "n": COUNT, "median": ref("amount"), "share": _AMOUNT}),
                ),
            }
        ),
        "cycle_figure": object_of(
            {"value": DECIMAL, "shown": TEXT, "interval": or_null(ref("interval")), "no_interval": TEXT}
        ),
        "deployment": object_of(
            {
                "key": TEXT,
                "name": TEXT,
                "deployed_at": MOMENT,
                "changes": COUNT,
                "failed": said("null where failures are not looked for", or_null(FLAG)),
                "rework": said("likewise", or_null(FLAG)),
                "median": said("of the metric that `breakdown` names", _AMOUNT),
            }
        ),
        "interval": object_of(
            {
                "low": DECIMAL,
                "high": DECIMAL,
                "shown": TEXT,
                "method": TEXT,
                "source": TEXT,
                "confidence": DECIMAL,
            }
        ),
        "metric": object_of(
            {
                "name": TEXT,
                "label": TEXT,
                "question": TEXT,
                "value": or_null(DECIMAL),
                "unit": {"enum": [unit.value for unit in Unit]},
                "shown": TEXT,
                "presented": object_of({"value": or_null(DECIMAL), "unit": {"enum": list(PRESENTED)}}),
                "n": said("how many rows it was computed from", COUNT),
                "clusters": said("how many deployments those belong to", COUNT),
                "interval": or_null(ref("interval")),
                "no_interval": said("why there is none; empty where there is one, or no value", TEXT),
                "missing": or_null(ref("missing")),
                "better": {"enum": [direction.value for direction in Better]},
                "statistic": TEXT,
                "window": object_of(_WINDOW),
                "observed": said("the part that the known history covers", object_of(_WINDOW)),
                "definition": _REFERENCE,
                "left_out": list_of(object_of({"reason": TEXT, "count": COUNT})),
                "trend": list_of(ref("trend_point")),
                "class": said("null where nothing classes it", or_null(ref("class"))),
            }
        ),
        "missing": object_of({"reason": TEXT, "add": list_of(TEXT), "see": TEXT}),
        "missing_metrics": object_of({"metrics": list_of(TEXT), "reason": TEXT, "add": list_of(TEXT), "see": TEXT}),
        "named_deployment": object_of({"name": TEXT, "deployed_at": MOMENT}),
        "slow_change": object_of(
            {
                "sha": TEXT,
                "subject": TEXT,
                "deployment": TEXT,
                "deployed_at": MOMENT,
                "total": ref("amount"),
                "stages": or_null(list_of(object_of({"stage": TEXT, "time": ref("amount")}))),
                "agent": said("whether an AI agent made it", FLAG),
            }
        ),
        "targets": object_of(
            {
                "name": TEXT,
                "version": TEXT,
                "digest": DIGEST,
                "begins": or_null(MOMENT),
                "over": TEXT,
                "elapsed": said("the share of the time that is gone; null where no beginning is known", _AMOUNT),
                "figures": list_of(
                    object_of(
                        {
                            "figure": TEXT,
                            "baseline": TEXT,
                            "target": TEXT,
                            "present": or_null(TEXT),
                            "interval": or_null(TEXT),
                            "share_of_way": said("below 0 where it went the other way", _AMOUNT),
                            "interval_of_way": or_null(list_of(ref("amount"))),
                            "reached": said("credibly only where the whole interval is beyond the target", TEXT),
                            "on_track": said("by the time that is gone", TEXT),
                            "missing": said("why it is not known", TEXT),
                        }
                    )
                ),
            }
        ),
        "trend_point": object_of(
            {"from": MOMENT, "to": MOMENT, "value": or_null(DECIMAL), "shown": or_null(TEXT), "n": COUNT}
        ),
        "waiting": object_of(
            {
                "count": said("changes on the main line that no deployment contained at the window's end", COUNT),
                "median": _AMOUNT,
                "oldest": or_null(object_of({"sha": TEXT, "subject": TEXT, "waited": ref("amount")})),
            }
        ),
    }


_AMOUNT: Final[Schema] = or_null(ref("amount"))
_WINDOW: Final[Schema] = {"from": MOMENT, "to": MOMENT, "length": ref("amount")}
_REFERENCE: Final[Schema] = object_of({"name": TEXT, "version": TEXT, "digest": DIGEST})
_GROUP: Final[Schema] = object_of({"median": _AMOUNT, "n": COUNT})
