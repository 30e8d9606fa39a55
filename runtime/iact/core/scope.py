"""What a check of meaning may look at: every name of the project, and every fact that something can supply."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from iact.core.facts import FactType
from iact.core.problems import Problem, did_you_mean
from iact.core.tree import NOWHERE, Position

ReadBeside: TypeAlias = "Callable[[Position, str], bytes | str]"
"""Returns the bytes of a file that is named relative to the file of a position, or why it cannot be read."""


def _nothing_beside(position: Position, path: str) -> str:
    return f"{path} is not beside {position.file}"


NOTHING_BESIDE: Final[ReadBeside] = _nothing_beside


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The project around one resource.

    Attributes:
        kind: the resource's own kind.
        name: the resource's own name.
        position: where the resource was written.
        names: for each kind, where each name was declared; broken resources are there too, so that they are not
            reported as missing.
        specs: for each kind, the built `spec` of each name that is whole.
        facts: the facts that something can supply, with their types; a name that ends in `.*` stands for all below it.
        read_beside: reads a file that a resource names.
    """

    kind: str = ""
    name: str = ""
    position: Position = NOWHERE
    names: Mapping[str, Mapping[str, Position]] = field(default_factory=dict)
    specs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    facts: Mapping[str, FactType] = field(default_factory=dict)
    read_beside: ReadBeside = NOTHING_BESIDE

    def declared(self, *kinds: str) -> dict[str, Position]:
        """Return the names of these kinds with their places."""
        return {name: place for kind in kinds for name, place in self.names.get(kind, {}).items()}

    def spec(self, kind: str, name: str) -> Any:
        """Return the built `spec` of a resource, or None where there is none or it is broken."""
        return self.specs.get(kind, {}).get(name)

    def fact_type(self, name: str) -> FactType | None:
        """Return the type of a fact, or None where nothing supplies one of that name.

        `metric.NAME` is known for every declared `Metric`; its type is what that metric's `fact_type` says.
        """
        if name in self.facts:
            return self.facts[name]
        if name.startswith("metric."):
            metric = name.removeprefix("metric.")
            if metric not in self.names.get("Metric", {}):
                return None
            return getattr(self.spec("Metric", metric), "fact_type", FactType.QUANTITY)
        parts = name.split(".")
        below = (".".join([*parts[:length], "*"]) for length in range(len(parts) - 1, 0, -1))
        return next((self.facts[family] for family in below if family in self.facts), None)

    def fact_names(self) -> list[str]:
        """Return every fact that can be named, for suggestions."""
        metrics = [f"metric.{name}" for name in self.names.get("Metric", {})]
        return sorted([*(name for name in self.facts if not name.endswith(".*")), *metrics])


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of another resource, where it was written.

    Attributes:
        kinds: the kinds that the name may be of.
        name: the name.
        position: where it was written.
    """

    kinds: tuple[str, ...]
    name: str
    position: Position

    def check(self, scope: Scope) -> Problem | None:
        """Return what is wrong with it, or None."""
        if any(self.name in scope.names.get(kind, ()) for kind in self.kinds):
            return None
        known = scope.declared(*self.kinds)
        sort = " or ".join(self.kinds)
        hint = did_you_mean(self.name, known)
        if hint:
            suggestion = hint.removeprefix("Did you mean ").removesuffix("?")
            place = known[suggestion]
            hint = f"Did you mean {suggestion} ({place.file}:{place.line})?"
        return Problem(
            rule="unknown-reference",
            position=self.position,
            message=f"`{self.name}`: there is no {sort} of that name.",
            hint=hint or _known(known, sort),
        )


def _known(known: Mapping[str, Position], sort: str) -> str:
    if not known:
        return f"The project has no {sort} at all."
    shown = sorted(known)[:8]
    return f"There {'is' if len(known) == 1 else 'are'} {', '.join(shown)}{' …' if len(known) > len(shown) else ''}."
