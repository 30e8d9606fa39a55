"""The rules that a run of PDCA keeps: its policy, its improvements and its metrics, read from what it pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from iact.core.problems import Problems
from iact.core.shape import build
from iact.core.tree import ScalarNode
from iact.dora.definitions import of_definition
from iact.dora.rules import NamedMetric
from iact.pdca.model import Improvement, ImprovementPolicy

if TYPE_CHECKING:
    from iact.engine.definitions import Definition  # whose module loads SQLAlchemy

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
    improvements = [one.name for one in definitions.values() if one.kind == "Improvement"]
    return Rules(
        policy=policy_of(definitions),
        improvements={name: improvement_of(definitions, name) for name in improvements},
        metrics=metrics_of(definitions),
    )


def policy_of(definitions: Mapping[str, Definition]) -> ImprovementPolicy:
    """Return the policy that a run pinned, or the defaults.

    Raises:
        UnreadableDefinitionError: as `rules_of`.
    """
    policies = (one for one in definitions.values() if one.kind == "ImprovementPolicy")
    return next((_built(one, ImprovementPolicy) for one in policies), ImprovementPolicy())


def improvement_of(definitions: Mapping[str, Definition], name: str) -> Improvement:
    """Return one improvement that a run pinned.

    Raises:
        UnreadableDefinitionError: as `rules_of`.
    """
    return _built(definitions[f"Improvement/{name}"], Improvement)


def metrics_of(definitions: Mapping[str, Definition]) -> dict[str, NamedMetric]:
    """Return every metric that a run pinned, by name."""
    return {one.name: of_definition(one) for one in definitions.values() if one.kind == "Metric"}


def patch_of(definitions: Mapping[str, Definition], improvement: str) -> bytes | None:
    """Return the patch that was pinned for an improvement, or None."""
    found = definitions.get(f"{PATCH}/{improvement}")
    if found is None or not isinstance(found.tree, ScalarNode):
        return None
    return found.tree.text.encode()


def _built(definition: Definition, cls: type[T]) -> T:
    problems = Problems()
    spec = build(cls, definition.tree, problems)
    if spec is None:
        raise UnreadableDefinitionError("; ".join(str(problem) for problem in problems))
    return spec
