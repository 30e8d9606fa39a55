"""Writing deployments."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, select, update

from iact.dora.deploying import Repeated
from iact.dora.recorder.rows import Rows
from iact.dora.tables import CHANGES, DEPLOYMENTS, of_repository, same_repository
from iact.sources.git.model import Release
from iact.stores.chunks import CHUNK, chunks
from iact.stores.query import READ_AGAIN, query

FORGET_DEPLOYMENTS: Final = query(
    "Drop all deployments, to put them together again.",
    delete(DEPLOYMENTS).where(of_repository(DEPLOYMENTS)),
    whole=READ_AGAIN,
)
FORGET_DEPLOYMENT: Final = query(
    "Drop one deployment.",
    delete(DEPLOYMENTS).where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key")),
)
REPEATED: Final = query(
    "The deployments that brought nothing, which have another key than their commit.",
    select(*(DEPLOYMENTS.c[name] for name in ("key", "name", "names", "sha", "deployed_at", "source"))).where(
        of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key != DEPLOYMENTS.c.sha
    ),
    whole=READ_AGAIN,
)
ADD_DEPLOYMENTS: Final = query("Add deployments.", insert(DEPLOYMENTS))
DATE_OLDEST_CHANGES: Final = query(
    "Note of new deployments when the first of their changes was merged, by which those that waited are found.",
    update(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.oldest_merged_at.is_(None))
    .values(
        oldest_merged_at=func.coalesce(
            select(func.min(CHANGES.c.merged_at))
            .where(
                same_repository(CHANGES, DEPLOYMENTS),
                CHANGES.c.deployment == DEPLOYMENTS.c.key,
                CHANGES.c.merged_at <= DEPLOYMENTS.c.deployed_at,
            )
            .scalar_subquery(),
            DEPLOYMENTS.c.deployed_at,
        )
    ),
)
UNDATE_OLDEST_CHANGE: Final = query(
    "Forget when the first change of a deployment was merged, to look again.",
    update(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key"))
    .values(oldest_merged_at=None),
)
KNOWN_DEPLOYMENTS: Final = query(
    "The first deployment of each commit, the earliest first; a later one has another key.",
    select(DEPLOYMENTS.c.sha, DEPLOYMENTS.c.names, DEPLOYMENTS.c.deployed_at)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == DEPLOYMENTS.c.sha)
    .order_by(DEPLOYMENTS.c.deployed_at, DEPLOYMENTS.c.key),
    whole=READ_AGAIN,
)
MARK_HOTFIXES: Final = query(
    "Note which deployments are hot fixes.",
    update(DEPLOYMENTS)
    .where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.key == bindparam("of_key"))
    .values(is_hotfix=True),
)
UNMARK_HOTFIXES: Final = query(
    "Forget which deployments are hot fixes.",
    update(DEPLOYMENTS).where(of_repository(DEPLOYMENTS), DEPLOYMENTS.c.is_hotfix).values(is_hotfix=False),
    whole=READ_AGAIN,
)


class Deployments(Rows):
    """The deployments of a repository."""

    def forget(self) -> None:
        """Drop them all."""
        FORGET_DEPLOYMENTS.run(self._connection, **self._named)

    def known(self) -> dict[str, tuple[tuple[str, ...], datetime]]:
        """Return names and date of the first deployment of each commit, the earliest first."""
        rows = KNOWN_DEPLOYMENTS.rows(self._connection, **self._named)
        return {row["sha"]: (tuple(row["names"].split("\n")), row["deployed_at"]) for row in rows}

    def add(
        self,
        releases: Iterable[Release],
        changes: Mapping[str, int],
        environment: str,
        oldest: Mapping[str, datetime] | None = None,
    ) -> None:
        """Add deployments.

        Args:
            releases: what git tells of them.
            changes: how many commits each was the first to contain.
            environment: where they went.
            oldest: when the first of those was merged; left out, `date_oldest_changes` looks it up.
        """
        for part in chunks(releases, CHUNK):
            rows = [
                {
                    "key": release.sha,
                    "name": release.name[:255],
                    "names": "\n".join(release.names),
                    "sha": release.sha,
                    "deployed_at": release.deployed_at,
                    "previous": release.previous,
                    "environment": environment[:64],
                    "changes": changes.get(release.sha, 0),
                    "is_hotfix": False,
                    "source": release.source,
                    "oldest_merged_at": None
                    if oldest is None
                    else min(oldest.get(release.sha, release.deployed_at), release.deployed_at),
                }
                for release in part
            ]
            ADD_DEPLOYMENTS.run_many(self._connection, [self._key | row for row in rows])

    def set_repeated(self, repeated: Iterable[Repeated], environment: str) -> None:
        """Bring up to date the deployments that brought nothing, or of which it is not known what they brought.

        Args:
            repeated: what is told of them.
            environment: where they went.
        """
        wanted = {one.key: self._repeated(one, environment) for one in repeated}
        there = {row["key"]: dict(row) for row in REPEATED.rows(self._connection, **self._named)}
        stale = [
            key
            for key, row in there.items()
            if key not in wanted or any(wanted[key][name] != row[name] for name in row)
        ]
        gone = set(stale)
        FORGET_DEPLOYMENT.run_many(self._connection, [self._named | {"of_key": key} for key in stale])
        fresh = [row for key, row in wanted.items() if key not in there or key in gone]
        for part in chunks(fresh, CHUNK):
            ADD_DEPLOYMENTS.run_many(self._connection, part)

    def _repeated(self, one: Repeated, environment: str) -> dict[str, Any]:
        return {
            **self._key,
            "key": one.key,
            "name": one.name[:255],
            "names": "\n".join(one.names),
            "sha": one.sha,
            "deployed_at": one.deployed_at,
            "previous": None,
            "environment": environment[:64],
            "changes": 0,
            "is_hotfix": False,
            "source": one.source,
        }

    def undate_oldest_changes(self, keys: Iterable[str]) -> None:
        """Forget of some deployments when the first of their changes was merged, to look again."""
        UNDATE_OLDEST_CHANGE.run_many(self._connection, [self._named | {"of_key": key} for key in keys])

    def date_oldest_changes(self) -> None:
        """Note when the first change of each deployment was merged of which that is not noted."""
        DATE_OLDEST_CHANGES.run(self._connection, **self._named)

    def set_hotfixes(self, keys: Collection[str]) -> None:
        """Note which deployments are hot fixes, and that no others are."""
        UNMARK_HOTFIXES.run(self._connection, **self._named)
        MARK_HOTFIXES.run_many(self._connection, [self._named | {"of_key": key} for key in keys])
