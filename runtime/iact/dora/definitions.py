"""Definitions, metrics and bands out of a project's configuration, or metrics out of what a run has pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.config.project import Project, Resource
from iact.core.errors import ConfigurationError
from iact.core.problems import Problems, did_you_mean
from iact.core.shape import build
from iact.dora.figures import DefinitionReference
from iact.dora.model import Bands, Metric
from iact.dora.progress import NamedTargets
from iact.dora.rules import NamedMetric

if TYPE_CHECKING:
    from iact.engine.definitions import Definition  # whose module loads SQLAlchemy

USUAL: Final = "iact"
"""The definition that a report takes where nobody asks for another."""

SHIPPED: Final = "Take the shipped ones: write `extends: [iact]` below `spec` of iact.yaml."


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedBands:
    """Bands with the name and digest of their resource.

    Attributes:
        reference: which bands they are.
        bands: what they say.
    """

    reference: DefinitionReference
    bands: Bands

    @property
    def label(self) -> str:
        """Their name with their year, as it is shown with every class: `owner (2025)`, but `dora-2023`."""
        name, year = self.reference.name, str(self.bands.year)
        return name if year in name else f"{name} ({year})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedDefinition:
    """One way to compute the delivery figures.

    Attributes:
        reference: which definition it is.
        metrics: what to compute, in the order of a report: the definition's own, then those that none names, by name.
        figures: the name of the metric that computes each delivery figure.
        bands: what classes the figures; None where nothing does.
    """

    reference: DefinitionReference
    metrics: tuple[NamedMetric, ...]
    figures: Mapping[str, str]
    bands: NamedBands | None = None

    @property
    def name(self) -> str:
        """The definition's name."""
        return self.reference.name

    def metric(self, name: str) -> NamedMetric | None:
        """Return the metric that computes a delivery figure, or that has this name itself; None where none does."""
        wanted = self.figures.get(name, name)
        return next((metric for metric in self.metrics if metric.name == wanted), None)

    def figure_of(self, metric: str) -> str | None:
        """Return which delivery figure a metric computes; None where it is none of them."""
        return next((figure for figure, name in self.figures.items() if name == metric), None)


def named_definition(project: Project, name: str = USUAL, bands: str | None = None) -> NamedDefinition:
    """Return one of a project's definitions.

    Args:
        project: the configuration.
        name: of the `Definition`.
        bands: the name of `Bands` that class the figures instead of the definition's own.

    Raises:
        ConfigurationError: if there is no definition, metric or bands of that name; the message names the nearest.
    """
    known = {resource.name: resource for resource in project.resources("Definition")}
    if not known:
        message = f"the project has no Definition. {SHIPPED}"
        raise ConfigurationError(message)
    if name not in known:
        hint = did_you_mean(name, known) or f"There is {', '.join(known)}."
        message = f"there is no Definition named {name}. {hint}"
        raise ConfigurationError(message)
    spec = known[name].spec
    figures = {figure.value: metric for figure, metric in spec.figures.by_figure.items()}
    metrics = {resource.name: resource for resource in project.resources("Metric")}
    claimed = {metric for resource in known.values() for metric in resource.spec.figures.by_figure.values()}
    others = [metric for metric in metrics if metric not in claimed]
    chosen = bands or spec.bands
    return NamedDefinition(
        reference=_reference(known[name]),
        metrics=tuple(of_resource(metrics[metric]) for metric in dict.fromkeys((*figures.values(), *others))),
        figures=figures,
        bands=None if chosen is None else _named_bands(project, chosen),
    )


def named_metrics(project: Project, definition: str = USUAL) -> dict[str, NamedMetric]:
    """Return a project's metrics by name, those of a definition first.

    Args:
        project: the configuration.
        definition: the name of the definition.

    Raises:
        ConfigurationError: if there is none of that name.
    """
    return {metric.name: metric for metric in named_definition(project, definition).metrics}


def named_targets(project: Project, name: str) -> NamedTargets:
    """Return one of a project's targets.

    Raises:
        ConfigurationError: if there are none of that name; the message names the nearest.
    """
    resource = project.get("Targets", name)
    return NamedTargets(reference=_reference(resource), targets=resource.spec)


def _named_bands(project: Project, name: str) -> NamedBands:
    resource = project.get("Bands", name)
    return NamedBands(reference=_reference(resource), bands=resource.spec)


def of_resource(resource: Resource) -> NamedMetric:
    """Return a metric with the name, version and digest of its resource."""
    return NamedMetric(reference=_reference(resource), metric=resource.spec)


def _reference(resource: Resource) -> DefinitionReference:
    version = resource.metadata.version
    return DefinitionReference(
        name=resource.name, version="" if version is None else str(version), digest=resource.digest
    )


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
