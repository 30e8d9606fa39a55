"""Every shipped rule tells editors which schema it has, and holds it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from referencing import Registry, Resource

from iact.config.source_text import SourceText
from iact.config.yaml_tree import documents
from iact.core.problems import Problems
from iact.core.tree import to_plain
from tests.support.project import ROOT

MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)\n")
FOLDERS = ("agents", "policies", "playbooks", "catalog")
SHIPPED = [ROOT / "iact.yaml", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.yaml")))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_editor_can_check_every_shipped_rule(path: Path):
    text = path.read_text(encoding="utf-8")
    modeline = MODELINE.match(text)
    assert modeline, f"{path} does not begin with its modeline"
    schema_file = (path.parent / modeline[1]).resolve()
    assert schema_file.parent == ROOT / "catalog/schemas"

    validator = jsonschema.Draft202012Validator(json.loads(schema_file.read_text()), registry=every_schema())
    for tree in documents(SourceText(path.name, text), Problems()):
        validator.validate(to_plain(tree))


def every_schema() -> Registry:
    """Give the committed schemas by their file names, as they refer to one another."""
    files = sorted((ROOT / "catalog/schemas").iterdir())
    return Registry().with_resources(
        (path.name, Resource.from_contents(json.loads(path.read_text()))) for path in files
    )
