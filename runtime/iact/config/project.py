"""What configuration comes to: a frozen, digested project of resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from iact.config.envelope import Metadata
from iact.config.model import ProjectSettings
from iact.core.canonical import digest_of
from iact.core.errors import ConfigurationError
from iact.core.problems import did_you_mean
from iact.core.tree import NOWHERE, MappingNode, Position, ScalarNode, SequenceNode, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """One resource as it is in force.

    Attributes:
        kind: what `kind:` says.
        metadata: its name, owner, description and labels.
        spec: the built dataclass of its kind.
        tree: its `spec` with the place of every part; parts taken from extended rules keep their own places.
        metadata_tree: its `metadata` likewise.
        position: where it was written; for an override, where the override was.
        layers: whose files it was put together from, such as `("iact", "project")`.
    """

    kind: str
    metadata: Metadata
    spec: Any
    tree: Tree
    metadata_tree: Tree
    position: Position = NOWHERE
    layers: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Its name, unique in its kind."""
        return self.metadata.name

    @property
    def digest(self) -> str:
        """Digest of kind, name and `spec`; moving a line in the file does not change it."""
        return digest_of_resource(self.kind, self.name, self.tree)


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """Everything that is configured, checked and built.

    Attributes:
        name: the project's name; every key in a store begins with it.
        root: the folder that paths of its state are relative to.
        rules_root: the folder that the rules were read from, which files that they name stand in; another one than
            `root` where the rules of a commit are in force.
        settings: what `iact.yaml` says, or the defaults.
        by_kind: the resources by kind and name.
        notes: what a person should know about how it was found.
    """

    name: str
    root: Path
    rules_root: Path
    settings: ProjectSettings
    by_kind: Mapping[str, Mapping[str, Resource]]
    notes: tuple[str, ...] = field(default=())

    @property
    def digest(self) -> str:
        """Digest of all resources; it changes when any of them does."""
        return digest_of(
            {kind: {name: resource.digest for name, resource in named.items()} for kind, named in self.by_kind.items()}
        )

    def resources(self, kind: str | None = None) -> Iterator[Resource]:
        """Walk the resources of one kind, or of all, by name."""
        kinds = [kind] if kind else sorted(self.by_kind)
        return (found[name] for each in kinds if (found := self.by_kind.get(each, {})) for name in sorted(found))

    def get(self, kind: str, name: str) -> Resource:
        """Return one resource.

        Raises:
            ConfigurationError: if there is none; the message names the nearest.
        """
        found = self.by_kind.get(kind, {})
        if name in found:
            return found[name]
        message = f"there is no {kind} named {name}. {did_you_mean(name, found) or _listed(found)}".rstrip()
        raise ConfigurationError(message)

    def named(self, name: str) -> list[Resource]:
        """Return the resources of that name, of whatever kind.

        Raises:
            ConfigurationError: if there is none; the message names the nearest.
        """
        found = [resource for resource in self.resources() if resource.name == name]
        if found:
            return found
        hint = did_you_mean(name, {resource.name for resource in self.resources()})
        message = f"there is no resource named {name}. {hint} `iact config show` lists all.".replace("  ", " ")
        raise ConfigurationError(message)


def digest_of_resource(kind: str, name: str, tree: Tree) -> str:
    """Return the digest of a resource.

    Args:
        kind: what `kind:` says.
        name: its name.
        tree: its `spec`.
    """
    return digest_of({"kind": kind, "name": name, "spec": _as_written(tree)})


def _as_written(tree: Tree) -> Any:
    """Return the tree as canonical JSON data in which everything that could mean something else looks different."""
    match tree:
        case MappingNode():
            return {entry.key.text: _as_written(entry.value) for entry in tree}
        case SequenceNode():
            return [_as_written(item) for item in tree.items]
        case ScalarNode(value=int() | Decimal() as value, text=text) if not isinstance(value, bool):
            return value if text == str(value) and isinstance(value, int) else {"number": text}
        case ScalarNode(value=value):
            return value


def _listed(found: Mapping[str, Resource]) -> str:
    return f"There is {', '.join(sorted(found))}." if found else ""
