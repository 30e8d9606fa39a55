"""Bringing back into the journal what was deleted there, out of a bundle of the archive.

The bundle is verified as an auditor does, and every entry has to be the one that this log has at its place. Journals
are deleted from the front, so they come back from behind: the part that was deleted last comes first.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, insert

from iact.audit.archives import Archive
from iact.audit.archiving import digest_of_file
from iact.audit.bundles import ENTRIES, AuditFindingError, BundleError
from iact.audit.exporting import first_trusted
from iact.audit.store import head, keys_of, tile_reader
from iact.audit.tiles import Tiles
from iact.audit.tree import leaf_hash
from iact.audit.verifying import verify_bundle
from iact.core import instants
from iact.core.canonical import digest
from iact.core.errors import ConfigurationError, FindingError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind, anchor_of
from iact.engine.persons import Persons
from iact.engine.pruning import SET_ANCHOR
from iact.engine.tables import JOURNAL, JOURNAL_ANCHORS, of_run
from iact.stores.query import query
from iact.stores.units import read, write

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from iact.audit.verdicts import Verdict
    from iact.engine.host import Host

AT_ONCE: Final = 1_000
"""How many entries are brought back with one statement."""

BRING_BACK: Final = query("Bring entries back into the journal.", insert(JOURNAL))
DROP_ANCHOR: Final = query("Forget where a journal begins.", delete(JOURNAL_ANCHORS).where(of_run(JOURNAL_ANCHORS)))


@dataclass(frozen=True, slots=True)
class Restored:
    """What was brought back.

    Attributes:
        entries: how many entries.
        runs: of how many runs.
        verdict: what the verifier said of the bundle.
    """

    entries: int
    runs: int
    verdict: Verdict


@dataclass(slots=True)
class _Front:
    """What comes back of the front of a run's journal.

    Attributes:
        missing: sequence of the last entry that was deleted.
        pruned_at: when.
        first: sequence of the first entry that comes back; None before there is one.
        previous: digest of the entry before it.
        last: sequence of the last entry that comes back.
    """

    missing: int
    pruned_at: datetime
    first: int | None = None
    previous: str = ""
    last: int = 0


def restore(host: Host, file: Path, by: str, reason: str) -> Restored:
    """Bring back what a bundle of the archive holds and the journal does not.

    Args:
        host: where the runs live.
        file: the bundle.
        by: who says so.
        reason: why.

    Raises:
        ConfigurationError: if it is none, is of another log, or a part that was deleted later has to come first.
        FindingError: if it does not hold, or an entry is not the one that the log has at its place.
    """
    verdict = _verified(host, file)

    def work(connection: Connection) -> Restored:
        fronts = _bring_back(connection, host.project, file, verdict.manifest.first)
        back = {run: front for run, front in fronts.items() if front.first is not None}
        entries = sum(front.last - (front.first or 0) + 1 for front in back.values())
        for run, front in back.items():
            _move_anchor(connection, host.project, run, front)
        if entries:
            now = host.now(connection)
            said = Persons(connection, host.project, now).said(by, reason, run=LOG_RUN)
            # Not the file's name: whoever chose it may have named somebody.
            body = {"what": "restored", "file": digest_of_file(file), "entries": entries, **said}
            journal.append(connection, project=host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)
        return Restored(entries, len(back), verdict)

    return write(host.engine, work, meets_others=True)


def _verified(host: Host, file: Path) -> Verdict:
    keys = read(host.engine, lambda connection: keys_of(connection, host.project))
    if not keys:
        message = "the log of this store has no key yet, so that nothing can be a part of it."
        raise ConfigurationError(message)
    try:
        verdict = verify_bundle(file, [first_trusted(keys)])
    except BundleError as error:
        message = f"{file} cannot be brought back: {error}."
        raise ConfigurationError(message) from error
    except AuditFindingError as error:
        message = f"{file} does not hold, and nothing was brought back: {error}"
        raise FindingError(message) from error
    if verdict.manifest.project != host.project:
        message = f"{file} is of the project {verdict.manifest.project}, not of {host.project}."
        raise ConfigurationError(message)
    return verdict


def _bring_back(connection: Connection, project: str, file: Path, first: int) -> dict[str, _Front]:
    """Write the entries of a bundle that are missing; return what came back of each run that lacks any."""
    top = head(connection, project)
    tiles = Tiles(top.size if top else 0, tile_reader(connection, project))
    fronts: dict[str, _Front | None] = {}
    rows: list[dict[str, Any]] = []
    with Archive(file) as archive:
        for place, content in enumerate(archive.lines(ENTRIES), first):
            if place >= tiles.size or tiles.subtree(0, place) != leaf_hash(content):
                message = f"{file} is of another log: its entry {place} is not the one that this log has at this place."
                raise FindingError(message)
            record = json.loads(content)
            run = record["run"]
            if run not in fronts:
                fronts[run] = _front(connection, project, run)
            if _comes_back(fronts[run], record):
                rows.append(_row(project, record, content))
            if len(rows) == AT_ONCE:
                BRING_BACK.run_many(connection, rows)
                rows = []
    BRING_BACK.run_many(connection, rows)
    return {run: front for run, front in fronts.items() if front is not None}


def _front(connection: Connection, project: str, run: str) -> _Front | None:
    anchor = anchor_of(connection, project, run)
    return None if anchor is None else _Front(anchor["sequence"], anchor["pruned_at"])


def _comes_back(front: _Front | None, record: dict[str, Any]) -> bool:
    """Return whether an entry is missing, and take it in."""
    sequence: int = record["sequence"]
    if front is None or sequence > front.missing:
        return False
    if front.first is None:
        front.first, front.previous = sequence, record["previous"]
    front.last = sequence
    return True


def _row(project: str, record: dict[str, Any], content: bytes) -> dict[str, Any]:
    return {
        "project": project,
        "run": record["run"],
        "sequence": record["sequence"],
        "kind": record["kind"],
        "at": instants.parse(record["at"]),
        "body": content,
        "digest": digest(content),
    }


def _move_anchor(connection: Connection, project: str, run: str, front: _Front) -> None:
    """Note where the journal of a run begins now."""
    if front.last != front.missing:
        message = (
            f"of run {run} the entries {front.last + 1} to {front.missing} are missing as well; bring back the part of "
            "the archive that has them first."
        )
        raise ConfigurationError(message)
    DROP_ANCHOR.run(connection, project=project, run=run)
    if front.first is not None and front.first > 1:
        SET_ANCHOR.run(
            connection,
            project=project,
            run=run,
            sequence=front.first - 1,
            digest=front.previous,
            pruned_at=front.pruned_at,
        )
