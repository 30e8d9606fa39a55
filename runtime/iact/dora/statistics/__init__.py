"""Statistics that a metric may `show`: one class in one file each, known by its decorator."""

from __future__ import annotations

from iact.dora.statistics import mean, median, per_week, share
from iact.dora.statistics.registry import STATISTICS, Statistic, statistic

__all__ = ["STATISTICS", "Statistic", "mean", "median", "per_week", "share", "statistic"]
