"""How a statistic makes itself known."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Final, Protocol, TypeVar

from iact.core.registry import Registry
from iact.dora.figures import Interval, Sample, Unit, Window

T = TypeVar("T")


class Statistic(Protocol):
    """One number for many rows, and how sure it is. Pure: the same rows in any order give the same answer."""

    unit: Unit
    """What the number is measured in; `SECONDS` stands for whatever the rows are measured in."""

    def value(self, samples: Sequence[Sample], observed: Window) -> Decimal | None:
        """Return the number, or None where there are too few rows for one.

        Args:
            samples: the rows.
            observed: the part of the window that the known history covers.
        """

    def interval(self, samples: Sequence[Sample], observed: Window) -> Interval | str:
        """Return the 95 % interval of the number, or the reason why there is none.

        Args:
            samples: the rows.
            observed: the part of the window that the known history covers.
        """


STATISTICS: Final[Registry[type[Statistic]]] = Registry("statistic")


def statistic(name: str) -> Callable[[type[T]], type[T]]:
    """Declare a class as the statistic that `show: NAME` means."""

    def declare(cls: type[T]) -> type[T]:
        STATISTICS.add(name, cls)  # type: ignore[arg-type]  # a class decorator cannot say "any class that fits"
        return cls

    return declare
