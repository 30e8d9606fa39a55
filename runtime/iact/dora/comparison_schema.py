"""The published JSON Schema of definitions side by side; its parts are those of the delivery report.

It stands in `catalog/schemas/dora-comparison.schema.json`; a test holds the file equal to this.
"""

from __future__ import annotations

from typing import Final

from iact.core.document_schema import Schema, object_of
from iact.dora.comparison import FORMAT
from iact.dora.report_schema import report_schema
from iact.dora.terms import DeliveryFigure

FILE: Final = "dora-comparison.schema.json"


def comparison_schema() -> Schema:
    """Return the JSON Schema (draft 2020-12) of a comparison."""
    report = report_schema()
    parts = report["$defs"]
    metric = _without(parts["metric"], "trend")
    classes = {"anyOf": [{"$ref": "#/$defs/classes"}, {"type": "null"}]}
    definition = parts["metric"]["properties"]["definition"]
    return {
        "$schema": report["$schema"],
        "title": "Definitions side by side",
        "description": (
            "The delivery figures of one repository in one window, each by several definitions. Numbers are exact "
            "decimal text in the unit that stands beside them; what is unknown is null and has a reason."
        ),
        **object_of(
            {
                "format": {"const": FORMAT},
                "repository": {"type": "string"},
                "window": report["properties"]["window"],
                "definitions": {
                    "type": "array",
                    "items": object_of(
                        {
                            **definition["properties"],
                            "classes": classes,
                            "missing": {
                                "description": "why figures are unknown",
                                "type": "array",
                                "items": {"type": "string"},
                            },
                        }
                    ),
                },
                "figures": {
                    "type": "array",
                    "items": object_of(
                        {
                            "figure": {"enum": [figure.value for figure in DeliveryFigure]},
                            "by": {
                                "description": "by the name of each definition; null where it does not compute it",
                                "type": "object",
                                "additionalProperties": {"anyOf": [{"$ref": "#/$defs/metric"}, {"type": "null"}]},
                            },
                        }
                    ),
                },
            }
        ),
        "$defs": {name: parts[name] for name in ("amount", "class", "classes", "interval", "missing")}
        | {"metric": metric},
    }


def _without(schema: Schema, key: str) -> Schema:
    return object_of({name: part for name, part in schema["properties"].items() if name != key})
