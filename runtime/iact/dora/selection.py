"""The rows that a figure is computed from, and those that it is not."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, NamedTuple

from iact.dora.figures import LeftOut, Sample

if TYPE_CHECKING:
    from iact.dora.model.metric import Metric

FIRST_KNOWN: Final = "changes of the first known deployment"
MERGE_COMMITS: Final = "merge commits"


class Excluded(NamedTuple):
    """A row that a figure is not computed from.

    Attributes:
        id: commit or failure.
        at: the moment by which it would belong to a window.
        reason: why it is not used.
    """

    id: str
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The rows of a metric.

    Attributes:
        samples: those that the figure is computed from.
        excluded: those that it is not.
        counted: how many it is not, where they are so many that nobody looks at each.
    """

    samples: Sequence[Sample]
    excluded: tuple[Excluded, ...] = ()
    counted: tuple[LeftOut, ...] = ()

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """How many rows are not used, by reason."""
        reasons = Counter(row.reason for row in self.excluded)
        return self.counted or tuple(LeftOut(reason=reason, count=reasons[reason]) for reason in sorted(reasons))


class ManyChanges(ABC):
    """So many changes that they are held otherwise than one by one, and choose the rows of a metric themselves."""

    __slots__ = ()

    @abstractmethod
    def select(self, metric: Metric) -> Selection:
        """Return the rows of a metric of changes, and how many are left out and why."""
