"""The published JSON Schemas (draft 2020-12): made from the classes, and what every resource is held against."""

from __future__ import annotations

import copy
import functools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

import jsonschema

from iact.config.envelope import API_VERSION, metadata_schema
from iact.config.merge import merged_below
from iact.core.docstrings import purpose
from iact.core.problems import Problem
from iact.core.readers import Reader
from iact.core.registry import KINDS
from iact.core.shape import part_reader, schema_of
from iact.core.tree import MappingNode, Position, SequenceNode, Tree, to_plain

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
ANY_KIND: Final = "iact.schema.json"
"""File of the schema that takes a resource of any kind, for files that hold several."""
OVERRIDE: Final = "override.schema.json"
"""File of the schema in which nothing is required, for files that override what is extended."""


def file_name(kind: str) -> str:
    """Return the file of a kind's schema: `PdcaPolicy` is in `pdca-policy.schema.json`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind).lower() + ".schema.json"


def resource_schema(kind: str) -> dict[str, Any]:
    """Return the JSON Schema of a whole resource of a kind."""
    declared = KINDS[kind].declared_by
    spec = schema_of(declared)
    definitions = spec.pop("$defs", {})
    schema: dict[str, Any] = {
        "$schema": DRAFT,
        "title": kind,
        "description": purpose(declared),
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": metadata_schema(),
            "spec": spec,
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
    }
    return schema | {"$defs": definitions} if definitions else schema


def every_schema() -> dict[str, dict[str, Any]]:
    """Return every schema that is published, by file name."""
    schemas = {file_name(kind): resource_schema(kind) for kind in KINDS}
    schemas[ANY_KIND] = _any_kind({kind: {"$ref": file_name(kind)} for kind in KINDS})
    overrides = {kind: _nothing_required(resource_schema(kind)) for kind in KINDS}
    schemas[OVERRIDE] = _any_kind({kind: {"$ref": f"#/$defs/{kind}"} for kind in KINDS}) | {
        "$defs": _renamed(overrides)
    }
    return schemas


def write(schema: dict[str, Any]) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def schema_problems(resources: Iterable[tuple[str, Tree]]) -> Iterator[Problem]:
    """Yield where a `spec` departs from the published schema of its kind.

    The reading of each field has said what is wrong in better words; what is still found here is a contract that the
    published schema makes and the reading forgot.
    """
    for kind, spec in resources:
        for error in validator(kind).iter_errors(to_plain(spec)):
            position = _position(spec, list(error.absolute_path))
            yield Problem(rule="schema", position=position, message=f"{error.message} (schema of {kind}).")


@functools.cache
def validator(kind: str) -> Any:
    """Return the validator of the `spec` of a kind, made once."""
    # That the schema is one is held by a test: checking it against the meta-schema takes longer than a project.
    return jsonschema.Draft202012Validator({"$schema": DRAFT, **schema_of(KINDS[kind].declared_by)})


def _position(tree: Tree, path: list[str | int]) -> Position:
    for step in path:
        if isinstance(tree, MappingNode) and isinstance(step, str) and (below := tree.get(step)) is not None:
            tree = below
        elif isinstance(tree, SequenceNode) and isinstance(step, int):
            tree = tree.items[step]
    return tree.position


def _any_kind(references: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "$schema": DRAFT,
        "title": "iact",
        "description": "A resource of any kind.",
        "type": "object",
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": list(references)}},
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": reference}
            for kind, reference in references.items()
        ],
    }


def _nothing_required(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a resource's schema with no key of `spec` required, but in what an override replaces whole."""
    partial = copy.deepcopy(schema)
    partial.pop("$schema")
    _forget_required(partial["properties"]["spec"], part_reader(KINDS[partial["title"]].declared_by))
    return partial


def _forget_required(schema: dict[str, Any], reader: Reader | None) -> None:
    below = merged_below(reader)
    if below is None:
        return
    schema.pop("required", None)
    for key, written in schema.get("properties", {}).items():
        _forget_required(written, below(key))
    if isinstance(values := schema.get("additionalProperties"), dict):
        _forget_required(values, below(""))


def _renamed(schemas: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schemas of all kinds as definitions of one file, their own definitions beside them."""
    definitions: dict[str, Any] = {}
    for kind, schema in schemas.items():
        definitions |= schema.pop("$defs", {})
        definitions[kind] = schema
    return dict(sorted(definitions.items()))
