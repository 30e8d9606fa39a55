"""Lengths of business time as people write them: `4 business hours`, `1 business day`.

How long that is on the clock depends on the calendar and on where counting begins (`iact.core.business_time`), so it
is no `Quantity` and compares with none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, ClassVar, Final

from iact.core.business_time import Calendar
from iact.core.problems import Problems
from iact.core.quantities import LONGEST_DAYS
from iact.core.tree import ScalarNode, Tree

_PATTERN: Final = r"^[0-9]+(?:\.[0-9]+)? business (?:minute|hour|day)s?$"
_HOUR: Final = timedelta(hours=1)
_DAY_SECONDS: Final = 86_400


@dataclass(frozen=True, slots=True)
class BusinessSpan:
    """A length of business time.

    Attributes:
        count: how many; of days a whole number, one at least.
        unit: what is counted: `minute`, `hour` or `day`.

    Raises:
        ValueError: if days are not whole ones, or it is longer than anybody waits.
    """

    expected: ClassVar[str] = "business time such as 4 business hours or 1 business day"

    count: Fraction
    unit: str

    def __post_init__(self) -> None:
        """Refuse what no calendar can count."""
        if self.unit == "day" and (self.count.denominator != 1 or self.count < 1):
            message = f"expected whole business days, one at least, found {self}"
            raise ValueError(message)
        if self.count * {"minute": 60, "hour": 3600, "day": _DAY_SECONDS}[self.unit] > LONGEST_DAYS * _DAY_SECONDS:
            message = f"expected at most {LONGEST_DAYS:,} days, found {self}"
            raise ValueError(message)

    def __str__(self) -> str:
        """Return it as a person would write it."""
        count = f"{float(self.count):g}" if self.count.denominator != 1 else str(self.count)
        return f"{count} business {self.unit}{'' if self.count == 1 else 's'}"

    def end(self, calendar: Calendar, begin: datetime) -> datetime:
        """Return when it is over, in UTC.

        Args:
            calendar: whose time is counted.
            begin: where counting begins.

        Raises:
            NeverOpenError: if the calendar has not as much time.
        """
        if self.unit == "day":
            return calendar.add_days(begin, int(self.count))
        seconds = self.count * (3600 if self.unit == "hour" else 60)
        return calendar.add(begin, timedelta(microseconds=round(seconds * 1_000_000)))

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """Return the JSON Schema of how it is written."""
        return {"type": "string", "pattern": _PATTERN}

    @staticmethod
    def fits(tree: Tree) -> int:
        """Return 3 for text that is written like business time."""
        return 3 * int(isinstance(tree, ScalarNode) and re.match(_PATTERN, " ".join(tree.text.split())) is not None)

    @classmethod
    def from_tree(cls, tree: Tree, problems: Problems) -> BusinessSpan | None:
        """Return what is written, or None after saying what is wrong with it."""
        try:
            return parse(tree.text if isinstance(tree, ScalarNode) else "")
        except ValueError as error:
            problems.add("wrong-type", tree.position, f"{error}.")
            return None


def parse(text: str) -> BusinessSpan:
    """Read a length of business time.

    Raises:
        ValueError: if it is none; the message says what was expected.
    """
    tidy = " ".join(text.split())
    if not re.match(_PATTERN, tidy):
        message = f"expected {BusinessSpan.expected}, found {text!r}"
        raise ValueError(message)
    count, _, unit = tidy.split(" ")
    return BusinessSpan(Fraction(count), unit.removesuffix("s"))
