"""Writing failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from sqlalchemy import bindparam, delete, insert

from iact.dora.recorder.rows import Rows
from iact.dora.records import Failure
from iact.dora.tables import FAILURES, of_repository
from iact.stores.query import READ_AGAIN, query

FORGET_FAILURES: Final = query(
    "Drop all failures, to judge them again.",
    delete(FAILURES).where(of_repository(FAILURES)),
    whole=READ_AGAIN,
)
FORGET_FAILURE: Final = query(
    "Drop one failure.", delete(FAILURES).where(of_repository(FAILURES), FAILURES.c.key == bindparam("of_key"))
)
ADD_FAILURES: Final = query("Add failures.", insert(FAILURES))


class Failures(Rows):
    """The failures of a repository."""

    def forget(self) -> None:
        """Drop them all."""
        FORGET_FAILURES.run(self._connection, **self._named)

    def replace_all(self, failures: Iterable[Failure]) -> None:
        """Replace the failures."""
        self.forget()
        self._add(failures)

    def replace(self, keys: Sequence[str], failures: Iterable[Failure]) -> None:
        """Replace the failures of some keys."""
        FORGET_FAILURE.run_many(self._connection, [self._named | {"of_key": key} for key in keys])
        self._add(failures)

    def _add(self, failures: Iterable[Failure]) -> None:
        rows = [{name: getattr(failure, name) for name in Failure.__dataclass_fields__} for failure in failures]
        ADD_FAILURES.run_many(self._connection, [self._key | row for row in rows])
