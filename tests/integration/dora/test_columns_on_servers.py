"""Changes as columns are the same whichever database holds them: one hands over text, the others hand over moments."""

from __future__ import annotations

from datetime import UTC, datetime

from iact.dora import store
from iact.dora.collect import collect
from iact.dora.column_reading import read_columns
from iact.dora.columns import NEVER
from iact.dora.figures import Window
from iact.dora.terms import Milestone
from iact.sources.git.rules import GitRules
from tests.support.git import GitRepository
from tests.support.stores import opened

WINDOW = Window(store.EARLIEST, store.LATEST)
NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_columns_hold_the_moments_of_the_changes(repository: GitRepository, store_url: str):
    repository.commit("first", at="2026-01-05 09:00")
    repository.branch("maintenance")
    repository.commit("never merged", at="2026-01-06 09:00:30")
    repository.tag("v1.0.1")
    repository.switch("main")
    repository.commit("second", at="2026-01-07 10:00:59")
    repository.tag("v1.1.0")
    engine = opened(store_url)
    try:
        with engine.begin() as connection:
            collect(connection, "p", "r", repository.path, GitRules(), NOW)
            deployments = store.deployments(connection, "p", "r")
            rows = list(store.deployed_changes(connection, "p", "r"))
            columns = read_columns(connection, "p", "r", WINDOW, deployments)
    finally:
        engine.dispose()

    authored, merged, deployed = (
        [None if at == NEVER else datetime.fromtimestamp(at / 1_000_000, UTC) for at in moments.tolist()]
        for moments in (columns.moments[each] for each in (Milestone.AUTHORED, Milestone.MERGED, Milestone.DEPLOYED))
    )
    held = zip([one.decode() for one in columns.ids], authored, merged, deployed, strict=True)
    assert sorted(held, key=str) == sorted(
        ((row.sha, row.authored_at, row.merged_at, row.deployed_at) for row in rows), key=str
    )
    assert None in merged
