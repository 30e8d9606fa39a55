"""A definition that is revoked: nothing new is begun under it by any process, and what has happened is still heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iact.core.errors import ConfigurationError
from iact.core.facts import EMPTY
from iact.engine.clocks import ManualClock
from iact.engine.definitions import Definition
from iact.engine.journal import LOG_RUN
from iact.engine.revocations import Revocation, RevokedError, all_revoked, revoke, undo
from iact.engine.runtime import Runtime
from iact.serving.trouble import IN_TROUBLE
from iact.stores.units import read
from tests.support.agents import World, agent_definition
from tests.support.kept import open_kept

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = """
start: waiting
states:
  waiting:
    next:
      - {event: order, decide: GO, to: changing}
      - {after: 2h, decide: ESCALATE, to: over}
  changing:
    do: change_world
    next:
      - {event: finished, decide: SUCCESS, to: again}
      - {event: failed, decide: FAILED, to: over}
      - {event: unknown, decide: ESCALATE, to: over}
  again:
    do: change_world
    next:
      - {event: finished, decide: SUCCESS, to: over}
      - {event: failed, decide: FAILED, to: over}
      - {event: unknown, decide: ESCALATE, to: over}
  over: {final: true}
"""
HARMFUL = agent_definition(RULES, name="harmful")
MENDED = agent_definition(RULES.replace("2h", "3h"), name="harmful")


class Process:
    """A runtime on a store that others may have open as well."""

    def __init__(self, path: Path) -> None:
        self.clock, self.world = ManualClock(NOON), World()
        self.runtime = Runtime(open_kept(path), project="test", clock=self.clock, services={"world": self.world})

    def start(self, subject: str = "shop", definition: Definition = HARMFUL) -> str:
        """Start a run, and return its name."""
        return self.runtime.start("harmful", definitions=[definition], subject=subject, inputs=EMPTY)

    def revoke(self, named: str = HARMFUL.digest) -> Revocation:
        """Revoke what does harm."""
        return revoke(self.runtime.host, named, by="lead", reason="it pages everybody")

    def undo(self) -> Revocation:
        """Let it hold again."""
        return undo(self.runtime.host, HARMFUL.digest, by="lead", reason="the pager is mended")

    def trouble(self) -> dict[str, str]:
        """Return which runs cannot go on, and why."""

        def look(connection):
            return {row["run"]: row["trouble"] for row in IN_TROUBLE.rows(connection, project="test")}

        return read(self.runtime.engine, look)


@pytest.fixture
def process(tmp_path: Path) -> Process:
    return Process(tmp_path / "store.db")


def test_a_run_under_what_is_revoked_waits_for_a_person_and_goes_on_once_that_may_hold_again(process: Process):
    run, other = process.start(), process.start("other", MENDED)

    assert process.revoke().waiting == 1
    assert list(process.trouble()) == [run]
    process.clock.advance(timedelta(hours=5))
    process.runtime.tick()
    assert process.runtime.get(run).state == "waiting"
    assert process.runtime.get(other).state == "over"

    process.undo()
    assert process.trouble() == {}
    process.runtime.tick()
    assert (process.runtime.get(run).state, process.runtime.get(run).outcome) == ("over", "escalate")


def test_who_lets_it_go_on_by_name_is_told_what_is_revoked_and_it_stays_where_it_is(process: Process):
    run = process.start()
    process.runtime.tell(run, "order", key="1")
    process.revoke(HARMFUL.digest.removeprefix("sha256:")[:8].upper())

    for _ in range(2):
        with pytest.raises(RevokedError, match=r"Agent/harmful \w{12} is revoked. `iact config revoke` says why"):
            process.runtime.retry(run)
        assert list(process.trouble()) == [run]
    assert process.runtime.get(run).state == "waiting"
    assert process.world.done == []

    process.undo()
    assert process.runtime.advance(run).outcome == "success"
    assert len(process.world.done) == 2


def test_what_was_under_way_is_heard_and_nothing_new_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    process, others = Process(tmp_path / "store.db"), Process(tmp_path / "store.db")
    run = process.start()
    process.runtime.tell(run, "order", key="1")

    class RevokedMeanwhile(list[str]):
        def append(self, key: str) -> None:
            others.revoke()
            super().append(key)

    monkeypatch.setattr(process.world, "done", RevokedMeanwhile())

    with pytest.raises(RevokedError):
        process.runtime.advance(run)

    assert process.runtime.get(run).state == "again"
    kinds = [entry.kind.value for entry in process.runtime.journal(run)]
    assert kinds == ["started", "decision", "attempt", "receipt", "decision"]
    assert "is revoked" in process.trouble()[run]


def test_no_run_starts_under_what_is_revoked(process: Process):
    process.start()
    process.revoke()

    with pytest.raises(RevokedError):
        process.start("another")
    process.start("another", MENDED)


def test_of_other_definitions_that_a_run_pinned_the_same_holds(process: Process):
    also = agent_definition(RULES.replace("2h", "9h"), name="called")
    run = process.runtime.start("harmful", definitions=[HARMFUL, also], subject="shop", inputs=EMPTY)
    process.start("other")

    assert revoke(process.runtime.host, also.digest, by="lead", reason="no").waiting == 1
    assert list(process.trouble()) == [run]


def test_who_revoked_what_and_why_is_kept_in_the_log_and_told(process: Process):
    process.start()
    process.revoke()
    (found,) = all_revoked(process.runtime.host)
    assert (found.pin, found.digest, found.revoked_by, found.reason) == (
        "Agent/harmful",
        HARMFUL.digest,
        "lead",
        "it pages everybody",
    )
    process.undo()

    assert all_revoked(process.runtime.host) == []
    entries = [entry.body for entry in process.runtime.journal_in_words(LOG_RUN)]
    assert [(one["what"], one["by"], one["reason"], one["digest"]) for one in entries] == [
        ("revoked Agent/harmful", "lead", "it pages everybody", HARMFUL.digest),
        ("allowed Agent/harmful again", "lead", "the pager is mended", HARMFUL.digest),
    ]


@pytest.mark.parametrize(
    ("named", "why"),
    [
        ("abc", "is too short: name at least 8 digits"),
        ("sha256:abc", "is too short"),
        ("0123456789", "is the digest of no definition that a run was started under"),
    ],
)
def test_a_digest_that_names_nothing_is_told(process: Process, named: str, why: str):
    process.start()
    with pytest.raises(ConfigurationError, match=why):
        process.revoke(named)
    with pytest.raises(ConfigurationError, match="is the digest of nothing that is revoked"):
        undo(process.runtime.host, HARMFUL.digest, by="lead", reason="no")
    process.revoke()
    with pytest.raises(ConfigurationError, match="is revoked already"):
        process.revoke()
