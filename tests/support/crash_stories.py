"""Stories of agents, told once without trouble, and then once for each boundary with a kill or a freeze at it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Protocol
from unittest import mock

from sqlalchemy import Connection, Engine, select

from iact.config.opening import open_project
from iact.core.facts import EMPTY, Fact, FactSet, FactValue
from iact.core.instants import EPOCH
from iact.core.quantities import parse
from iact.core.registry import ACTIONS, OutcomeUnknownError, Receipt, TryAgainError, action
from iact.dora.repository import refresh, repository_key
from iact.engine import journal, runners, store
from iact.engine.clocks import ManualClock
from iact.engine.context import ActionContext
from iact.engine.definitions import Definition
from iact.engine.runners import Presence
from iact.engine.runtime import Runtime
from iact.engine.tables import INTENTS, JOURNAL, RUNS
from iact.pdca.definitions import definitions_of
from iact.pdca.store import versions
from iact.sources.git.rules import GitRules
from iact.stores.connect import reading
from tests.support.agents import agent_definition
from tests.support.git import GitRepository
from tests.support.kept import open_kept
from tests.support.logs import breaches_of_log
from tests.support.shared_time import Serving, SharedClock
from tests.support.soundness import breaches, moves
from tests.support.trials import PATCH, History, improvement, write_project

PROJECT: Final = "shop"
RUN: Final = "run-12345678-story"
BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
BEFORE: Final = timedelta(days=2)
BETTER: Final = timedelta(hours=3)
WORSE: Final = timedelta(days=6)
LEASE: Final = timedelta(seconds=2)
"""By the shared clock; half of it is how long a server lets a transaction stand still, and that passes really."""
LIMIT: Final = """\
apiVersion: iact/v1
kind: Parameters
metadata: {name: limits, owner: tech-lead}
spec: {values: {review_limit: {value: 5, means: How many reviews are open at once.}}}
"""


class Story(Protocol):
    """What an agent goes through."""

    @property
    def start(self) -> datetime:
        """When it begins, by the shared clock."""

    def begin(self, runtime: Runtime) -> None:
        """Begin the run `RUN`, or do nothing where another process did; done first by each process."""

    def services(self, folder: Path) -> Mapping[str, Any]:
        """Return what the host supplies to fact sources and actions."""

    def left(self, folder: Path, engine: Engine) -> Any:
        """Return what the world holds in the end; it is the same whatever happened to processes."""


def live(story: Story, folder: Path, clock: SharedClock, machine: str) -> None:
    """Be a process that serves a story to its end, in the folder that it is kept in.

    Args:
        story: which.
        folder: where it is kept.
        clock: what it runs by.
        machine: where this process seems to live; one of another machine is not known to be dead before its lease ends.
    """
    engine = open_kept(folder / "iact.db")
    runtime = Runtime(engine, project=PROJECT, clock=clock, services=story.services(folder))
    presence = Presence(engine, PROJECT, clock=clock, lease=LEASE, renews=False)
    runtime.host = replace(runtime.host, engine=presence.engine, lease_clock=clock, monotonic=clock.seconds)
    with mock.patch.object(runners, "_machine", return_value=machine):
        story.begin(runtime)
        Serving(runtime.host, presence, clock).run()
    engine.dispose()


def has_begun(runtime: Runtime) -> bool:
    """Return whether some process has begun the run."""
    return RUN in {run.run for run in runtime.runs()}


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands in the store in the end.

    Attributes:
        state: of the run.
        moves: its transitions in order: from, to and outcome.
        actions: each action with its number of visits before it and what became of it.
        wrong: what must not be so.
    """

    state: str
    moves: tuple[tuple[str, str, str], ...]
    actions: Mapping[str, str]
    wrong: tuple[str, ...] = ()


def kept(engine: Engine) -> Kept:
    """Return what a story left in the store."""
    with reading(engine) as connection:
        found = moves(list(journal.entries(connection, PROJECT, RUN)))
        rows = connection.execute(select(INTENTS.c.action, INTENTS.c.visit, INTENTS.c.status)).all()
        (run,) = connection.execute(select(RUNS.c.state)).all()
        now = connection.execute(select(JOURNAL.c.at).order_by(JOURNAL.c.number.desc()).limit(1)).scalar_one()
        wrong = [*breaches(connection, PROJECT, RUN), *_in_review(connection)]
    wrong += breaches_of_log(engine, PROJECT, ManualClock(now))
    return Kept(
        state=run.state,
        moves=tuple((one["from"], one["to"], one["outcome"]) for one in found),
        actions={f"{row.action} of visit {row.visit}": row.status for row in rows},
        wrong=tuple(wrong),
    )


def _in_review(connection: Connection) -> list[str]:
    """Return which actions wait for a person although their own `check` settles them."""
    asked = select(INTENTS.c.key, INTENTS.c.action).where(INTENTS.c.status == store.REVIEW)
    return [
        f"{row.key} waits for a person although {row.action} settles it"
        for row in connection.execute(asked)
        if not issubclass(ACTIONS[row.action], CannotTell)
    ]


# The shipped agents ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Plot:
    """What happens to an improvement.

    Attributes:
        change: what is tried.
        after: how long changes wait for their release from then on.
        ends: the state in which it ends.
        on_worse: what is done where it made things worse.
        stops: whether a person stops it once it is tried.
    """

    change: str
    after: timedelta
    ends: str
    on_worse: str = "revert"
    stops: bool = False


PATCHED: Final = "{patch: limits.patch}"
SET: Final = "{parameter: {name: review_limit, to: 2}}"
TAKEN_BACK: Final = "pdca: a patch is tried and taken back"
PLOTS: Final = {
    TAKEN_BACK: Plot(PATCHED, WORSE, "reverted"),
    "pdca: a patch is tried and kept": Plot(PATCHED, BETTER, "kept"),
    "pdca: a parameter is tried and taken back": Plot(SET, WORSE, "reverted"),
    "pdca: a parameter is tried, and a person stops it": Plot(SET, BETTER, "stopped", stops=True),
    "pdca: a patch is tried, and a person is asked what to do": Plot(PATCHED, WORSE, "escalated", on_worse="escalate"),
}


@dataclass(frozen=True, slots=True)
class Experiment:
    """An improvement of a real git repository is tried by the PDCA agent, and kept or taken back.

    Attributes:
        start: when it begins.
        definitions: what it pins.
        repository: the key of the repository.
        stops: whether a person stops it once it is tried.
    """

    start: datetime
    definitions: tuple[Definition, ...] = field(repr=False)
    repository: str
    stops: bool = False

    @classmethod
    def prepared(cls, folder: Path, plot: Plot) -> Experiment:
        """Make a project whose improvement makes a change, and a history that is as the plot says from then on."""
        files = {
            **improvement(change=plot.change, metric="lead_time, falls_by: 60%"),
            "policies/limits.yaml": LIMIT,
            "playbooks/improvements/limits.patch": PATCH,
        }
        write_project(folder, files, policy=f"{{extensions: 0, every: 7 weeks, on_worse: {plot.on_worse}}}")
        for file in (folder / "catalog/metrics").glob("*.yaml"):
            if file.stem not in {"lead_time", "deployment_frequency"}:
                file.unlink()
        history = History(folder / "repository")
        history.pass_weeks(8, wait=BEFORE)
        start = history.now + timedelta(minutes=1)
        history.pass_weeks(8, wait=plot.after)
        engine = open_kept(folder / "iact.db")
        project = open_project(folder)
        refresh(engine, project, folder / "repository", start)
        engine.dispose()
        definitions = tuple(definitions_of(project, EPOCH))
        return cls(start, definitions, repository_key(folder / "repository"), plot.stops)

    def begin(self, runtime: Runtime) -> None:
        """Let it be planned, and start what is proposed."""
        if not has_begun(runtime):
            given: dict[str, FactValue] = {
                "repository": self.repository,
                "window": parse("48h"),
                "improvement": "",
                "seen": "story",
            }
            inputs = FactSet.of(Fact(name=f"input.{name}", value=value) for name, value in given.items())
            runtime.start("pdca", definitions=self.definitions, subject=self.repository, inputs=inputs, name=RUN)
        runtime.tell(RUN, "start_requested", key="start")
        if self.stops:
            # Heard when the change was made: what an action is under way for waits until that has ended.
            runtime.tell(RUN, "stop_requested", key="stop")

    def services(self, folder: Path) -> Mapping[str, Any]:
        """Return where the repository is."""
        return {"repository": folder / "repository", "git_rules": GitRules(mainline="main")}

    def left(self, folder: Path, engine: Engine) -> Any:
        """Return the branches, and all values that parameters were ever given."""
        repository = GitRepository(folder / "repository")
        with reading(engine) as connection:
            values = [[one.parameter, one.version, one.value, one.previous] for one in versions(connection, PROJECT)]
        branches = repository.git("for-each-ref", "--format=%(refname) %(tree)", "refs/heads", "refs/iact")
        return branches.splitlines(), values, repository.git("status", "--porcelain")


# Every sort of action -------------------------------------------------------------------------------------------------

EVERY_SORT: Final = agent_definition(
    """
start: hearing
states:
  hearing:
    next: [{event: poked, to: waiting}]
    waits: for ever
  waiting:
    next: [{after: 1h, to: writing}]
  writing:
    do: write_line
    next:
      - {event: finished, to: blind}
      - {event: failed, to: failed}
      - {event: unknown, to: failed}
  blind:
    do: write_line_blindly
    next:
      - {event: finished, to: paging}
      - {event: failed, to: failed}
      - {event: unknown, to: paging}
  paging:
    do: write_page
    next:
      - {event: finished, to: written}
      - {event: failed, to: failed}
      - {event: unknown, to: failed}
  failed: {final: true}
  written: {final: true}
""",
    name="every-sort",
)
AGAIN: Final = " again"


class CannotTell:
    """An action whose `check` cannot tell what came of it."""

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - as below
        """Say so."""
        message = "nobody can tell"
        raise OutcomeUnknownError(message)


class _Writing:
    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:  # noqa: ARG002 - the protocol's
        """Append a line with the key; one short append is whole or not at all."""
        if not context.is_wanted():
            message = "others went on meanwhile"
            raise TryAgainError(message)
        descriptor = os.open(context.services["ledger"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, f"{context.key}{AGAIN if context.repeats else ''}\n".encode())
        finally:
            os.close(descriptor)
        return Receipt(succeeded=True, message="written")


@action("write_line")
class WriteLine(_Writing):
    """Appends a line, which its own `check` looks for."""

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - as above
        """Return the receipt if the line is there."""
        ledger: Path = context.services["ledger"]
        lines = ledger.read_text(encoding="utf-8").splitlines() if ledger.exists() else []
        return Receipt(succeeded=True, message="found written") if context.key in lines else None


@action("write_line_blindly")
class WriteLineBlindly(_Writing, CannotTell):
    """Appends a line that nobody can find again: a person looks."""


@action("write_page", on_unknown="repeat")
class WritePage(_Writing, CannotTell):
    """Appends a line that nobody can find again: it is written again, and says so."""


@dataclass(frozen=True, slots=True)
class EverySort:
    """A run hears of something, waits for a time, and does an action of each sort."""

    start: datetime = BEGIN

    def begin(self, runtime: Runtime) -> None:
        """Begin it, and tell it what it waits for."""
        if not has_begun(runtime):
            runtime.start("every-sort", definitions=[EVERY_SORT], subject="a ledger", inputs=EMPTY, name=RUN)
        runtime.tell(RUN, "poked", key="poked")

    def services(self, folder: Path) -> Mapping[str, Any]:
        """Return where the ledger is."""
        return {"ledger": folder / "ledger"}

    def left(self, folder: Path, engine: Engine) -> Any:  # noqa: ARG002 - the protocol's
        """Return how often each action was done without saying that it may be a repeat."""
        return Counter((folder / "ledger").read_text(encoding="utf-8").splitlines())
