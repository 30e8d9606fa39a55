"""From the store to columns of changes, without an object for each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora import store
from iact.dora.columns import NEVER, ChangeColumns, Releases
from iact.dora.figures import Window
from iact.dora.records import Deployment
from iact.dora.terms import Milestone

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_columns(
    connection: Connection, project: str, repository: str, window: Window, deployments: Sequence[Deployment]
) -> ChangeColumns:
    """Return the changes that were first deployed in a window, as columns.

    Args:
        connection: an open connection; it is only read.
        project: the project.
        repository: the repository's key in it.
        window: the window.
        deployments: those of the window, the earliest first.
    """
    return columns_of(store.change_cells(connection, project, repository, window.start, window.end), deployments)


def columns_of(cells: Iterable[Sequence[Sequence[Any]]], deployments: Sequence[Deployment]) -> ChangeColumns:
    """Return changes as columns.

    Args:
        cells: parts of what the database holds of them, in the order of `store.CELLS`.
        deployments: those that they were first deployed by, the earliest first.
    """
    place_of = {deployment.key: place for place, deployment in enumerate(deployments)}
    parts: list[tuple[NDArray[Any], ...]] = []
    for part in cells:
        column = dict(zip(store.CELLS, part, strict=True))
        parts.append(
            (
                np.array(column["sha"], dtype=np.bytes_),
                np.array([place_of[key] for key in column["deployment"]], dtype=np.int32),
                *(_microseconds(column[name]) for name in ("authored_at", "committed_at", "merged_at")),
                np.array(column["is_merge"], dtype=np.bool_),
                np.array(column["by_agent"], dtype=np.bool_),
            )
        )
    if not parts:
        parts.append((np.array([], np.bytes_), *(np.array([], kind) for kind in ("i4", "i8", "i8", "i8", "?", "?"))))
    release = np.concatenate([part[1] for part in parts])
    order = np.argsort(release, kind="stable")
    ids, release, authored, committed, merged, is_merge, by_agent = (
        np.concatenate(column)[order] for column in zip(*parts, strict=True)
    )
    deployed_at = [deployment.deployed_at for deployment in deployments]
    seconds = [instants.microseconds(moment - instants.EPOCH) for moment in deployed_at]
    return ChangeColumns(
        releases=Releases(
            keys=[deployment.key for deployment in deployments],
            deployed_at=deployed_at,
            is_first_known=np.array([deployment.first_known for deployment in deployments], dtype=np.bool_),
        ),
        ids=ids,
        release=release,
        moments={
            Milestone.AUTHORED: authored,
            Milestone.COMMITTED: committed,
            Milestone.MERGED: merged,
            Milestone.DEPLOYED: np.array(seconds, dtype=np.int64)[release],
        },
        is_merge=is_merge,
        by_agent=by_agent,
    )


def _microseconds(moments: Sequence[str | datetime | None]) -> NDArray[np.int64]:
    """Return moments as the database holds them, text or without their zone UTC, in microseconds since 1970."""
    if any(isinstance(moment, datetime) for moment in moments):
        found = np.array(moments, dtype="datetime64[us]")
    else:
        # The last character says UTC, which NumPy does not read; bytes are read three times as quickly as characters.
        found = np.array([moment or "NaT" for moment in moments], dtype="S26").astype("datetime64[us]")
    assert np.datetime64("NaT", "us").astype(np.int64) == NEVER  # noqa: S101 - what NumPy takes for no moment
    return found.astype(np.int64)
