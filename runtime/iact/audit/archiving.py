"""The archive of a log: bundles of one part after the other, so that the journal may be deleted.

A part is noted in the store once its bundle is on the disk and was verified; only what is noted may be deleted.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, or_, select

from iact.audit.exporting import Asked, export
from iact.audit.store import ADD_ARCHIVE, SAME_ENTRY, archives, never_placed, newest_checkpoint
from iact.audit.tables import LOG_LEAVES
from iact.core import instants
from iact.core.errors import EnvironmentProblemError, FindingError
from iact.engine import journal
from iact.engine.journal import LOG_RUN, EntryKind
from iact.engine.tables import JOURNAL
from iact.stores.connect import make_folder
from iact.stores.query import query
from iact.stores.units import read, write

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from sqlalchemy.engine import Connection

    from iact.audit.identity import LogIdentity
    from iact.audit.store import Archived
    from iact.audit.verdicts import Verdict
    from iact.engine.host import Host

NOT_ARCHIVED: Final = query(
    "Which of some runs have an entry that is not in the archive.",
    select(JOURNAL.c.run)
    .select_from(JOURNAL.outerjoin(LOG_LEAVES, SAME_ENTRY))
    .where(
        JOURNAL.c.project == bindparam("project"),
        JOURNAL.c.run.in_(bindparam("runs", expanding=True)),
        or_(LOG_LEAVES.c.place.is_(None), LOG_LEAVES.c.place >= bindparam("end_place")),
    )
    .distinct(),
)

ENTRY_AFTER: Final = query(
    "An entry of a run, and not about the log itself, that has its place after another.",
    select(LOG_LEAVES.c.place)
    .where(
        LOG_LEAVES.c.project == bindparam("project"),
        LOG_LEAVES.c.place >= bindparam("first_place"),
        LOG_LEAVES.c.run != bindparam("but_run"),
    )
    .limit(1),
)

STILL_THERE: Final = query(
    "An entry of a run that has its place in a part of the log, and is still in the journal.",
    select(LOG_LEAVES.c.place)
    .select_from(JOURNAL.join(LOG_LEAVES, SAME_ENTRY))
    .where(
        JOURNAL.c.project == bindparam("project"),
        LOG_LEAVES.c.place >= bindparam("first_place"),
        LOG_LEAVES.c.place < bindparam("end_place"),
        LOG_LEAVES.c.run != bindparam("but_run"),
    )
    .limit(1),
)


def archive(host: Host, identity: LogIdentity) -> Archived | None:
    """Put all that is signed and not in the archive yet into it; return the new part, None where there is nothing.

    Args:
        host: where the runs live; what waits has been given its place.
        identity: which log it is, and where its archive is.

    Raises:
        EnvironmentProblemError: if the bundle cannot be written, or entries are nowhere.
        FindingError: if what the store holds does not prove itself.
    """
    found = read(host.engine, lambda connection: _unarchived(connection, host.project))
    if found is None:
        return None
    begin, size = found
    file = identity.archive / f"{host.project}-{begin:012}-{size:012}.zip"
    try:
        make_folder(identity.archive)
    except OSError as error:
        message = (
            f"the folder of the archive {identity.archive} cannot be made: {error.strerror}. Check its permissions."
        )
        raise EnvironmentProblemError(message) from error
    verdict = export(host, identity, file, Asked(after=begin, discloses=False))
    sealed = digest_of_file(file)
    return write(host.engine, lambda connection: _note(connection, host, file.name, sealed, verdict), meets_others=True)


def check_archive(host: Host, identity: LogIdentity) -> None:
    """Check that every part of the archive is on the disk as it was made, of which an entry is still in the journal.

    Of the others nothing can be deleted any more: whoever keeps them elsewhere may do so.

    Args:
        host: where the runs live.
        identity: which log it is, and where its archive is.

    Raises:
        EnvironmentProblemError: if one is not there, or cannot be read.
        FindingError: if one was changed.
    """

    def needed(connection: Connection) -> list[Archived]:
        asked = {"project": host.project, "but_run": LOG_RUN}
        parts = archives(connection, host.project)
        return [
            part
            for part in parts
            if STILL_THERE.one(connection, first_place=part.begin, end_place=part.end, **asked) is not None
        ]

    for part in read(host.engine, needed):
        file = identity.archive / part.file
        lost = "Nothing of the journal is deleted. Bring a copy of it back"
        try:
            is_same = digest_of_file(file) == part.digest
        except OSError as error:
            message = (
                f"entries {part.begin} to {part.end - 1} of the log should be in the archive, and {file} cannot be "
                f"read: {error.strerror}. {lost}, or name its folder in iact.yaml: `audit: {{archive: FOLDER}}`."
            )
            raise EnvironmentProblemError(message) from error
        if not is_same:
            message = f"{file} is not the part of the archive that was made: it was changed, or cut off. {lost}."
            raise FindingError(message)


def digest_of_file(file: Path) -> str:
    """Return `sha256:` and the digest of a file's bytes."""
    with file.open("rb") as opened:
        return f"sha256:{hashlib.file_digest(opened, 'sha256').hexdigest()}"


def _unarchived(connection: Connection, project: str) -> tuple[int, int] | None:
    """Return the first place that is not in the archive, and up to where the log is signed; None where that is no news.

    What is noted about the log itself is none: archiving writes such a note.
    """
    signed, begin = newest_checkpoint(connection, project), archived_until(connection, project)
    if signed is None or signed.size <= begin:
        return None
    news = ENTRY_AFTER.one(connection, project=project, first_place=begin, but_run=LOG_RUN)
    return None if news is None else (begin, signed.size)


def archived_until(connection: Connection, project: str) -> int:
    """Return the place up to which the log is in the archive."""
    parts = archives(connection, project)
    return parts[-1].end if parts else 0


def _note(connection: Connection, host: Host, file: str, sealed: str, verdict: Verdict) -> Archived | None:
    begin, end = verdict.manifest.first, verdict.manifest.last
    if archived_until(connection, host.project) != begin:
        return None
    now = host.now(connection)
    earliest, latest = instants.parse(verdict.seen.begin), instants.parse(verdict.seen.end)
    ADD_ARCHIVE.run(
        connection,
        project=host.project,
        begin_place=begin,
        end_place=end,
        earliest_at=earliest,
        latest_at=latest,
        file=file,
        digest=sealed,
        archived_at=now,
    )
    body = {"what": "archived", "first": begin, "last": end, "file": file, "digest": sealed}
    journal.append(connection, project=host.project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)
    return archives(connection, host.project)[-1]


def not_archived(connection: Connection, project: str, runs: Collection[str]) -> frozenset[str]:
    """Return which of some runs have an entry in the journal that is not in the archive, and so has to stay.

    A run whose first entries were deleted before there was a log is in no log, and may go on being deleted.

    Args:
        connection: reads the store.
        project: the project.
        runs: the runs.
    """
    if not runs:
        return frozenset()
    end = archived_until(connection, project)
    rows = NOT_ARCHIVED.all(connection, project=project, runs=list(runs), end_place=end)
    found = frozenset(row["run"] for row in rows)
    return found - never_placed(connection, project, found)
