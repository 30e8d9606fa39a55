"""The picture of the architecture shows what is there, and can be read in light and in dark."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.project import ROOT, text_of

PICTURE = Path("docs/architecture.svg")
PAGE = Path("docs/architecture.md")
SVG = "{http://www.w3.org/2000/svg}"


def packages() -> set[str]:
    """Return the packages of iact."""
    return {path.parent.name for path in (ROOT / "runtime/iact").glob("*/__init__.py")}


def test_the_picture_and_the_page_name_every_package():
    picture = ET.fromstring(text_of(PICTURE))  # noqa: S314 - a file of this repository
    drawn = {text.text for text in picture.iter(f"{SVG}text") if text.get("class") == "name"}
    listed = set(re.findall(r"^\| `iact\.(?!yaml)(\w+)`", text_of(PAGE), re.MULTILINE))

    assert packages() - drawn == set()
    assert listed == packages()


def test_the_picture_has_words_for_those_who_do_not_see_it_and_needs_nothing_from_outside():
    picture = ET.fromstring(text_of(PICTURE))  # noqa: S314 - a file of this repository

    assert picture.get("role") == "img"
    assert all((picture.findtext(f"{SVG}{tag}") or "").strip() for tag in ("title", "desc"))
    assert set(re.findall(r"https?://[^\"'\s]+", text_of(PICTURE))) == {"http://www.w3.org/2000/svg"}
    assert "prefers-color-scheme: dark" in text_of(PICTURE)


def test_the_page_names_every_table():
    named = set(re.findall(r"`(\w+)`", text_of(PAGE).partition("## What is kept")[2]))
    tables = set()
    for path in (ROOT / "runtime/iact").glob("*/tables.py"):
        tables |= set(re.findall(r"= Table\(\s*\"(\w+)\"", path.read_text("utf-8")))

    assert len(tables) > 10
    assert tables - named == set()
