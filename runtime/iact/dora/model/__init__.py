"""The kinds of delivery: one class in one file each, known by its decorator."""

from __future__ import annotations

from iact.dora.model.bands import Band, Bands
from iact.dora.model.definition import DefinitionSet
from iact.dora.model.metric import Example, Metric, Row, Stage
from iact.dora.model.targets import Target, Targets

__all__ = ["Band", "Bands", "DefinitionSet", "Example", "Metric", "Row", "Stage", "Target", "Targets"]
