"""What is collected from any history is what plain git commands say of it, however it came to be."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, select

from iact.dora.collect import collect
from iact.dora.tables import CHANGES, DEPLOYMENTS
from iact.sources.git.rules import GitRules
from tests.support.histories import MONDAY, Answer, Delivered, Story, changed, grown_from, plain_git, stories
from tests.support.kept import passing

TAGS = GitRules()
MERGES = GitRules(merges_to="main")
PROMOTIONS = GitRules(mainline="main", merges_to="production")
EXAMPLES = settings(max_examples=20)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    """One store for all examples; each takes its rows back."""
    with passing() as engine, engine.connect() as opened:
        yield opened


def stored(connection: Connection) -> Answer:
    """Return what the tables hold, in the form in which plain git answers."""
    changes = {row.sha: Delivered(row.merged_by, row.deployment) for row in connection.execute(select(CHANGES))}
    return Answer(changes, {row.key: row.previous for row in connection.execute(select(DEPLOYMENTS))})


def everything(connection: Connection) -> list[list[tuple[object, ...]]]:
    """Return every row of changes and deployments."""
    return [sorted(map(tuple, connection.execute(select(table))), key=str) for table in (CHANGES, DEPLOYMENTS)]


def read_in_turn(connection: Connection, rules: GitRules, *told: Story) -> tuple[str | None, Answer, Answer]:
    """Collect one repository in each of its states in turn.

    Returns:
        Why everything was read again at the last, what the tables hold then, and what plain git says. On the way, the
        rows are compared with those of a repository that is read for the first time.
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / str(number) for number in range(len(told))]
        for path, story in zip(paths, told, strict=True):
            story.write(path)
        with thrown_away(connection):
            rebuilt = [collect(connection, "p", "r", path, rules, MONDAY).rebuilt for path in paths][-1]
            rows, answer = everything(connection), stored(connection)
        with thrown_away(connection):
            collect(connection, "p", "r", paths[-1], rules, MONDAY)
            assert everything(connection) == rows
        return rebuilt, answer, plain_git(paths[-1], merges_to=rules.merges_to)


@contextmanager
def thrown_away(connection: Connection) -> Iterator[None]:
    """Take back at the end what was written."""
    transaction = connection.begin()
    try:
        yield
    finally:
        transaction.rollback()


@EXAMPLES
@given(story=stories())
def test_a_history_is_read_as_plain_git_reads_it(connection, story):
    _, found, expected = read_in_turn(connection, TAGS, story)

    assert found == expected


@EXAMPLES
@given(pair=stories().flatmap(lambda before: st.tuples(st.just(before), grown_from(before))))
def test_pushes_and_releases_are_added_without_reading_everything_again(connection, pair):
    rebuilt, found, expected = read_in_turn(connection, TAGS, *pair)

    assert (rebuilt, found) == (None, expected)


@EXAMPLES
@given(pair=stories().flatmap(lambda before: st.tuples(st.just(before), changed(before))))
def test_whatever_happens_to_a_repository_the_tables_follow(connection, pair):
    _, found, expected = read_in_turn(connection, TAGS, *pair)

    assert found == expected


@pytest.mark.parametrize("rules", [MERGES, PROMOTIONS], ids=["to the mainline", "to another branch"])
@EXAMPLES
@given(pair=stories(8).flatmap(lambda before: st.tuples(st.just(before), grown_from(before) | changed(before))))
def test_merges_to_a_branch_are_followed_like_tags(connection, rules, pair):
    _, found, expected = read_in_turn(connection, rules, *pair)

    assert found == expected
