"""A process that was paused in the middle of a deed makes it late, when others have long gone on with the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iact.engine.attempts import Attempt, Ending, Settled
from iact.engine.claims import release, take
from iact.engine.clocks import ManualClock
from iact.engine.runners import Presence
from iact.engine.runtime import Runtime
from iact.engine.worker import Worker
from tests.support.agents import World, agent_definition
from tests.support.kept import open_kept
from tests.support.leases import outlast

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHANGE = agent_definition("""
start: changing
states:
  changing:
    do: change_world
    next: [{event: finished, to: changed}, {event: failed, to: changed}, {event: unknown, to: changed}]
  changed: {final: true}
""")


@pytest.mark.parametrize(("answers", "times"), [(True, 1), (False, 2)])
def test_what_was_put_off_and_then_done_late_by_who_was_paused_is_found_and_not_done_again(
    tmp_path: Path,
    answers: bool,  # noqa: FBT001 - a parameter of the test
    times: int,
):
    """Where nobody can tell any more whether it was done, it is done as it was put off: it certainly was not then."""
    world, clock, real = World(), ManualClock(NOON), ManualClock(NOON)
    engine = open_kept(tmp_path / "iact.db")
    runtime = Runtime(engine, project="shop", clock=clock, services={"world": world})
    host = replace(runtime.host, lease_clock=real, monotonic=lambda: 0.0)
    run = runtime.start("test-agent", definitions=[CHANGE], subject="lamp")
    paused, other = (Presence(engine, "shop", clock=real, renews=False) for _ in range(2))
    worker, others = (Worker(host, presence) for presence in (paused, other))
    (begun,) = worker.turn(take(host, paused, [run])).attempts

    outlast(real, other)
    world.patience = 1
    (left,) = others.turn(take(host, other, [run])).attempts
    following = others.make(left)
    assert isinstance(following, Attempt)
    (second,) = others.turn([], [following]).attempts
    put_off = others.make(second)
    assert isinstance(put_off, Settled)
    assert put_off.ending is Ending.NOT_YET
    others.turn([], [put_off])
    release(host, other.name, [run])
    worker.make(begun)
    assert len(world.done) == 1

    world.lose_answers = not answers
    clock.advance(timedelta(hours=1))
    (third,) = others.turn(take(host, other, [run])).attempts
    ended = others.make(third)
    assert isinstance(ended, Settled)
    assert ended.ending is Ending.RECEIPT
    assert len(world.done) == times
    others.turn([], [ended])
    assert runtime.get(run).state == "changed"
    engine.dispose()
