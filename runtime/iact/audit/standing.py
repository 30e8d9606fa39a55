"""Where the log of a project stands: how far it goes, what waits, is signed by which key, archived, published where."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from iact.audit.last_signed import SecondHistoryError, check_goes_on_from, last_signed
from iact.audit.publishing.standing import place_findings, place_lines, place_notes, place_records
from iact.audit.store import OLDEST_WAITING, archives, head, keys_of, newest_checkpoint
from iact.audit.stored_rows import damage_findings, damage_of, every_damage
from iact.core import instants
from iact.core.errors import EnvironmentProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.audit.identity import LogIdentity
    from iact.audit.publishing.places import Publishing
    from iact.audit.store import Archived
    from iact.audit.stored_rows import Damage

LONGEST_WAIT: Final = timedelta(seconds=5)
"""How long an entry may wait for its place while somebody serves the project."""
LONGEST_UNSIGNED: Final = timedelta(minutes=5)
"""How long what has its place may be unsigned."""


def log_standing(  # noqa: PLR0913 - the last one by its name
    connection: Connection,
    project: str,
    now: datetime,
    publishing: Publishing,
    identity: LogIdentity | None = None,
    *,
    damage: Sequence[Damage] | None = None,
) -> dict[str, Any]:
    """Return where a log stands, as JSON data.

    Args:
        connection: reads the store.
        project: the project.
        now: the present moment, UTC.
        publishing: where checkpoints are to go.
        identity: which log it is, where the files that belong to it are looked at, too.
        damage: which rows of the journal are changed; None for those that whoever serves has found.
    """
    top, signed = head(connection, project), newest_checkpoint(connection, project)
    keys, parts = keys_of(connection, project), archives(connection, project)
    waiting = OLDEST_WAITING.one(connection, project=project)
    oldest = waiting["written_at"] if waiting else None
    size = top.size if top else 0
    signed_size = signed.size if signed else 0
    unsigned_since = top.sequenced_at if top and size > signed_size else None
    published = place_records(connection, project, publishing) if size else []
    return {
        "entries": size,
        "waits_since": _written(oldest),
        "signed": signed_size,
        "signed_at": _written(signed.at if signed else None),
        "key": keys[-1].key if keys else None,
        "key_since": _written(keys[-1].since if keys else None),
        "archived": parts[-1].end if parts else 0,
        "archived_at": _written(parts[-1].archived_at if parts else None),
        "published": published,
        "checked_at": _written(top.checked_at if top else None),
        "notes": list(place_notes(publishing)) if size else [],
        "findings": [
            *damage_findings(damage_of(top) if damage is None else damage),
            *_findings(now, oldest, unsigned_since),
            *place_findings(published, now, publishing.every),
            *(_file_findings(connection, project, identity, parts) if identity else ()),
        ],
    }


@dataclass(frozen=True, slots=True)
class ExaminedLog:
    """What a log looks like to somebody who examines the store.

    Attributes:
        rows: how many rows of the journal were compared with it.
        changed: that some are not as it has them, as findings.
        findings: what else is not as it should be.
        notes: what somebody should know.
    """

    rows: int
    changed: Sequence[str]
    findings: Sequence[str]
    notes: Sequence[str]


def examined_log(
    connection: Connection, project: str, now: datetime, about: tuple[Publishing, LogIdentity] | None, most: int
) -> ExaminedLog:
    """Compare rows of the journal with the log, and return that with what `log_standing` finds.

    Args:
        connection: reads the store.
        project: the project.
        now: the present moment, UTC.
        about: where checkpoints are to go, and which log it is; None for the store of somebody else, or a copy.
        most: how many rows at most; with 0, what whoever serves has found is told.
    """
    damage, rows = every_damage(connection, project, most) if most else (damage_of(head(connection, project)), 0)
    changed = tuple(damage_findings(damage))
    if about is None:
        return ExaminedLog(rows, changed, (), ())
    publishing, identity = about
    stands = log_standing(connection, project, now, publishing, identity, damage=())
    return ExaminedLog(rows, changed, stands["findings"], stands["notes"])


def _file_findings(
    connection: Connection, project: str, identity: LogIdentity, parts: Sequence[Archived]
) -> Iterator[str]:
    """Yield what is wrong with the files beside the store: of what was signed here, and of the archive."""
    try:
        check_goes_on_from(connection, project, last_signed(identity))
    except (SecondHistoryError, EnvironmentProblemError) as error:
        yield str(error)
    if parts and not identity.archive.is_dir():
        yield (
            f"the folder of the archive, {identity.archive}, is not there, and what is archived is perhaps in no "
            "journal any more. Put it back from a copy, or say by `audit: {archive: …}` where it is"
        )
    elif missing := [part.file for part in parts if not (identity.archive / part.file).is_file()]:
        yield (
            f"{len(missing)} parts of the archive are not in {identity.archive}, the first is {missing[0]}: what is in "
            "them is perhaps in no journal any more. Put them back from a copy"
        )


def _findings(now: datetime, oldest: datetime | None, unsigned_since: datetime | None) -> Iterator[str]:
    """Yield what is not as it should be.

    Args:
        now: the present moment.
        oldest: since when the entry that waits longest has waited; None where none does.
        unsigned_since: when the newest entry got its place, where it is not signed.
    """
    if oldest is not None and now - oldest > LONGEST_WAIT:
        yield (
            f"entries have waited for their places in the log since {instants.write(oldest)}: `iact serve` gives them "
            "within seconds, `iact tick` at once"
        )
    if unsigned_since is not None and now - unsigned_since > LONGEST_UNSIGNED:
        yield (
            f"what was written since {instants.write(unsigned_since)} is not signed: no process has served the "
            "project, or none that has the secret of the key"
        )


def _written(moment: datetime | None) -> str | None:
    return None if moment is None else instants.write(moment)


def log_lines(found: dict[str, Any], now: datetime) -> Iterator[str]:
    """Yield where a log stands in lines for people.

    Args:
        found: what `log_standing` returned.
        now: the present moment, UTC.
    """
    if not found["entries"] and not found["waits_since"]:
        yield "nothing was written to the journal yet"
        return
    signed = f"{found['signed']:,} of them signed at {found['signed_at']}" if found["signed"] else "none of them signed"
    yield f"{found['entries']:,} entries, {signed}"
    if found["waits_since"]:
        yield f"entries wait for their places since {found['waits_since']}"
    if found["key"]:
        name, identity, _ = found["key"].split("+", 2)
        age = (now - instants.parse(found["key_since"])).days
        yield f"key {name}+{identity}, {age} days old"
    if found["archived"]:
        yield f"{found['archived']:,} entries in the archive, the newest since {found['archived_at']}"
    yield from place_lines(found["published"], now)
    yield from (f"note: {one}" for one in found["notes"])
    yield from (f"finding: {one}" for one in found["findings"])
