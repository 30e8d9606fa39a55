"""The picture of an agent can be read by everybody, and needs nothing from outside."""

from __future__ import annotations

import re
from pathlib import Path

from iact.agents.diagram import diagram_of
from iact.agents.picture import picture
from iact.config.opening import open_project
from iact.config.shipped import shipped_root
from tests.support.drawing import parse
from tests.support.project import ROOT, text_of

SVG = "{http://www.w3.org/2000/svg}"


def shipped() -> str:
    return picture(diagram_of("pdca", open_project(shipped_root()).get("Agent", "pdca").spec))


def test_the_committed_picture_is_the_agent():
    """`iact agents graph pdca --format svg > docs/pdca-agent.svg` draws it."""
    assert text_of(Path("docs/pdca-agent.svg")) == shipped()


def test_every_state_is_named_and_every_arrow_has_its_conditions():
    agent = open_project(ROOT).get("Agent", "pdca").spec
    drawing = parse(shipped())
    names = {text.text for text in drawing.iter(f"{SVG}text") if text.get("class") == "name"}
    told = [title.text or "" for title in drawing.iter(f"{SVG}title")]

    assert names == set(agent.states)
    assert any("finished: STARTED" in each for each in told)
    assert any("check.verdict is inconclusive and check.then is wait" in each for each in told)


def test_it_is_one_image_with_words_and_asks_for_nothing_from_outside():
    drawing = parse(shipped())

    assert drawing.get("role") == "img"
    assert "A run begins in planning." in (drawing.findtext(f"{SVG}desc") or "")
    assert set(re.findall(r"https?://[^\"'\s]+", shipped())) == {"http://www.w3.org/2000/svg"}
    assert "prefers-color-scheme: dark" in shipped()
