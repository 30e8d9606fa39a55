"""Statistics that a metric may `show`: one class in one file each, known by its decorator."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from iact.dora.statistics.registry import STATISTICS, Statistic, statistic

__all__ = ["STATISTICS", "Statistic", "statistic"]

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")
