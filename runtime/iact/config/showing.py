"""`iact config show`: a resource as it is in force, and where each of its lines was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import yaml

from iact.config.envelope import API_VERSION
from iact.config.project import Project, Resource
from iact.config.scalars import resolve
from iact.core.errors import ConfigurationError
from iact.core.registry import IN_FORCE
from iact.core.tree import Entry, MappingNode, Position, ScalarNode, SequenceNode, Tree

_LONGEST_LINE = 72


def show(project: Project, name: str, kind: str | None, form: str) -> str:
    """Return the resources of a name as YAML with the origin of each line, or as JSON.

    Args:
        project: the project.
        name: a resource's name, or `Kind/name`.
        kind: only the resource of this kind; None for any.
        form: `text` or `json`.

    Raises:
        ConfigurationError: if there is none.
    """
    if "/" in name and kind is None:
        kind, _, name = name.partition("/")
    found = [project.get(parse_kind(project, kind), name)] if kind else project.named(name)
    if form == "json":
        records = [_record(resource) for resource in found]
        return json.dumps(records[0] if len(records) == 1 else records, indent=2, ensure_ascii=False)
    return "\n---\n".join("\n".join([*_document(resource), *_in_force(project, resource)]) for resource in found)


def _in_force(project: Project, resource: Resource) -> Iterator[str]:
    """Walk what has replaced, for a time, what the files say; a room knows that, and not the configuration."""
    if resource.kind in IN_FORCE:
        yield from (f"# in force: {sentence}" for sentence in IN_FORCE[resource.kind](project, resource))


def listed(project: Project, kind: str | None, form: str) -> str:
    """Return one line for each resource: its kind, its name, and where it was written last; or the same as JSON.

    Args:
        project: the project.
        kind: only the resources of this kind; None for all.
        form: `text` or `json`.

    Raises:
        ConfigurationError: if there is none of that kind.
    """
    found = list(project.resources(parse_kind(project, kind) if kind else None))
    if form == "json":
        return json.dumps([_entry_of(resource) for resource in found], indent=2, ensure_ascii=False)
    rows = [(each.kind, each.name, f"{each.position.file}:{each.position.line}") for each in found]
    kinds, names = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(f"{row[0]:{kinds}}  {row[1]:{names}}  {row[2]}" for row in rows)


def _entry_of(resource: Resource) -> dict[str, Any]:
    return {
        "kind": resource.kind,
        "name": resource.name,
        "origin": str(resource.position),
        "layers": list(resource.layers),
        "digest": resource.digest,
    }


def _document(resource: Resource) -> Iterator[str]:
    yield f"# {resource.kind} {resource.name}: {resource.digest}"
    yield f"# from {' overridden by '.join(resource.layers)}"
    yield f"apiVersion: {API_VERSION}"
    yield f"kind: {resource.kind}"
    metadata, spec = list(_lines(resource.metadata_tree, 1)), list(_lines(resource.tree, 1))
    # One column for all origins; a line that is longer than others can be moves only its own.
    width = max((len(line) for line, _ in (*metadata, *spec) if len(line) <= _LONGEST_LINE), default=0)
    yield "metadata:"
    yield from _with_origins(metadata, width)
    yield "spec:" if spec else "spec: {}"
    yield from _with_origins(spec, width)


def _with_origins(lines: list[tuple[str, Position]], width: int) -> Iterator[str]:
    return (f"{line:{width}}  # {position.file}:{position.line}" for line, position in lines)


def _lines(tree: Tree, depth: int) -> Iterator[tuple[str, Position]]:
    indent = "  " * depth
    if isinstance(tree, MappingNode):
        for entry in tree:
            yield from _entry(entry, indent, depth)
    elif isinstance(tree, SequenceNode):
        for item in tree.items:
            yield from _item(item, indent, depth)


def _entry(entry: Entry, indent: str, depth: int) -> Iterator[tuple[str, Position]]:
    key = _scalar(entry.key.text)
    short = _short(entry.value, len(indent) + len(key))
    if short is not None:
        yield f"{indent}{key}: {short}", _place(entry.value)
        return
    yield f"{indent}{key}:", entry.key.position
    yield from _lines(entry.value, depth + 1)


def _item(item: Tree, indent: str, depth: int) -> Iterator[tuple[str, Position]]:
    short = _short(item, len(indent))
    if short is not None:
        yield f"{indent}- {short}", _place(item)
        return
    below = list(_lines(item, depth + 1))
    for number, (line, position) in enumerate(below):
        yield (f"{indent}- {line[len(indent) + 2 :]}" if number == 0 else line), position


def _short(tree: Tree, before: int) -> str | None:
    """Return the tree on one line, or None where its parts were written in different places or are too long for it."""
    if isinstance(tree, ScalarNode):
        return _scalar(tree.text, quoted=tree.quoted, in_flow=False)
    if not _is_filled(tree):
        return _flow(tree)
    if len({(position.file, position.line) for position in _places(tree)}) > 1:
        return None
    shown = _flow(tree)
    return shown if before + len(shown) < _LONGEST_LINE else None


def _flow(tree: Tree) -> str:
    match tree:
        case ScalarNode():
            return _scalar(tree.text, quoted=tree.quoted)
        case SequenceNode():
            return f"[{', '.join(_flow(item) for item in tree.items)}]"
        case MappingNode():
            return "{" + ", ".join(f"{_scalar(entry.key.text)}: {_flow(entry.value)}" for entry in tree) + "}"


def _places(tree: Tree) -> Iterator[Position]:
    match tree:
        case ScalarNode():
            yield tree.position
        case SequenceNode(items=items):
            for item in items:
                yield from _places(item)
        case MappingNode():
            for entry in tree:
                yield entry.key.position
                yield from _places(entry.value)


def _place(tree: Tree) -> Position:
    return next(_places(tree), tree.position)


def _scalar(text: str, *, quoted: bool = False, in_flow: bool = True) -> str:
    """Return a scalar so that YAML reads the same: in quotes where it has to be, as it was written everywhere else."""
    means_something_else = quoted and not isinstance(resolve(text), str)
    plain = _is_plain(f"[{text}]" if in_flow else f"- {text}", text)
    return text if plain and not means_something_else else json.dumps(text, ensure_ascii=False)


def _is_plain(line: str, text: str) -> bool:
    """Return whether YAML reads the `line` that holds an unquoted `text` as a list of just that text."""
    if "\n" in text:
        return False
    try:
        events = list(yaml.parse(line, Loader=yaml.SafeLoader))
    except yaml.YAMLError:
        return False
    inside = [event for event in events if not isinstance(event, _AROUND)]
    return len(inside) == 1 and isinstance(inside[0], yaml.ScalarEvent) and inside[0].value == text


_AROUND = (
    yaml.StreamStartEvent,
    yaml.StreamEndEvent,
    yaml.DocumentStartEvent,
    yaml.DocumentEndEvent,
    yaml.SequenceStartEvent,
    yaml.SequenceEndEvent,
)


def _is_filled(tree: Tree) -> bool:
    return bool(tree.items if isinstance(tree, SequenceNode) else isinstance(tree, MappingNode) and tree.entries)


def _record(resource: Resource) -> dict[str, Any]:
    return {
        "apiVersion": API_VERSION,
        "kind": resource.kind,
        "metadata": _plain(resource.metadata_tree),
        "digest": resource.digest,
        "layers": list(resource.layers),
        "spec": _plain(resource.tree),
        "origins": dict(_origins(resource.tree, "")),
        "metadata_origins": dict(_origins(resource.metadata_tree, "")),
    }


def _plain(tree: Tree) -> Any:
    match tree:
        case MappingNode():
            return {entry.key.text: _plain(entry.value) for entry in tree}
        case SequenceNode():
            return [_plain(item) for item in tree.items]
        case ScalarNode(value=bool() | int() | None as value):
            return value
        case ScalarNode(text=text):
            # A number with a fraction is given as it was written: a float would round it.
            return text


def _origins(tree: Tree, path: str) -> Iterator[tuple[str, str]]:
    """Yield for each scalar its JSON Pointer (RFC 6901) and the place where it was written."""
    match tree:
        case MappingNode():
            for entry in tree:
                step = entry.key.text.replace("~", "~0").replace("/", "~1")
                yield from _origins(entry.value, f"{path}/{step}")
        case SequenceNode(items=items):
            for number, item in enumerate(items):
                yield from _origins(item, f"{path}/{number}")
        case ScalarNode():
            yield path, str(tree.position)


def parse_kind(project: Project, kind: str) -> str:
    """Return the kind as it is spelt.

    Raises:
        ConfigurationError: if the project has no resource of it.
    """
    by_lower_case = {name.lower(): name for name in project.by_kind}
    if kind.lower() not in by_lower_case:
        message = f"the project has no {kind}; it has {', '.join(sorted(project.by_kind))}"
        raise ConfigurationError(message)
    return by_lower_case[kind.lower()]
