"""The actions that runs wait for: those that were decided, and that nothing has come of yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iact.engine import store
from iact.engine.work import first_of_each

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAction:
    """An action that was decided and has not ended.

    Attributes:
        action: its name.
        is_begun: whether an attempt was noted as begun.
        attempts: how many were.
        due_at: not before it is attempted again, UTC; None for at once.
    """

    action: str
    is_begun: bool
    attempts: int
    due_at: datetime | None


def open_actions(connection: Connection, project: str, runs: Sequence[str]) -> dict[str, OpenAction]:
    """Return the action that each of some runs waits for, the first that it decided; none for those that have none."""
    rows = store.OPEN_INTENTS.all(connection, project=project, runs=list(runs)) if runs else ()
    return {
        run: OpenAction(
            action=row["action"],
            is_begun=row["status"] != store.DECIDED,
            attempts=row["attempts"],
            due_at=row["due_at"],
        )
        for run, row in first_of_each(rows).items()
    }
