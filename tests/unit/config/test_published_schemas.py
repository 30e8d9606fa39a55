"""The published schemas: made from the classes, committed as they are made, and never stricter than the reading."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from iact.config.discovery import discover
from iact.config.pages import every_page
from iact.config.publishing import schema_files
from iact.config.schemas import OVERRIDE, every_schema, file_name, resource_schema
from iact.config.source_text import SourceText
from iact.config.yaml_tree import documents
from iact.core.docstrings import example, purpose
from iact.core.problems import Problems
from iact.core.registry import KINDS
from iact.core.shape import part_reader
from iact.core.tree import to_plain
from tests.support.configuration import load_project
from tests.support.project import ROOT

discover()


def test_the_committed_schemas_are_those_of_the_classes():
    """When this fails: `iact schema --write catalog/schemas --pages docs/kinds`."""
    made = schema_files()

    assert {name: (ROOT / "catalog/schemas" / name).read_text() for name in made} == made


def test_the_committed_pages_are_those_of_the_classes():
    """When this fails: `iact schema --write catalog/schemas --pages docs/kinds`."""
    committed = {path.name: path.read_text() for path in (ROOT / "docs/kinds").iterdir()}

    assert committed == every_page()


@pytest.mark.parametrize("name", sorted(every_schema()))
def test_every_schema_is_one(name: str):
    schema = every_schema()[name]

    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema)


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_key_of_every_kind_is_explained(kind: str):
    declared = KINDS[kind].declared_by

    assert purpose(declared)
    assert [field.key for field in part_reader(declared).fields if not field.description] == []


@pytest.mark.parametrize("kind", [kind for kind in KINDS if example(KINDS[kind].declared_by)])
def test_the_example_of_every_page_is_a_resource_of_its_kind(tmp_path: Path, kind: str):
    """It is loaded as a real rule, beside the shipped ones that it may name."""
    text = example(KINDS[kind].declared_by)
    settings = text if kind == "Project" else None
    extending = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: a}\nspec: {extends: [iact], paths: [.]}\n"

    loaded = load_project(tmp_path, {} if settings else {"rule.yaml": text}, settings or extending)

    assert loaded.problems == ()
    [tree] = documents(SourceText("example", text), Problems())
    jsonschema.Draft202012Validator(resource_schema(kind)).validate(to_plain(tree))


@pytest.mark.parametrize(
    ("kind", "file"), [("Project", "project.schema.json"), ("ImprovementPolicy", "improvement-policy.schema.json")]
)
def test_the_file_of_a_kind_is_its_name_in_lower_case(kind: str, file: str):
    assert file_name(kind) == file


def test_in_an_override_nothing_is_required_but_unknown_keys_are_told():
    validator = jsonschema.Draft202012Validator(every_schema()[OVERRIDE])
    override = {"apiVersion": "iact/v1", "kind": "Team", "metadata": {"name": "a"}, "spec": {"slack": "b"}}

    assert validator.is_valid(override)
    assert not validator.is_valid({**override, "spec": {"slak": "b"}})


@pytest.mark.parametrize(
    ("spec", "is_whole"),
    [
        ({"check": {"first": "48h"}}, True),
        ({"expect": {"falls_by": "20%"}}, False),
        ({"expect": {"metric": "lead_time", "falls_by": "20%"}}, True),
    ],
)
def test_what_an_override_replaces_whole_needs_all_its_keys(spec: dict[str, object], *, is_whole: bool):
    validator = jsonschema.Draft202012Validator(every_schema()[OVERRIDE])

    override = {"apiVersion": "iact/v1", "kind": "Improvement", "metadata": {"name": "a"}, "spec": spec}
    assert validator.is_valid(override) is is_whole
