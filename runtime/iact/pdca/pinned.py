"""The rules that a run of PDCA keeps: its policy, its improvements and its metrics, read from what it pinned."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from iact.core.problems import Problems
from iact.core.shape import build
from iact.core.tree import ScalarNode
from iact.dora.definitions import of_definition
from iact.dora.rules import NamedMetric
from iact.engine.definitions import Definition
from iact.pdca.model import Improvement, ImprovementPolicy

T = TypeVar("T")

PATCH: Final = "Patch"
"""The kind under which the text of a patch is pinned, by the name of its improvement: it is a rule like the others."""


class UnreadableDefinitionError(Exception):
    """A pinned definition cannot be read by this release."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a run decides by.

    Attributes:
        policy: how it decides.
        improvements: what may be tried, by name.
        metrics: what is measured, by name.
    """

    policy: ImprovementPolicy
    improvements: Mapping[str, Improvement]
    metrics: Mapping[str, NamedMetric]


def rules_of(definitions: Mapping[str, Definition]) -> Rules:
    """Return what a run pinned, built.

    Args:
        definitions: by `Kind/name`.

    Raises:
        UnreadableDefinitionError: if one of them was written by a release that knew other keys.
    """
    policies = list(_built(definitions, "ImprovementPolicy", ImprovementPolicy))
    return Rules(
        policy=policies[0][1] if policies else ImprovementPolicy(),
        improvements=dict(_built(definitions, "Improvement", Improvement)),
        metrics={one.name: of_definition(one) for one in definitions.values() if one.kind == "Metric"},
    )


def patch_of(definitions: Mapping[str, Definition], improvement: str) -> bytes | None:
    """Return the patch that was pinned for an improvement, or None."""
    found = definitions.get(f"{PATCH}/{improvement}")
    if found is None or not isinstance(found.tree, ScalarNode):
        return None
    return found.tree.text.encode()


def _built(definitions: Mapping[str, Definition], kind: str, cls: type[T]) -> Iterator[tuple[str, T]]:
    for definition in definitions.values():
        if definition.kind != kind:
            continue
        problems = Problems()
        spec = build(cls, definition.tree, problems)
        if spec is None:
            raise UnreadableDefinitionError("; ".join(str(problem) for problem in problems))
        yield definition.name, spec
