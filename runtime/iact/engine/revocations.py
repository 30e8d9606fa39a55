"""Definitions that no run may go on under any more: a rule that does harm is taken back for every process at once.

A run keeps the rules that it started under, so mending a file does not reach it. Once the digest of a definition is
revoked, runs that pinned it begin nothing new: they wait for a person, and no run starts under it. What was under way
is still heard of, since it has happened.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from iact.core import instants
from iact.core.errors import ConfigurationError
from iact.engine import journal, store
from iact.engine.journal import LOG_RUN, EntryKind
from iact.engine.persons import Persons, with_words
from iact.engine.tables import CLAIMS, DEFINITIONS, REVOCATIONS
from iact.stores.query import query
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.engine.definitions import Definition
    from iact.engine.host import Host

SHORTEST: Final = 8
"""Hexadecimal digits of a digest that have to be named at least."""
_ALGORITHM: Final = "sha256:"
_AT_ONCE: Final = 1_000
"""How many runs one statement names."""

REVOKED: Final = query(
    "The digests of definitions that are revoked.",
    select(REVOCATIONS.c.digest).where(REVOCATIONS.c.project == bindparam("project")),
    whole="all that a project has revoked, which are few",
)
ALL: Final = query(
    "What is revoked, by whom and why.",
    select(REVOCATIONS)
    .where(REVOCATIONS.c.project == bindparam("project"))
    .order_by(REVOCATIONS.c.revoked_at, REVOCATIONS.c.digest),
    whole="all that a project has revoked, which are few",
)
DEFINED: Final = query(
    "Every definition that a run was started under.",
    select(DEFINITIONS.c.digest, DEFINITIONS.c.kind, DEFINITIONS.c.name, DEFINITIONS.c.body).where(
        DEFINITIONS.c.project == bindparam("project")
    ),
    whole="read when a person revokes one, to find it by the beginning of its digest",
)
ADD: Final = query("Revoke a definition.", insert(REVOCATIONS))
REMOVE: Final = query(
    "Let a definition hold again.",
    delete(REVOCATIONS).where(
        REVOCATIONS.c.project == bindparam("project"), REVOCATIONS.c.digest == bindparam("digest")
    ),
)
PARK: Final = query(
    "Let runs wait for a person.",
    update(CLAIMS)
    .where(
        CLAIMS.c.project == bindparam("b_project"),
        CLAIMS.c.run.in_(bindparam("runs", expanding=True)),
        CLAIMS.c.parked_at.is_(None),
    )
    .values(
        parked_at=bindparam("b_now"), not_before=None, failures=CLAIMS.c.failures + 1, trouble=bindparam("b_trouble")
    ),
)
UNPARK: Final = query(
    "Let runs go on that waited because of what was revoked.",
    update(CLAIMS)
    .where(
        CLAIMS.c.project == bindparam("b_project"),
        CLAIMS.c.run.in_(bindparam("runs", expanding=True)),
        CLAIMS.c.trouble.startswith(bindparam("b_trouble")),
    )
    .values(parked_at=None, not_before=None, failures=0, trouble=""),
)


class RevokedError(ConfigurationError):
    """A definition is revoked, and nothing new is begun under it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """That a definition is revoked.

    Attributes:
        digest: of its content.
        kind: what `kind:` says.
        name: its name.
        reason: why.
        revoked_by: who said so.
        revoked_at: when.
        waiting: how many runs wait for a person because of it, where it was just revoked.
    """

    digest: str
    kind: str
    name: str
    reason: str
    revoked_by: str
    revoked_at: datetime
    waiting: int = 0

    @property
    def pin(self) -> str:
        """What it is: `Agent/deploy`."""
        return f"{self.kind}/{self.name}"

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "definition": self.pin,
            "digest": self.digest,
            "reason": self.reason,
            "revoked_by": self.revoked_by,
            "revoked_at": instants.write(self.revoked_at),
            "waiting_runs": self.waiting,
        }

    def __str__(self) -> str:
        """Return it in words."""
        who = f"by {self.revoked_by}, {instants.write(self.revoked_at)}"
        return f"{self.pin} {self.digest}, {who}: {self.reason}"


def revoked_digests(connection: Connection, project: str) -> frozenset[str]:
    """Return the digests of what is revoked in a project."""
    return frozenset(row["digest"] for row in REVOKED.all(connection, project=project))


def check_not_revoked(connection: Connection, project: str, definitions: Iterable[Definition]) -> None:
    """Check that none of some definitions is revoked.

    Raises:
        RevokedError: if one is.
    """
    found = first_revoked(definitions, revoked_digests(connection, project))
    if found is not None:
        raise refusal(found)


def first_revoked(definitions: Iterable[Definition], revoked: Collection[str]) -> Definition | None:
    """Return the first of some definitions that is revoked; None where none is."""
    return next((each for each in definitions if each.digest in revoked), None) if revoked else None


def refusal(definition: Definition) -> RevokedError:
    """Return why nothing is begun under a definition."""
    return RevokedError(_why(definition.pin, definition.digest))


def _why(pin: str, digest: str) -> str:
    short = digest.removeprefix(_ALGORITHM)[:12]
    return f"{pin} {short} is revoked. `iact config revoke` says why; `--undo` lets it hold again."


def revocations(connection: Connection, project: str) -> list[Revocation]:
    """Return what is revoked, the earliest first, with the words of people."""
    return [
        Revocation(
            digest=row["digest"],
            kind=row["kind"],
            name=row["name"],
            reason=with_words(connection, project, row["reason"]),
            revoked_by=with_words(connection, project, row["revoked_by"]),
            revoked_at=row["revoked_at"],
        )
        for row in ALL.all(connection, project=project)
    ]


def revoke(host: Host, named: str, *, by: str, reason: str) -> Revocation:
    """Revoke a definition; durable once this returns, and kept in the log.

    Args:
        host: where the runs live.
        named: its digest, or how that begins.
        by: who says so.
        reason: why.

    Raises:
        ConfigurationError: if no run was started under such a definition, several are meant, or it is revoked already.
    """

    def work(connection: Connection) -> Revocation:
        kind, name, found, keys = _found(connection, host.project, named)
        if found in revoked_digests(connection, host.project):
            message = f"{kind}/{name} {found} is revoked already. `iact config revoke` says by whom and why."
            raise ConfigurationError(message)
        now = host.now(connection)
        said = Persons(connection, host.project, now).said(by, reason, run=LOG_RUN)
        ADD.run(
            connection,
            project=host.project,
            digest=found,
            kind=kind,
            name=name,
            reason=said["reason"],
            revoked_by=said["by"],
            revoked_at=now,
        )
        _note(connection, host.project, now, {"what": f"revoked {kind}/{name}", "digest": found, **said})
        runs = list(_going_on_under(connection, host.project, keys))
        trouble = f"{RevokedError.__name__}: {_why(f'{kind}/{name}', found)}"
        for some in _parts(runs):
            PARK.run(connection, b_project=host.project, runs=some, b_now=now, b_trouble=trouble)
        return Revocation(
            digest=found, kind=kind, name=name, reason=reason, revoked_by=by, revoked_at=now, waiting=len(runs)
        )

    return write(host.engine, work, meets_others=True)


def undo(host: Host, named: str, *, by: str, reason: str) -> Revocation:
    """Let a definition hold again that was revoked, and the runs go on that wait because of it.

    Args:
        host: where the runs live.
        named: its digest, or how that begins.
        by: who says so.
        reason: why.

    Raises:
        ConfigurationError: if no such definition is revoked, or several are meant.
    """

    def work(connection: Connection) -> Revocation:
        found = _one(named, [each for each in revocations(connection, host.project) if _begins(each.digest, named)])
        now = host.now(connection)
        said = Persons(connection, host.project, now).said(by, reason, run=LOG_RUN)
        REMOVE.run(connection, project=host.project, digest=found.digest)
        _note(connection, host.project, now, {"what": f"allowed {found.pin} again", "digest": found.digest, **said})
        *_, keys = _found(connection, host.project, found.digest)
        runs = list(_going_on_under(connection, host.project, keys))
        trouble = f"{RevokedError.__name__}: {_why(found.pin, found.digest)}"
        for some in _parts(runs):
            UNPARK.run(connection, b_project=host.project, runs=some, b_trouble=trouble)
        return found

    return write(host.engine, work, meets_others=True)


def _one(named: str, found: list[Revocation]) -> Revocation:
    if len(found) != 1:
        several = ", ".join(each.digest for each in found)
        what = f"means several: {several}" if found else "is the digest of nothing that is revoked"
        message = f"{named} {what}. `iact config revoke` lists what is revoked."
        raise ConfigurationError(message)
    return found[0]


def _found(connection: Connection, project: str, named: str) -> tuple[str, str, str, frozenset[str]]:
    """Return kind, name and digest of the definition that is meant, and what it is stored under."""
    if len(named.removeprefix(_ALGORITHM)) < SHORTEST:
        message = f"{named} is too short: name at least {SHORTEST} digits of the digest, as `iact runs show` says it."
        raise ConfigurationError(message)
    found: dict[tuple[str, str, str], set[str]] = {}
    for row in DEFINED.rows(connection, project=project):
        own = str(json.loads(row["body"])["digest"])
        if _begins(own, named):
            found.setdefault((row["kind"], row["name"], own), set()).add(row["digest"])
    if len(found) != 1:
        several = ", ".join(f"{kind}/{name} {own}" for kind, name, own in sorted(found))
        what = f"means several: {several}" if found else "is the digest of no definition that a run was started under"
        message = f"{named} {what}. `iact runs show RUN` says which one a run has."
        raise ConfigurationError(message)
    ((kind, name, own), keys), *_ = found.items()
    return kind, name, own, frozenset(keys)


def _begins(digest: str, named: str) -> bool:
    return digest.removeprefix(_ALGORITHM).startswith(named.removeprefix(_ALGORITHM).lower())


def _going_on_under(connection: Connection, project: str, keys: frozenset[str]) -> Iterator[str]:
    """Walk the runs that go on and that pinned one of some definitions."""
    for row in store.PINS_GOING_ON.rows(connection, project=project):
        if not keys.isdisjoint(json.loads(row["pins"]).values()):
            yield row["run"]


def _parts(runs: list[str]) -> Iterator[list[str]]:
    for begin in range(0, len(runs), _AT_ONCE):
        yield runs[begin : begin + _AT_ONCE]


def _note(connection: Connection, project: str, now: datetime, body: dict[str, str]) -> None:
    journal.append(connection, project=project, run=LOG_RUN, kind=EntryKind.LOG, at=now, body=body)


def all_revoked(host: Host) -> list[Revocation]:
    """Return what is revoked in a project, the earliest first."""
    return read(host.engine, lambda connection: revocations(connection, host.project))
