"""Plug-ins are found by looking, so that a new one is one class in one file."""

from __future__ import annotations

import importlib
from pathlib import Path

import iact
from iact.config.discovery import declaring_modules, discover, known_facts
from iact.core.registry import ACTIONS, FACT_SOURCES, KINDS


def test_every_module_that_declares_something_is_found():
    package = Path(iact.__file__).parent
    declaring = {
        ".".join(path.relative_to(package.parent).with_suffix("").parts).removesuffix(".__init__")
        for path in package.rglob("*.py")
        if path.parent != package / "core"
        and any(line.startswith(DECORATORS) for line in path.read_text().splitlines())
    }

    found = tuple(declaring_modules())

    assert {name for name in declaring if not name.startswith(found)} == set()


DECORATORS = ("@kind(", "@action(", "@fact_source(", "@statistic(")


def test_finding_twice_changes_nothing():
    discover()
    before = (list(KINDS), list(ACTIONS), list(FACT_SOURCES))

    discover.cache_clear()
    discover()

    assert (list(KINDS), list(ACTIONS), list(FACT_SOURCES)) == before


def test_every_fact_of_a_source_begins_with_its_name():
    discover()

    misnamed = {
        (source, fact)
        for source in FACT_SOURCES
        for fact in FACT_SOURCES[source].provides
        if fact.partition(".")[0] != source
    }
    assert misnamed == set()
    assert set(known_facts()) == {fact for source in FACT_SOURCES for fact in FACT_SOURCES[source].provides}


def test_every_found_module_can_be_imported():
    assert [importlib.import_module(name).__name__ for name in declaring_modules()] == declaring_modules()
