"""What lies outside of the store: where the facts of a decision come from, and where its actions go.

Both are behind one seam, so that whoever plays runs forward can say what is known and how actions end, while all else
is what `iact serve` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from iact.core.registry import ACTIONS
from iact.engine.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iact.core.facts import FactRequest, FactSet
    from iact.core.registry import Receipt
    from iact.engine.attempts import Attempt
    from iact.engine.context import ActionContext, FactContext


class Outside(Protocol):
    """Where facts come from and actions go."""

    def observe(self, requests: Iterable[FactRequest], context: FactContext) -> FactSet:
        """Return every fact asked for: with its value, or with the reason why there is none."""

    def perform(self, attempt: Attempt, context: ActionContext) -> Receipt:
        """Do what an attempt is at.

        Raises:
            TryAgainError: if it certainly was not done now, and may be later.
            OutcomeUnknownError: if it was begun, and whether it was done cannot be told.
        """

    def check(self, attempt: Attempt, context: ActionContext) -> Receipt | None:
        """Return the receipt of an attempt whose runner is gone, or None when it was certainly not done.

        Raises:
            OutcomeUnknownError: if that cannot be told.
        """


class World:
    """The world: registered sources are asked, registered actions are done."""

    def observe(self, requests: Iterable[FactRequest], context: FactContext) -> FactSet:
        """Ask the sources."""
        return observe(requests, context)

    def perform(self, attempt: Attempt, context: ActionContext) -> Receipt:
        """Do it."""
        return ACTIONS[attempt.action]().perform(attempt.arguments, context)

    def check(self, attempt: Attempt, context: ActionContext) -> Receipt | None:
        """Ask the action itself."""
        return ACTIONS[attempt.action]().check(attempt.arguments, context)


WORLD: Final = World()
