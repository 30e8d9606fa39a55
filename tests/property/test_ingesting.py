"""What is taken in twice, in any order or in any portions gives the same rows and the same figures."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from iact.dora.collect import collect
from iact.dora.ingest import ingest
from iact.dora.tables import CHANGES, DEPLOYMENTS, EVENTS, FAILURES, REPOSITORIES, TOLD_DEPLOYMENTS, UNATTRIBUTED
from iact.sources.events.files import understand
from iact.sources.events.rules import EventRules, Use
from iact.sources.git.rules import GitRules
from tests.support.histories import MONDAY, Story, grown_from, stories
from tests.support.kept import passing

EXAMPLES = settings(max_examples=25)
TABLES = (CHANGES, DEPLOYMENTS, FAILURES, EVENTS, TOLD_DEPLOYMENTS, UNATTRIBUTED)
REVERTS = GitRules(failed_by_revert=True)
MERGES = GitRules(merges_to="main")
USES = st.sampled_from([EventRules(deployments=use) for use in Use])


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """One store for all examples; each takes its rows back."""
    with passing() as engine, engine.connect() as opened:
        yield opened


@contextmanager
def thrown_away(connection: Connection) -> Iterator[None]:
    """Take back at the end what was written."""
    transaction = connection.begin()
    try:
        yield
    finally:
        transaction.rollback()


def at(hour: int) -> str:
    # Half a second, so that no event comes at the moment of a tag.
    return (MONDAY + timedelta(hours=hour, seconds=0.5)).isoformat()


HOURS = st.integers(-5, 60)
COMMITS = st.integers(0, 9)


@st.composite
def rows(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a row of our own form; a commit is a number until the history is known."""
    row: dict[str, Any] = {"id": draw(st.integers(1, 4)), "source": draw(st.sampled_from(["file", "other"]))}
    row["updated_at"] = at(draw(HOURS))
    if draw(st.booleans()):
        status = draw(st.sampled_from(["success", "success", "success", "failure", "withdrawn"]))
        sha = draw(st.none() | COMMITS)
        told = {"kind": "deployment", "environment": "production", "deployed_at": at(draw(HOURS)), "status": status}
        return row | told | ({} if sha is None else {"sha": sha})
    opened = draw(HOURS)
    resolved = draw(st.none() | st.integers(opened, 70))
    ended = {} if resolved is None else {"resolved_at": at(resolved)}
    caused = {} if (sha := draw(st.none() | COMMITS)) is None else {"sha": sha}
    return row | {"kind": "incident", "opened_at": at(opened)} | ended | caused


EVENTS_TOLD = st.lists(rows(), min_size=1, max_size=12)


def take_in(connection: Connection, drawn: Sequence[dict[str, Any]], shas: Sequence[str]) -> None:
    documents = [row | ({"sha": shas[row["sha"] % len(shas)]} if "sha" in row else {}) for row in drawn]
    done = ingest(connection, "p", "r", [understand(document, 1) for document in documents])
    assert done.rejected == []


def stored(connection: Connection) -> list[list[tuple[object, ...]]]:
    return [sorted(map(tuple, connection.execute(select(table))), key=str) for table in TABLES]


@EXAMPLES
@given(story=stories(), told=EVENTS_TOLD, data=st.data(), by=st.tuples(st.sampled_from([REVERTS, MERGES]), USES))
def test_events_in_any_order_in_any_portions_and_twice_give_the_same(connection, story, told, data, by):
    """After each portion the repository is read, so that every state on the way has left its traces."""
    rules, events = by
    again = data.draw(st.permutations(told + told))
    cut = data.draw(st.integers(0, len(again)))
    with written(story) as (path, shas):
        with thrown_away(connection):
            take_in(connection, told, shas)
            collect(connection, "p", "r", path, rules, MONDAY, events=events)
            expected = stored(connection)
        with thrown_away(connection):
            for portion in (again[:cut], again[cut:]):
                take_in(connection, portion, shas)
                collect(connection, "p", "r", path, rules, MONDAY, events=events)
            assert stored(connection) == expected


@EXAMPLES
@given(
    pair=stories().flatmap(lambda before: st.tuples(st.just(before), grown_from(before))),
    told=EVENTS_TOLD,
    days=st.lists(st.tuples(st.booleans(), st.integers(-30, 5), st.none() | COMMITS), min_size=1, max_size=4),
    by=st.tuples(st.sampled_from([GitRules(), REVERTS]), USES),
)
def test_a_usual_day_after_day_leaves_what_reading_everything_at_once_leaves(connection, pair, told, days, by):
    """Each day something is deployed after all else, and perhaps breaks; of the second on, commits are new as well."""
    rules, events = by
    with written(pair[0]) as (before, shas), written(pair[1]) as (after, all_shas):
        portions = [told, *(day(number, *drawn) for number, drawn in enumerate(days))]
        with thrown_away(connection):
            for number, portion in enumerate(portions):
                take_in(connection, portion, all_shas if number else shas)
                collect(connection, "p", "r", after if number else before, rules, MONDAY, events=events)
            found, counts = stored(connection), counted(connection)
        with thrown_away(connection):
            for number, portion in enumerate(portions):
                take_in(connection, portion, all_shas if number else shas)
            collect(connection, "p", "r", after, rules, MONDAY, events=events)
            assert (found, counts) == (stored(connection), counted(connection))


def day(number: int, with_incident: bool, opened: int, named: int | None) -> list[dict[str, Any]]:  # noqa: FBT001 - drawn
    """Return a deployment of a day long after all others, and perhaps an incident some hours from it."""
    hour = 24 * (10 + number)
    deployed = {"id": f"day-{number}", "environment": "production", "deployed_at": at(hour), "sha": 10 + number}
    caused = {} if named is None else {"sha": named}
    incident = {"kind": "incident", "id": f"day-{number}", "opened_at": at(hour + opened)} | caused
    return [{"kind": "deployment", **deployed}, *([incident] if with_incident else [])]


def counted(connection: Connection) -> tuple[object, ...]:
    """Return how much is said to be known of the repository."""
    columns = (REPOSITORIES.c.changes, REPOSITORIES.c.deployments, REPOSITORIES.c.reverts, REPOSITORIES.c.notes)
    return tuple(connection.execute(select(*columns)).one())


@EXAMPLES
@given(story=stories(), told=EVENTS_TOLD, events=USES)
def test_every_failure_is_of_a_deployment_that_came_before_it_and_no_key_is_there_twice(
    connection, story, told, events
):
    with written(story) as (path, shas), thrown_away(connection):
        take_in(connection, told, shas)
        collect(connection, "p", "r", path, REVERTS, MONDAY, events=events)
        deployed = {row.key: row.deployed_at for row in connection.execute(select(DEPLOYMENTS))}
        failures = connection.execute(select(FAILURES)).all()

    assert all(deployed[failure.deployment] <= failure.started_at for failure in failures)
    assert len({failure.deployment for failure in failures}) <= len(deployed)


@EXAMPLES
@given(story=stories(), told=EVENTS_TOLD, before=USES, after=USES)
def test_changing_the_rules_gives_what_a_first_reading_by_them_gives(connection, story, told, before, after):
    with written(story) as (path, shas):
        with thrown_away(connection):
            collect(connection, "p", "r", path, REVERTS, MONDAY, events=before)
            take_in(connection, told, shas)
            collect(connection, "p", "r", path, REVERTS, MONDAY, events=before)
            collect(connection, "p", "r", path, REVERTS, MONDAY, events=after)
            found = stored(connection)
        with thrown_away(connection):
            take_in(connection, told, shas)
            collect(connection, "p", "r", path, REVERTS, MONDAY, events=after)
            assert stored(connection) == found


@contextmanager
def written(story: Story) -> Iterator[tuple[Path, list[str]]]:
    """Write a history to a folder that is thrown away, and give its commits."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder), story.write(Path(folder))
