"""The index leads to every page, and the page of the command line holds every command."""

from __future__ import annotations

import re
from pathlib import Path

from iact.cli.main import COMMANDS
from tests.support.command_page import PAGE, page
from tests.support.project import ROOT, documents, text_of

INDEX = Path("docs/README.md")


def test_the_page_of_the_command_line_is_made_from_the_commands():
    """`python -m tests.support.command_page` writes it."""
    assert text_of(PAGE) == page()


def test_the_index_leads_to_every_page():
    linked = {
        (ROOT / INDEX.parent / target).resolve().relative_to(ROOT)
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(INDEX))
    }
    pages = {document for document in documents() if document.parts[0] == "docs"}
    decisions = {document for document in pages if document.parent == Path("docs/adr")}

    assert Path("docs/adr") in linked
    assert pages - decisions - {INDEX} - linked == set()


def test_the_readme_names_every_command():
    named = set(re.findall(r"`iact (\w+)", text_of(Path("README.md"))))

    assert named == set(COMMANDS)
