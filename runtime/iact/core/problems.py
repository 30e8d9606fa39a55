"""What is wrong with something a person wrote: where, what was found, what was expected, and what to do.

Problems are gathered, never raised one by one, so that an editor sees all of them at once.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iact.core.tree import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One finding about a source file.

    Attributes:
        rule: stable identifier of the check, such as `unknown-key`; what SARIF calls a rule.
        position: where it was found.
        message: what is wrong, in a sentence that names what was found and what was expected.
        hint: what to do about it, such as the nearest right name; empty when there is nothing sensible to say.
    """

    rule: str
    position: Position
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """Return `file:line:column: message  hint` on one line."""
        return f"{self.position}: {self.message}" + (f" {self.hint}" if self.hint else "")


@dataclass(slots=True)
class Problems:
    """A growing list of problems; the one mutable thing that a check is handed."""

    found: list[Problem] = field(default_factory=list)

    def add(self, rule: str, position: Position, message: str, hint: str = "") -> None:
        """Note one more problem."""
        self.found.append(Problem(rule=rule, position=position, message=message, hint=hint))

    def __iter__(self) -> Iterator[Problem]:
        """Walk the problems by place, the order in which a person mends them."""
        return iter(sorted(self.found, key=lambda problem: (problem.position, problem.rule, problem.message)))

    def __len__(self) -> int:
        """Return how many problems were found."""
        return len(self.found)

    def __bool__(self) -> bool:
        """Return whether anything is wrong."""
        return bool(self.found)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that `name` was most likely meant to be, or None where none is close."""
    candidates = list(known)
    close = difflib.get_close_matches(name, candidates, n=1, cutoff=0.6)
    if close:
        return close[0]
    folded = {candidate.casefold().replace("-", "_"): candidate for candidate in candidates}
    return folded.get(name.casefold().replace("-", "_"))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `Did you mean X?`, or an empty text where nothing is close."""
    candidate = nearest(name, known)
    return f"Did you mean {candidate}?" if candidate else ""
