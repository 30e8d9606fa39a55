"""A PDCA cycle is killed at every single write, and run again: the same end, and nothing done twice.

The changes that are tried are a parameter, which is taken back, and a patch, which is kept or taken back. The history,
with what comes after the change, is there from the start; the clock decides how much of it counts.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from iact.config.opening import open_project
from iact.core.instants import EPOCH
from iact.core.quantities import parse
from iact.dora.repository import refresh, repository_key
from iact.engine import journal
from iact.engine.clocks import ManualClock
from iact.engine.journal import EntryKind
from iact.engine.runtime import Runtime
from iact.pdca.definitions import definitions_of
from iact.pdca.experiments import Experiments
from iact.pdca.facts import kept_plan
from iact.pdca.store import versions
from iact.sources.git.rules import GitRules
from iact.stores.connect import reading
from tests.support.git import GitRepository
from tests.support.kept import copy_folder, open_kept, remove_folder
from tests.support.kills import WRITES, in_a_child, quick_folder
from tests.support.trials import PATCH, History, improvement, write_project

LIMIT: Final = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""
BEFORE: Final = timedelta(days=2)
BETTER: Final = timedelta(hours=3)
WORSE: Final = timedelta(days=6)
STEPS: Final = ("0s", "48h", "8 weeks")
"""When somebody looks, counted from the start."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cycle runs.

    Attributes:
        folder: of the project, with its repository and its store.
        start: when it begins.
    """

    folder: Path
    start: datetime

    @property
    def repository(self) -> Path:
        """The repository that it is about."""
        return self.folder / "repository"

    def copied(self, to: Path) -> Place:
        """Return the same place once more."""
        copy_folder(self.folder, to)
        return Place(to, self.start)


def prepared(folder: Path, change: str, after: timedelta) -> Place:
    """Make a project whose improvement makes a change, and a history that is as `after` says from then on."""
    files = {**improvement(change=change), "policies/limits.yaml": LIMIT, "playbooks/improvements/limits.patch": PATCH}
    write_project(folder, files, policy="{extensions: 0}")
    for file in (folder / "catalog/metrics").glob("*.yaml"):
        if file.stem not in {"lead_time", "deployment_frequency"}:
            file.unlink()
    history = History(folder / "repository")
    history.pass_weeks(8, wait=BEFORE)
    start = history.now + timedelta(minutes=1)
    history.pass_weeks(8, wait=after)
    place = Place(folder, start)
    engine = open_kept(folder / "iact.db")
    refresh(engine, open_project(folder), place.repository, start)
    engine.dispose()
    return place


def cycle(place: Place, definitions: Any, repository: str, steps: tuple[str, ...] = STEPS) -> None:
    """Run a cycle, or some steps of it: plan, start, check, act; go on with whatever an earlier process left."""
    engine = open_kept(place.folder / "iact.db")
    clock = ManualClock(place.start)
    services = {"repository": place.repository, "git_rules": GitRules(mainline="main")}
    runtime = Runtime(engine, project="shop", clock=clock, services=services)
    for step in steps:
        clock.moment = place.start + parse(step).timedelta
        experiments = Experiments(
            runtime=runtime, definitions=definitions, repository=repository, window=parse("48h"), seen=step
        )
        if not any(has_begun(run) for run in runtime.runs()):
            experiments.run()
        if not any(has_begun(run) for run in runtime.runs()):
            experiments.start("faster")
        for run in runtime.runs():
            if run.active:
                runtime.advance(run.run)
    engine.dispose()


def has_begun(run: Any) -> bool:
    """Return whether the experiment of a run was started; a person starts one once."""
    plan = kept_plan(run.remembered)
    return plan is not None and plan.trial is not None and run.state not in {"planning", "proposed"}


def left_by(place: Place) -> dict[str, Any]:
    """Return everything that a cycle leaves, without the names that are new each time; check that it is sound."""
    engine = open_kept(place.folder / "iact.db")
    runtime = Runtime(engine, project="shop", services={})
    left: dict[str, Any] = {"runs": [], "branches": [], "overrides": []}
    for run in sorted(runtime.runs(), key=lambda one: one.started_at):
        entries = runtime.journal(run.run)
        receipts = Counter(entry.body["key"] for entry in entries if entry.kind is EntryKind.RECEIPT)
        attempts = {entry.body["key"] for entry in entries if entry.kind is EntryKind.ATTEMPT}
        assert set(receipts) == attempts
        assert set(receipts.values()) <= {1}
        with reading(engine) as connection:
            assert journal.broken_link(connection, "shop", run.run) is None
        moves = [
            (entry.body["decision"]["from"], entry.body["decision"]["to"], entry.body["decision"]["outcome"])
            for entry in entries
            if entry.kind is EntryKind.DECISION and entry.body["decision"]["moved"]
        ]
        left["runs"].append([run.subject, run.state, run.outcome, moves])
    with reading(engine) as connection:
        left["overrides"] = [
            [one.parameter, one.version, one.value, one.previous] for one in versions(connection, "shop")
        ]
    engine.dispose()
    repository = GitRepository(place.repository)
    trees = repository.git("for-each-ref", "--format=%(tree)", "refs/heads/iact/")
    left["branches"] = trees.split()
    assert repository.git("status", "--porcelain") == ""
    return left


@pytest.fixture
def room() -> Iterator[Path]:
    """A folder in memory, where there is one."""
    with tempfile.TemporaryDirectory(prefix="iact-crash-", dir=quick_folder()) as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("change", "after", "ends", "steps"),
    [
        ("{parameter: {name: review_limit, to: 2}}", WORSE, ("reverted", 0, 2), (0, 1, 2)),
        ("{patch: limits.patch}", WORSE, ("reverted", 0, 0), (0, 1, 2)),
        # Up to the verdict it is the same as when it is taken back.
        ("{patch: limits.patch}", BETTER, ("kept", 1, 0), (2,)),
        ("{parameter: {name: review_limit, to: 2}}", BETTER, ("kept", 0, 1), (2,)),
    ],
    ids=["parameter taken back", "patch taken back", "patch kept", "parameter kept"],
)
def test_killed_at_any_write_and_run_again_a_cycle_ends_the_same_and_nothing_is_doubled(
    room: Path, change: str, after: timedelta, ends: tuple[str, int, int], steps: tuple[int, ...]
):
    place = prepared(room / "place", change, after)
    definitions = definitions_of(open_project(place.folder), EPOCH)
    run = partial(cycle, definitions=definitions, repository=repository_key(place.repository))
    writes, before = [], []
    for number, step in enumerate(STEPS):
        before.append(place.copied(room / f"before-{number}"))
        with WRITES.counted() as counted:
            run(place, steps=(step,))
        writes.append(counted)
    expected = left_by(place)
    assert (expected["runs"][0][1], len(expected["branches"]), len(expected["overrides"])) == ends
    assert len(expected["runs"]) == 1

    for place_in_cycle in steps:
        now, onwards = STEPS[place_in_cycle : place_in_cycle + 1], STEPS[place_in_cycle:]
        assert len(writes[place_in_cycle]) > 10
        for number, write in enumerate(writes[place_in_cycle], start=1):
            victim = before[place_in_cycle].copied(room / "victim")
            assert not in_a_child(partial(run, victim, steps=now), killed_at=number)
            in_a_child(partial(run, victim, steps=onwards))
            assert left_by(victim) == expected, f"killed before write {number} at {now[0]}: {write}"
            remove_folder(victim.folder)
