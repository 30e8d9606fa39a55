"""Seeded plays of the real engine: many processes, kills, pauses, wrong clocks, a store that fails; nothing goes wrong.

And the same with a part of the engine broken on purpose, which must be found: what cannot fail proves nothing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from iact.engine import attempts, clocks, steps
from iact.engine.journal import EntryKind
from iact.engine.page import Page
from iact.engine.runners import Presence
from tests.support.project import ROOT
from tests.support.simulation.play import play, told

SEEDS = range(1, 241)
UNTIL_FOUND = 1_000
"""Within so many seeds each broken part is found; the one that is found last, in play 830."""


@pytest.mark.parametrize("first", SEEDS[::60])
def test_whatever_happens_to_the_processes_nothing_is_lost_doubled_or_written_by_one_that_was_taken_over(first: int):
    troubles: Counter[str] = Counter()
    for seed in range(first, first + 60):
        found = play(seed)
        assert not found.violations, told(found)
        troubles.update(found.troubles)

    assert set(troubles) == {"busy", "clock", "kill", "kill within", "no answer", "outage", "pause", "slow", "stop"}


def test_a_seed_is_the_same_every_time_and_in_every_process():
    command = "from tests.support.simulation.play import play; print(play(17).digest)"
    said = {
        subprocess.run(
            [sys.executable, "-c", command],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hashed},
        ).stdout.strip()
        for hashed in ("1", "2")
    }

    assert said == {play(17).digest}


def _everything_is_held(_connection: Any, _project: str, _runner: str, asked: Any) -> Any:
    return frozenset(asked)


def _nothing(*_: Any, **__: Any) -> None:
    return None


def _held_in_any_case(*_: Any) -> bool:
    return True


def _not_noted(page: Page, attempt: Any) -> None:
    page.note(attempt, EntryKind.ATTEMPT, {"attempt": attempt.number})


def _whatever_the_journal_says(connection: Any, _project: str, clock: Any) -> Any:
    return clock.read(connection)


BROKEN: dict[str, tuple[Any, str, Callable[..., Any]]] = {
    "a write does not look at its claim": (steps, "still_held", _everything_is_held),
    "a deed does not look at its claim": (attempts, "is_held", _held_in_any_case),
    "an attempt is not noted as begun": (attempts, "note_begun", _not_noted),
    "what was told is not marked as decided upon": (Page, "handle", _nothing),
    "a time that has come is not forgotten": (Page, "drop_timer", _nothing),
    "a time that has come too early is told": (steps, "_is_early", lambda *_: False),
    "who is silent is taken for dead at once": (Presence, "has_watched", lambda *_: True),
    "now is not kept after the journal": (clocks, "present", _whatever_the_journal_says),
}


@pytest.mark.not_replayed("what is broken on purpose may write what no replay accepts")
@pytest.mark.parametrize("what", BROKEN)
def test_a_part_that_is_broken_on_purpose_is_found(what: str, monkeypatch: pytest.MonkeyPatch):
    place, name, instead = BROKEN[what]
    monkeypatch.setattr(place, name, instead)
    if place is clocks:
        monkeypatch.setattr("iact.engine.host.present", instead)

    assert any(_goes_wrong(seed) for seed in range(1, UNTIL_FOUND + 1)), f"not found in {UNTIL_FOUND} seeds"


def _goes_wrong(seed: int) -> bool:
    try:
        return bool(play(seed).violations)
    except Exception:  # noqa: BLE001 - a play that cannot go on has found it as well
        return True
