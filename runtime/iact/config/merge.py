"""Overriding: what a project says over the rules that it extends.

How far a value is merged depends on the type of its field. What is made of declared keys (a `spec`, a part of it, or
parts by names) is merged key by key, and `null` takes a key away, back to its default, as in JSON Merge Patch (RFC
7396). Everything else is one statement and is replaced whole: a single value, a list (its order means something), a
condition, a choice between forms, and data of any form. Each part keeps the place where it was written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from iact.core.composite_readers import MappingReader, PartReader, UnionReader
from iact.core.readers import Reader
from iact.core.tree import Entry, MappingNode, ScalarNode, Tree

Below: TypeAlias = Callable[[str], Reader | None]
"""The reader of the value of each key; None for a key that is not known."""


def merge(base: Tree, over: Tree, reader: Reader | None) -> Tree:
    """Return `base` with what `over` says.

    Args:
        base: what is extended.
        over: what is written over it.
        reader: how such a value is read; None where it is not known, which replaces it whole.
    """
    below = merged_below(reader)
    if below is None or not isinstance(base, MappingNode) or not isinstance(over, MappingNode):
        return over
    written = {entry.key.text: entry for entry in over}
    kept = [_merged(entry, written.pop(entry.key.text, None), below(entry.key.text)) for entry in base]
    entries = [entry for entry in (*kept, *written.values()) if not _is_null(entry.value)]
    return MappingNode(tuple(entries), over.position)


def merged_below(reader: Reader | None) -> Below | None:
    """Return how the keys of such a value are read, or None where it is replaced whole."""
    match reader:
        case PartReader() if not reader.replaced_whole:
            return {field.key: field.reader for field in reader.fields}.get
        case MappingReader(value=PartReader() as value):
            return lambda _: value
        case UnionReader(options=(only,)):
            # One type that may be left out is no choice.
            return merged_below(only)
        case _:
            return None


def _merged(entry: Entry, over: Entry | None, reader: Reader | None) -> Entry:
    return Entry(over.key, merge(entry.value, over.value, reader)) if over else entry


def _is_null(tree: Tree) -> bool:
    # Only a written null takes away; an empty value is a slip that the check reports.
    return isinstance(tree, ScalarNode) and tree.value is None and bool(tree.text)
