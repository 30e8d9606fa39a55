"""Three-valued logic (Kleene's strong logic; S. C. Kleene, Introduction to Metamathematics, 1952, section 64).

What is not known is neither true nor false, and saying *not* to it does not make it known.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class Truth(Enum):
    """True, false, or not known; only `TRUE` ever acts."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    @property
    def is_true(self) -> bool:
        """Whether it is known to be true."""
        return self is Truth.TRUE

    def negated(self) -> Truth:
        """Return *not* of it; *not unknown* is *unknown*."""
        return {Truth.TRUE: Truth.FALSE, Truth.FALSE: Truth.TRUE, Truth.UNKNOWN: Truth.UNKNOWN}[self]


def truth(value: bool) -> Truth:  # noqa: FBT001 - it converts exactly this one boolean
    """Return a known boolean as a truth."""
    return Truth.TRUE if value else Truth.FALSE


def every(truths: Iterable[Truth]) -> Truth:
    """Return *and* over all: false if any is false, else unknown if any is unknown."""
    seen = set(truths)
    if Truth.FALSE in seen:
        return Truth.FALSE
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.TRUE


def some(truths: Iterable[Truth]) -> Truth:
    """Return *or* over all: true if any is true, else unknown if any is unknown."""
    seen = set(truths)
    if Truth.TRUE in seen:
        return Truth.TRUE
    return Truth.UNKNOWN if Truth.UNKNOWN in seen else Truth.FALSE
