"""The rules that documents show are right, and the errors that they show are those that one gets."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from iact.config.rendering import render_all
from iact.core.quantities import Dimension, parse
from tests.support.configuration import load_project
from tests.support.project import Block, blocks, documents, text_of
from tests.support.reader import TRIED

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


def test_no_rule_in_a_document_goes_unchecked():
    """It is whole, or wrong on purpose, or written to a file by a document that is tried out."""
    tried = {document.path.as_posix() for document in TRIED}
    unchecked = [
        f"{block.document}:{block.line}"
        for document in documents()
        for block in blocks(document)
        if block.language == "yaml" and re.search(r"^kind:", block.text, re.MULTILINE)
        if not block.text.startswith(("apiVersion:", "# wrong: "))
        and not (block.text.startswith("# put into ") and block.document in tried)
    ]

    assert unchecked == []


def test_the_amounts_in_the_page_on_configuration_are_what_it_says():
    table = text_of(CONFIGURATION).partition("## Amounts")[2].partition("## Conditions")[0]
    rows = re.findall(r"^\| (\w+) \| (`[^|]+) \|", table, re.MULTILINE)
    amounts = {dimension: re.findall("`([^`]+)`", written) for dimension, written in rows}

    assert list(amounts) == [dimension.value for dimension in Dimension]
    for dimension, written in amounts.items():
        assert [parse(amount, Dimension(dimension)).dimension for amount in written] == [dimension] * len(written)


def test_the_errors_in_the_page_on_configuration_are_those_that_one_gets(tmp_path: Path):
    page = list(blocks(CONFIGURATION))
    [wrong] = [block.text for block in page if block.text.startswith("# wrong: policies/team.yaml\n")]
    mended = wrong.replace("#releases", '"#releases"')

    shown = []
    for name, text in (("a", wrong), ("b", mended)):
        loaded = load_project(tmp_path / name, {"policies/team.yaml": text}, EXTENDING)
        shown.append(render_all(loaded.problems, loaded.sources))

    assert [block.text.rstrip("\n") for block in page if block.language == "text"] == shown
