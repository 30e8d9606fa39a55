"""What the documents point at is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.project import ROOT, blocks, documents, prose, text_of

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(?P<title>.+?) *$")
MAKE_IN_PROSE = re.compile(r"`make (?P<target>[a-z][a-z-]*)")
MAKE_IN_BLOCK = re.compile(r"^(?:\$ )?make (?P<target>[a-z][a-z-]*)", re.MULTILINE)
MAKE_TARGET = re.compile(r"^(?P<target>[a-z][a-z-]*):", re.MULTILINE)


def relative_links(path: Path) -> Iterator[tuple[int, str]]:
    """Give the links of a document to other files of the checkout, each with its line."""
    for number, line in prose(path):
        for link in LINK.finditer(line):
            if not re.match(r"[a-z]+:", link["target"]):
                yield number, link["target"]


def anchors(path: Path) -> set[str]:
    """Return the anchors that the headings of a document make, as GitHub forms them."""
    titles = (heading["title"] for _, line in prose(path) if (heading := HEADING.match(line)))
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("document", documents(), ids=str)
def test_a_link_leads_somewhere(document: Path):
    lost = []
    for number, link in relative_links(document):
        name, _, anchor = link.partition("#")
        target = (ROOT / document).parent / name if name else ROOT / document
        if not target.exists():
            lost.append(f"{document}:{number}: {link}: there is no such file")
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.resolve().relative_to(ROOT)):
            lost.append(f"{document}:{number}: {link}: the file has no such heading")

    assert lost == []


def make_targets(document: Path) -> Iterator[str]:
    """Give the targets of the make commands that a document quotes."""
    for _, line in prose(document):
        yield from MAKE_IN_PROSE.findall(line)
    for block in blocks(document):
        yield from MAKE_IN_BLOCK.findall(block.text)


def test_every_make_command_in_a_document_is_a_target():
    targets = set(MAKE_TARGET.findall(text_of(Path("Makefile"))))
    named = {(str(document), target) for document in documents() for target in make_targets(document)}

    assert ("CONTRIBUTING.md", "test") in named
    assert {(document, target) for document, target in named if target not in targets} == set()


def test_make_says_what_every_target_is_for():
    makefile = text_of(Path("Makefile"))
    explained = set(re.findall(r"^([a-z-]+):.* ## \S", makefile, re.MULTILINE))
    internal = {"install-run", "install-dev"}

    assert set(MAKE_TARGET.findall(makefile)) == explained | internal
