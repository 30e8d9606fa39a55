"""What PDCA says of two real histories: what 48 h can tell, and how often chance alone would be kept."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from iact.config.opening import open_project
from iact.core.quantities import Dimension
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.measure import read_history
from iact.dora.repository import refresh, repository_key
from iact.dora.terms import Better
from iact.pdca.effect import Stretch, compare
from iact.pdca.measured import Measured
from iact.pdca.thin import latest_windows
from iact.pdca.verdict import Verdict, by_evidence
from iact.stores.connect import reading
from tests.support.git import GitRepository
from tests.support.kept import open_passing
from tests.support.project import ROOT

END = datetime(2026, 4, 10, tzinfo=UTC)
SHUFFLES = 1000


def measured(repository: GitRepository) -> Measured:
    """Return the figures of a whole history."""
    project, engine = open_project(ROOT), open_passing()
    refresh(engine, project, repository.path, END)
    window = Window.ending(END, timedelta(days=20 * 365))
    with reading(engine) as connection:
        history = read_history(connection, project.name, repository_key(repository.path), window)
    engine.dispose()
    return Measured.of(history, window, named_metrics(project))


@pytest.fixture(scope="module", params=["flask_repository", "requests_repository"])
def history(request: pytest.FixtureRequest) -> Measured:
    """One of the two real histories."""
    return measured(request.getfixturevalue(request.param))


def test_nearly_every_window_of_48_hours_is_empty(history: Measured):
    moments = [deployment.deployed_at for deployment in history.history.deployments]

    windows = latest_windows(moments, END, timedelta(hours=48), timedelta(days=365))

    assert windows.looked_at == 183
    assert windows.empty / windows.looked_at > 0.95


@pytest.mark.parametrize(("before", "after"), [(14, 8), (30, 24)])
def test_releases_in_shuffled_order_are_rarely_kept(history: Measured, before: int, after: int):
    """Which release came before and which after is left to chance, so every keep is a false one."""
    clusters = list(history.stretch("lead_time").clusters)
    chance = random.Random(11)  # noqa: S311 - a simulation that repeats, not a secret
    verdicts = []
    for _ in range(SHUFFLES):
        chance.shuffle(clusters)
        earlier, later = clusters[:before], clusters[before : before + after]
        effect = compare(
            Dimension.DURATION,
            Stretch(clusters=tuple(earlier), seconds=1),
            Stretch(clusters=tuple(later), seconds=1),
            confidence=0.95,
        )
        verdicts.append(by_evidence(effect, Better.LOWER))

    assert verdicts.count(Verdict.KEEP) / SHUFFLES <= 0.05
    assert verdicts.count(Verdict.REVERT) / SHUFFLES <= 0.05
