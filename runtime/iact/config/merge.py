"""Overriding: what a project says over the rules that it extends.

As in JSON Merge Patch (RFC 7396): mappings are merged key by key, everything else is replaced whole (a list too,
because its order means something), and `null` takes a key away, back to its default. Each part keeps the place where
it was written.
"""

from __future__ import annotations

from iact.core.tree import Entry, MappingNode, ScalarNode, Tree


def merge(base: Tree, over: Tree) -> Tree:
    """Return `base` with what `over` says."""
    if not isinstance(base, MappingNode) or not isinstance(over, MappingNode):
        return over
    written = {entry.key.text: entry for entry in over}
    kept = [_merged(entry, written.pop(entry.key.text, None)) for entry in base]
    entries = [entry for entry in (*kept, *written.values()) if not _is_null(entry.value)]
    return MappingNode(tuple(entries), over.position)


def _merged(entry: Entry, over: Entry | None) -> Entry:
    return Entry(over.key, merge(entry.value, over.value)) if over else entry


def _is_null(tree: Tree) -> bool:
    # Only a written null takes away; an empty value is a slip that the check reports.
    return isinstance(tree, ScalarNode) and tree.value is None and bool(tree.text)
