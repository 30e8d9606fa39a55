"""What PDCA writes is what the page reads: real histories and real experiments, each rendered."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from iact.cli.main import iact
from iact.dora.figures import Window
from iact.engine.runtime import Run
from iact.pdca.report import Subject
from iact.pdca.report import document as report_of
from iact.reports.html import render
from tests.support.git import GitRepository
from tests.support.kept import keep_rows
from tests.support.trials import Shop, improvement

QUICKLY = timedelta(hours=6)
AS_EVER = timedelta(days=2, hours=12)
SLOWLY = timedelta(days=6, hours=12)


def report(shop: Shop, run: Run) -> dict[str, Any]:
    """Return the report document of a shop's run."""
    experiments = shop.experiments()
    return report_of(
        Subject(
            runtime=experiments.runtime,
            definitions=experiments.definitions,
            repository=experiments.repository,
            name="shop",
            window=Window.ending(shop.clock.moment, timedelta(hours=48)),
            run=run,
        )
    )


def after(wait: timedelta, weeks: int) -> Callable[[Shop], Run]:
    """Return what starts an experiment and lets weeks pass in which changes wait so long."""

    def play(shop: Shop) -> Run:
        started = shop.experiments().start("faster")
        if weeks:
            shop.history.pass_weeks(weeks, wait=wait)
        return shop.experiments().runtime.advance(started.run)

    return play


@pytest.mark.parametrize(
    ("play", "shown"),
    [
        (lambda shop: shop.experiments().run(), ["Proposed.", "iact pdca start faster"]),
        (after(QUICKLY, 0), ["No verdict yet", "There is no effect to show yet"]),
        (after(QUICKLY, 1), ["No verdict yet", "The effect is unknown"]),
        (after(QUICKLY, 8), ["Verdict: keep", "better side of no change"]),
        (after(SLOWLY, 8), ["Verdict: revert", "worse side of no change"]),
        (after(AS_EVER, 8), ["Verdict: inconclusive", "This is not proven"]),
    ],
    ids=["proposed", "started", "watched", "kept", "reverted", "unclear"],
)
def test_an_experiment_is_shown_wherever_it_stands(tmp_path: Path, play: Callable[[Shop], Run], shown: list[str]):
    shop = Shop.open(tmp_path, improvement())
    page = render(report(shop, play(shop)))
    shop.engine.dispose()

    plain = " ".join(re.sub(r"<[^>]*>", "", page).split())
    assert [words for words in shown if words not in plain] == []


def test_a_real_history_is_shown_by_the_command(
    flask_repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    keep_rows(tmp_path)
    folder, place = tmp_path / "reports", str(flask_repository.path)

    result = CliRunner().invoke(iact, ["run", "pdca", "--repo", place, "--report", str(folder)])

    assert (result.exit_code, result.exception) == (0, None), result.output
    document = json.loads(next(folder.glob("*.json")).read_text("utf-8"))
    page = next(folder.glob("*.html")).read_text("utf-8")
    assert page == render(document)
    assert document["dora"]["metrics"][1]["label"] in page
