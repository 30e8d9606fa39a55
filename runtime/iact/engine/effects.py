"""Actions and their receipts: intent first, then the deed, then the receipt.

The intent was committed with the decision. An attempt is noted before it is made, so that an attempt without a receipt
means that the process died in between; whether it was made is then asked of the action's own `check`.
"""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from iact.core.facts import Fact, FactSet
from iact.core.machine import Trigger
from iact.core.quantities import Quantity
from iact.core.registry import ACTIONS, OutcomeUnknownError, Receipt
from iact.engine import store
from iact.engine.context import ActionContext
from iact.engine.journal import EntryKind, append
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection, RowMapping

    from iact.engine.definitions import Definition
    from iact.engine.host import Host
    from iact.engine.store import Run

_LOGGER = logging.getLogger(__name__)


def settle(host: Host, run: Run, intent: RowMapping, definitions: Mapping[str, Definition]) -> None:
    """Bring one decided action to its receipt, whether or not an earlier attempt was cut short.

    The caller holds the store's lock: an attempt found without its receipt belongs to a process that is gone.
    """
    effect = _Effect(host, run, intent, definitions)
    if intent["status"] == store.STARTED:
        effect.recover()
    else:
        effect.attempt()


class _Effect:
    """One intent on its way to a receipt."""

    def __init__(self, host: Host, run: Run, intent: RowMapping, definitions: Mapping[str, Definition]) -> None:
        self.host = host
        self.run = run
        self.definitions = definitions
        self.key: str = intent["key"]
        self.name: str = intent["action"]
        self.arguments: dict[str, Any] = json.loads(intent["arguments"])
        self.visit: int = intent["visit"]
        self.status: str = intent["status"]
        self.attempts: int = intent["attempts"]

    def attempt(self) -> None:
        """Note the attempt, make it, write the receipt."""
        attempts = self.attempts + 1

        def note(connection: Connection) -> datetime:
            now = self.host.now(connection)
            self._mark(connection, store.STARTED, attempts=attempts)
            self._journal(connection, EntryKind.ATTEMPT, now, {"attempt": attempts})
            return now

        now = write(self.host.engine, note)
        self.status, self.attempts = store.STARTED, attempts
        self._receive(self._perform(now))

    def recover(self) -> None:
        """Ask the action whether the attempt that was cut short was made; repeat it only if it certainly was not."""
        now = read(self.host.engine, self.host.now)
        try:
            receipt = ACTIONS[self.name]().check(self.arguments, self._context(now))
        except OutcomeUnknownError as error:
            self._park(str(error))
            return
        if receipt is None:
            self.attempt()
        else:
            self._receive(receipt)

    def _perform(self, now: datetime) -> Receipt:
        try:
            return ACTIONS[self.name]().perform(self.arguments, self._context(now))
        except Exception as error:  # an action must never take the engine down with it; the receipt says what happened
            _LOGGER.exception("action %s of run %s failed", self.name, self.run.run)
            return Receipt(succeeded=False, message=f"{type(error).__name__}: {error}")

    def _receive(self, receipt: Receipt) -> None:
        event = "finished" if receipt.succeeded else "failed"

        def note(connection: Connection) -> None:
            now = self.host.now(connection)
            self._mark(connection, store.DONE if receipt.succeeded else store.FAILED, settled_at=now)
            self._journal(
                connection,
                EntryKind.RECEIPT,
                now,
                {
                    "succeeded": receipt.succeeded,
                    "message": receipt.message,
                    "detail": [fact.to_record() for fact in _facts(receipt, now)],
                },
            )
            self._tell(connection, event, FactSet.of(_facts(receipt, now)), now)

        write(self.host.engine, note)

    def _park(self, reason: str) -> None:
        def note(connection: Connection) -> None:
            now = self.host.now(connection)
            self._mark(connection, store.REVIEW, settled_at=now)
            self._journal(connection, EntryKind.REVIEW, now, {"reason": reason})
            unknown = Receipt(succeeded=False, message=f"whether it was done is not known: {reason}")
            self._tell(connection, "unknown", FactSet.of(_facts(unknown, now)), now)

        write(self.host.engine, note)

    def _tell(self, connection: Connection, event: str, facts: FactSet, now: datetime) -> None:
        store.tell(
            connection,
            project=self.host.project,
            run=self.run.run,
            key=f"receipt/{self.key}",
            trigger=Trigger.event(event, facts),
            now=now,
            visit=self.visit,
        )

    def _mark(
        self,
        connection: Connection,
        status: str,
        *,
        attempts: int | None = None,
        settled_at: datetime | None = None,
    ) -> None:
        changed = store.MARK_INTENT.run(
            connection,
            b_project=self.host.project,
            b_key=self.key,
            seen=self.status,
            seen_attempts=self.attempts,
            status=status,
            attempts=self.attempts if attempts is None else attempts,
            settled_at=settled_at,
        )
        if changed.rowcount != 1:
            raise EffectMovedError(self.key)

    def _journal(self, connection: Connection, kind: EntryKind, now: datetime, body: dict[str, Any]) -> None:
        append(
            connection,
            project=self.host.project,
            run=self.run.run,
            kind=kind,
            at=now,
            body={"key": self.key, "action": self.name, "arguments": self.arguments} | body,
        )

    def _context(self, now: datetime) -> ActionContext:
        return ActionContext(
            engine=self.host.engine,
            project=self.host.project,
            key=self.key,
            run=self.run.run,
            subject=self.run.subject,
            now=now,
            inputs=self.run.inputs,
            remembered=self.run.remembered,
            definitions=self.definitions,
            services=self.host.services,
        )


class EffectMovedError(Exception):
    """Somebody else settled the action in between."""


def _facts(receipt: Receipt, now: datetime) -> tuple[Fact, ...]:
    named = {"message": receipt.message, **receipt.detail}
    return tuple(
        Fact(
            name=f"receipt.{name}",
            value=value if isinstance(value, (Quantity, str, bool)) else str(value),
            observed_at=now,
            source="receipt",
        )
        for name, value in sorted(named.items())
    )
