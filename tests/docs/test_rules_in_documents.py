"""The rules that documents show are right, and the errors that they show are those that one gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from iact.config.rendering import render_all
from tests.support.configuration import load_project
from tests.support.project import Block, blocks, documents

EXTENDING = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: a}\nspec: {extends: [iact], paths: [.]}\n"
CONFIGURATION = Path("docs/configuration.md")
WHOLE = [
    block
    for document in documents()
    for block in blocks(document)
    if block.language == "yaml" and block.text.startswith("apiVersion:")
]


@pytest.mark.parametrize("block", WHOLE, ids=lambda block: f"{block.document}:{block.line}")
def test_a_rule_in_a_document_is_right(tmp_path: Path, block: Block):
    files, settings = ({}, block.text) if "kind: Project" in block.text else ({"rule.yaml": block.text}, EXTENDING)
    (tmp_path / "policies").mkdir()

    assert load_project(tmp_path, files, settings).problems == ()


def test_the_errors_in_the_page_on_configuration_are_those_that_one_gets(tmp_path: Path):
    page = list(blocks(CONFIGURATION))
    [wrong] = [block.text for block in page if block.text.startswith("# wrong: policies/team.yaml\n")]
    mended = wrong.replace("#releases", '"#releases"')

    shown = []
    for name, text in (("a", wrong), ("b", mended)):
        loaded = load_project(tmp_path / name, {"policies/team.yaml": text}, EXTENDING)
        shown.append(render_all(loaded.problems, loaded.sources))

    assert [block.text.rstrip("\n") for block in page if block.language == "text"] == shown
