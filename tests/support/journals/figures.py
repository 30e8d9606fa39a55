"""Experiments with real figures, left in the middle: what is tried, and what is proposed to a person.

Their store knows what will be released in the weeks to come. Nobody sees it before: what is known is asked for as of a
moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

from iact.core.machine import Mode
from tests.support.crash_stories import LIMIT, SET
from tests.support.journals.keeping import History, in_time, numbered_salts, save
from tests.support.journals.playing import Player, Stage, What
from tests.support.trials import Shop, improvement

STORIES: Final = {
    "an-experiment-that-helps": timedelta(hours=6),
    "an-experiment-that-hurts": timedelta(days=6, hours=12),
}
"""How long changes wait for their release while it is tried."""
WEEKS: Final = 8
_FILES: Final = {
    **improvement(change=SET),
    **improvement("sooner", metric="deployment_frequency, rises_by: 50%"),
    "policies/limits.yaml": LIMIT,
}


@numbered_salts()
def record(folder: Path, wait: timedelta, room: Path) -> None:
    """Try an improvement and propose another one, keep that, let weeks pass, and keep what came of it.

    Args:
        folder: where to; it is there.
        wait: how long changes wait meanwhile.
        room: a folder for the project, which is made.
    """
    shop = Shop.open(room, _FILES, policy="{extensions: 0}")
    experiments = replace(shop.experiments(), repeatable=True)
    parked = experiments.start("faster"), experiments.run()
    assert [run.state for run in parked] == ["watching", "proposed"]
    moment = shop.clock.moment
    shop.history.pass_weeks(WEEKS, wait=wait)
    shop.experiments()  # reads them
    later = shop.clock.moment
    stages = in_time(Stage(project="shop", run=run.run, mode=Mode.ENFORCE, at=later, what=What.WAIT) for run in parked)
    history = History(folder, ("pdca",), tuple(stages), is_given=False)
    save(shop.engine, history.parked, moment)
    player = Player(shop.engine, moment, history.agents, is_given=False)
    for stage in stages:
        player.play(stage)
    save(shop.engine, history.played, later)
    shop.engine.dispose()
    history.write()
