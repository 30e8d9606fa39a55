"""Files are read as YAML 1.2 core: what looks like a text stays one, and numbers are exact."""

from __future__ import annotations

from decimal import Decimal

import pytest

from iact.config.source_text import SourceText
from iact.config.yaml_tree import documents
from iact.core.problems import Problems
from iact.core.tree import MappingNode, ScalarNode, Tree


def tree_of(text: str) -> Tree:
    problems = Problems()
    [tree] = documents(SourceText("a.yaml", text), problems)
    assert not problems
    return tree


def value_of(text: str) -> ScalarNode:
    tree = tree_of(f"key: {text}\n")
    assert isinstance(tree, MappingNode)
    value = tree.get("key")
    assert isinstance(value, ScalarNode)
    return value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("NO", "NO"),
        ("y", "y"),
        ("18:00", "18:00"),
        ("1_000", "1_000"),
        ("2026-03-02", "2026-03-02"),
        (".inf", ".inf"),
        ("0b101", "0b101"),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("-7", -7),
        ("1.10", Decimal("1.10")),
        ("1e3", Decimal("1e3")),
        (".5", Decimal("0.5")),
        ("true", True),
        ("FALSE", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'010'", "010"),
        ('"true"', "true"),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(written: str, value: object):
    assert value_of(written).value == value
    assert type(value_of(written).value) is type(value)


def test_a_number_that_no_reader_of_json_holds_exactly_stays_text():
    assert value_of("9007199254740991").value == 9_007_199_254_740_991
    assert value_of("9007199254740992").value == "9007199254740992"
    assert value_of("1e999999999").value == "1e999999999"


@pytest.mark.parametrize("written", ["1.10", "010", "0x1F", "true"])
def test_the_characters_of_a_scalar_are_kept(written: str):
    assert value_of(written).text == written


def test_every_value_knows_its_place_in_characters():
    tree = tree_of("ключ: {b: [x, 'Ω y']}\n")
    assert isinstance(tree, MappingNode)
    [entry] = tree.entries
    [inner] = entry.value.entries if isinstance(entry.value, MappingNode) else []
    items = getattr(inner.value, "items", ())

    assert str(entry.key.position) == "a.yaml:1:1"
    assert [(str(item.position), item.position.length) for item in items] == [("a.yaml:1:12", 1), ("a.yaml:1:15", 5)]


def test_several_documents_are_several_trees():
    assert len(documents(SourceText("a.yaml", "a: 1\n---\nb: 2\n"), Problems())) == 2
