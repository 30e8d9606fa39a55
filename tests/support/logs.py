"""What must hold of a log, whatever happened to the processes that gave its entries their places."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Engine, func, select

from iact.audit.exporting import Asked, export
from iact.audit.identity import LogIdentity
from iact.audit.keeping import keep_up
from iact.audit.store import leaves
from iact.audit.tables import LOG_HEADS, LOG_LEAVES
from iact.core.errors import IactError
from iact.engine.clocks import ManualClock
from iact.engine.host import Host
from iact.engine.tables import JOURNAL
from iact.stores.connect import reading
from tests.support.kills import quick_folder

_AT_ONCE = 1_000_000


def breaches_of_log(engine: Engine, project: str, clock: ManualClock) -> Iterator[str]:
    """Yield everything that is wrong with a log once everything that waits has its place; it is signed for this.

    Every entry of the journal has one place, the places are counted without a gap, and what is handed out holds: bytes,
    root, signature, runs without a gap, and each step as the pinned definition allows it.

    Args:
        engine: the store.
        project: whose log.
        clock: what shows the present; nothing is written before it.
    """
    host = Host(engine=engine, project=project, clock=clock, services={})
    with tempfile.TemporaryDirectory(dir=quick_folder()) as folder:
        identity = LogIdentity(f"example.com/{project}", Path(folder), None, Path(folder) / "archive")
        keep_up(host, identity)
        with reading(engine) as connection:
            written = connection.scalar(select(func.count()).where(JOURNAL.c.project == project))
            size = connection.scalar(select(LOG_HEADS.c.size).where(LOG_HEADS.c.project == project)) or 0
            last = connection.scalar(select(func.max(LOG_LEAVES.c.place)).where(LOG_LEAVES.c.project == project))
            places = [leaf.place for leaf in leaves(connection, project, 0, min(_AT_ONCE, (last or 0) + 1))]
        if size != written:
            yield f"the log has {size} entries, and {written} were written"
        if size and places != list(range(size)):
            yield "the places of the log are not counted one by one"
        if not size:
            return
        try:
            verdict = export(host, identity, Path(folder) / "bundle.zip", Asked())
        except IactError as error:
            yield str(error)
            return
        if verdict.seen.entries != written:
            yield f"{verdict.seen.entries} entries were verified, and {written} were written"
