"""What every resource begins with: `apiVersion`, `kind` and `metadata`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from iact.core.problems import Problems, did_you_mean
from iact.core.readers import found
from iact.core.registry import KINDS
from iact.core.scope import Reference
from iact.core.shape import Name, Ref, Within, part, read, schema_of
from iact.core.tree import MappingNode, Position, ScalarNode, Tree

API_VERSION: Final = "iact/v1"
_KEYS: Final = ("apiVersion", "kind", "metadata", "spec")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """What a resource is called and whose it is.

    Attributes:
        name: unique in its kind; those of people, teams, schedules and channels are unique among all of these.
        version: raised by hand when the meaning changes, so that people can speak of it.
        owner: the person or team that answers for it.
        description: what it is for, in a sentence.
        labels: words of the author's own.
    """

    name: Name
    version: Annotated[int, Within(minimum=1)] | None = None
    owner: Annotated[str, Ref("Person", "Team")] | None = None
    description: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One resource as it was written.

    Attributes:
        kind: what `kind:` says.
        name: what `metadata.name` says.
        metadata: the mapping `metadata`.
        spec: the mapping `spec`.
        position: where the resource's name was written.
        layer: whose file it stands in: `project`, or whom the project extends.
    """

    kind: str
    name: str
    metadata: MappingNode
    spec: MappingNode
    position: Position
    layer: str


def open_envelope(tree: Tree, layer: str, problems: Problems) -> Written | None:
    """Return the resource in a document, or None after reporting what is wrong with its envelope."""
    if not isinstance(tree, MappingNode):
        problems.add("envelope", tree.position, f"expected a resource, found {found(tree)}.", _EXAMPLE)
        return None
    before = len(problems)
    _check_keys(tree, problems)
    _check_version(tree, problems)
    kind = _kind(tree, problems)
    metadata, spec = (_mapping(tree, key, problems) for key in ("metadata", "spec"))
    name = metadata.get("name") if metadata else None
    if metadata and not (isinstance(name, ScalarNode) and isinstance(name.value, str) and name.text):
        where = name.position if name else metadata.position
        problems.add("envelope", where, "`metadata` needs a `name`.", "For example: metadata: {name: my-rule}")
    if len(problems) > before or not kind or not metadata or not spec or not isinstance(name, ScalarNode):
        return None
    return Written(kind=kind, name=name.text, metadata=metadata, spec=spec, position=name.position, layer=layer)


def read_metadata(tree: MappingNode, problems: Problems) -> tuple[Metadata | None, tuple[Reference, ...]]:
    """Return the metadata and the names that it refers to."""
    outcome = read(Metadata, tree, problems)
    return outcome.value, outcome.references


def name_in(tree: Tree) -> str:
    """Return the name of a resource whose envelope is broken, as far as it can be told; empty where it cannot."""
    metadata = tree.get("metadata") if isinstance(tree, MappingNode) else None
    name = metadata.get("name") if isinstance(metadata, MappingNode) else None
    return name.text if isinstance(name, ScalarNode) else ""


def metadata_schema() -> dict[str, Any]:
    """Return the JSON Schema of `metadata`."""
    return schema_of(Metadata)


_EXAMPLE: Final = "A resource begins with apiVersion, kind, metadata and spec."


def _check_keys(tree: MappingNode, problems: Problems) -> None:
    for entry in tree:
        if entry.key.text not in _KEYS:
            hint = did_you_mean(entry.key.text, _KEYS) or "Everything else stands below `spec`."
            problems.add("unknown-key", entry.key.position, f"unknown key `{entry.key.text}`.", hint)


def _check_version(tree: MappingNode, problems: Problems) -> None:
    version = tree.get("apiVersion")
    if version is None:
        problems.add("envelope", tree.position, "`apiVersion` is missing.", f"Write: apiVersion: {API_VERSION}")
    elif not isinstance(version, ScalarNode) or version.text != API_VERSION:
        message = f"`apiVersion`: expected {API_VERSION}, found {found(version)}."
        problems.add("envelope", version.position, message, f"Write {API_VERSION}.")


def _kind(tree: MappingNode, problems: Problems) -> str | None:
    kind = tree.get("kind")
    if kind is None:
        problems.add("envelope", tree.position, "`kind` is missing.", f"It is one of {', '.join(KINDS)}.")
    elif not isinstance(kind, ScalarNode) or kind.text not in KINDS:
        text = kind.text if isinstance(kind, ScalarNode) else ""
        hint = did_you_mean(text, KINDS) or f"It is one of {', '.join(KINDS)}."
        problems.add("unknown-kind", kind.position, f"there is no kind {found(kind)}.", hint)
    else:
        return kind.text
    return None


def _mapping(tree: MappingNode, key: str, problems: Problems) -> MappingNode | None:
    value = tree.get(key)
    if isinstance(value, MappingNode):
        return value
    if value is None:
        problems.add("envelope", tree.position, f"`{key}` is missing.", _EXAMPLE)
    else:
        problems.add("envelope", value.position, f"`{key}`: expected a mapping, found {found(value)}.")
    return None
