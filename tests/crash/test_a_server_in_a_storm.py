"""A server is killed, frozen and cut off under load: nothing acknowledged is lost, and nothing is applied twice."""

from __future__ import annotations

import pytest

from tests.support.servers import DATABASE_SERVERS
from tests.support.storm import storm


@pytest.mark.parametrize("name", DATABASE_SERVERS)
def test_every_acknowledged_transaction_is_there_once(name: str):
    """`make soak` does the same for longer, with more seeds."""
    outcome = storm(name, seed=20261126)

    assert len(set(outcome.troubles)) == len(outcome.troubles) == 6
    assert outcome.acknowledged.total() > 100
    assert outcome.attempts > len(outcome.acknowledged), "nothing was ever retried, so nothing was tried"
    assert (outcome.lost, outcome.repeated, outcome.unaccounted) == ([], [], [])
    assert outcome.balances[0] == outcome.balances[1]
    assert outcome.units == len(outcome.applied)
