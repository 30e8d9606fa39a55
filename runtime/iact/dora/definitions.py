"""Metrics out of a project's configuration, or out of what a run has pinned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iact.config.project import Project, Resource
from iact.core.errors import ConfigurationError
from iact.core.problems import Problems, did_you_mean
from iact.core.shape import build
from iact.dora.figures import DefinitionReference
from iact.dora.model import Metric
from iact.dora.rules import NamedMetric

if TYPE_CHECKING:
    from iact.engine.definitions import Definition  # whose module loads SQLAlchemy

SETS: Final = {
    "iact": (
        "deployment_frequency",
        "lead_time",
        "change_failure_rate",
        "time_to_restore",
        "rework_rate",
    ),
}
"""The metrics of each set of definitions, in the order of a report; a project's other metrics follow by name."""


def named_metrics(project: Project, definitions: str = "iact") -> dict[str, NamedMetric]:
    """Return a project's metrics by name, those of a set of definitions first.

    Args:
        project: the configuration.
        definitions: the name of the set.

    Raises:
        ConfigurationError: if there is no such set, or the project lacks a metric of it.
    """
    if definitions not in SETS:
        hint = did_you_mean(definitions, SETS) or f"There is {', '.join(SETS)}."
        message = f"there is no set of definitions named {definitions}. {hint}"
        raise ConfigurationError(message)
    known = {resource.name: resource for resource in project.resources("Metric")}
    lacking = [name for name in SETS[definitions] if name not in known]
    if lacking:
        message = (
            f"the project has no Metric named {', '.join(lacking)}. "
            "Take the shipped ones: write `extends: [iact]` below `spec` of iact.yaml."
        )
        raise ConfigurationError(message)
    return {name: of_resource(known[name]) for name in dict.fromkeys((*SETS[definitions], *sorted(known)))}


def of_resource(resource: Resource) -> NamedMetric:
    """Return a metric with the name, version and digest of its resource."""
    version = resource.metadata.version
    reference = DefinitionReference(
        name=resource.name, version="" if version is None else str(version), digest=resource.digest
    )
    return NamedMetric(reference=reference, metric=resource.spec)


def of_definition(definition: Definition) -> NamedMetric:
    """Return a metric as a run has pinned it.

    Raises:
        ValueError: if this release cannot read what an earlier one stored.
    """
    problems = Problems()
    metric = build(Metric, definition.tree, problems)
    if metric is None:
        message = f"the stored definition of {definition.pin} cannot be read: {'; '.join(map(str, problems))}"
        raise ValueError(message)
    reference = DefinitionReference(name=definition.name, version="", digest=definition.digest)
    return NamedMetric(reference=reference, metric=metric)
