"""Rules that were changed while they are in force: noticing it cheaply, and saying what changed."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from iact.config.files import SETTINGS, Folder, resource_files
from iact.core.problems import Problems
from iact.core.tree import MappingNode, ScalarNode, SequenceNode

if TYPE_CHECKING:
    from iact.config.project import Project, Resource
    from iact.core.tree import Position, Tree

MOST_TOLD: Final = 8
"""How many differences within one resource are told; of more, how many there are."""
LONGEST_VALUE: Final = 60
"""How many characters of a value are told."""

Stamp: TypeAlias = frozenset[tuple[str, int, int, int]]
"""Path, size, inode and time of change (nanoseconds) of each file."""


def stamp(project: Project) -> Stamp:
    """Return what shows cheaply that a file of the project's own was changed, added or taken away.

    Args:
        project: whose files; `paths` of its `iact.yaml` as it was read.
    """
    folder = Folder(project.root, "project")
    problems = Problems()
    own = (file for path in project.settings.paths for file in resource_files(folder, path, problems))
    found = set()
    for file in (project.root / SETTINGS, *own):
        try:
            status = Path(file).stat()
        except FileNotFoundError:
            continue
        found.add((str(file), status.st_size, status.st_ino, status.st_mtime_ns))
    return frozenset(found)


def changes(before: Project, after: Project) -> tuple[str, ...]:
    """Return what differs between two readings of a project, a short text for each resource, by name."""
    old, new = _by_name(before), _by_name(after)
    return tuple(_differences(old, new))


def _by_name(project: Project) -> dict[tuple[str, str], Resource]:
    return {(one.kind, one.name): one for one in project.resources()}


def _differences(old: dict[tuple[str, str], Resource], new: dict[tuple[str, str], Resource]) -> Iterator[str]:
    for key in sorted(old.keys() | new.keys()):
        said = " ".join(key)
        if key not in new:
            yield f"{said} was taken away"
        elif key not in old:
            yield f"{said} is new ({new[key].position.file})"
        elif old[key].digest != new[key].digest:
            found = list(_within(old[key].tree, new[key].tree, ""))
            more = f"; and {len(found) - MOST_TOLD} more" if len(found) > MOST_TOLD else ""
            told = f": {'; '.join(found[:MOST_TOLD])}{more}" if found else f" ({new[key].position.file})"
            yield f"{said} changed{told}"


def _within(old: Tree, new: Tree, key: str) -> Iterator[str]:
    """Yield what differs between two readings of a part: its key, both values, and where the new one stands.

    Args:
        old: the part before.
        new: the part now.
        key: the keys that lead to it, such as `states.waiting.next[0]`.
    """
    if isinstance(old, MappingNode) and isinstance(new, MappingNode):
        before, now = _entries(old), _entries(new)
        for name in dict.fromkeys([*now, *before]):
            below = f"{key}.{name}" if key else name
            yield from _pair(before.get(name), now.get(name), below, new.position)
    elif isinstance(old, SequenceNode) and isinstance(new, SequenceNode):
        yield from _items(old, new, key)
    elif _shown(old) != _shown(new):
        yield f"{key or 'spec'} {_told(old)} → {_told(new)} ({_place(new.position)})"


def _pair(old: Tree | None, new: Tree | None, key: str, near: Position) -> Iterator[str]:
    """Yield what differs where a part may be new or taken away; `near` is where the latter is missed."""
    if old is None and new is not None:
        yield f"{key} is new, {_told(new)} ({_place(new.position)})"
    elif old is not None and new is None:
        yield f"{key} was taken away, it was {_told(old)} ({_place(near)})"
    elif old is not None and new is not None:
        yield from _within(old, new, key)


def _items(old: SequenceNode, new: SequenceNode, key: str) -> Iterator[str]:
    """Yield what differs between two lists, of which items may have been put in, taken out, or changed."""
    shown_before, shown_now = [_shown(one) for one in old.items], [_shown(one) for one in new.items]
    for what, begin, end, first, last in SequenceMatcher(a=shown_before, b=shown_now, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        for before, now in zip_longest(range(begin, end), range(first, last)):
            there = old.items[before] if before is not None else None
            here = new.items[now] if now is not None else None
            yield from _pair(there, here, f"{key}[{before if now is None else now}]", new.position)


def _entries(node: MappingNode) -> dict[str, Tree]:
    return {entry.key.text: entry.value for entry in node.entries}


def _shown(node: Tree) -> str:
    """Return what a part says, in one line and however it was written."""
    if isinstance(node, ScalarNode):
        return node.text if node.quoted or node.value is not None else "nothing"
    if isinstance(node, SequenceNode):
        return f"[{', '.join(_shown(one) for one in node.items)}]"
    return f"{{{', '.join(f'{name}: {_shown(value)}' for name, value in _entries(node).items())}}}"


def _told(node: Tree) -> str:
    said = " ".join(_shown(node).split())
    return said if len(said) <= LONGEST_VALUE else f"{said[: LONGEST_VALUE - 1]}…"


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"
