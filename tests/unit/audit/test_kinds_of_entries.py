"""The verifier, which has nothing of the engine, knows what the engine writes."""

from __future__ import annotations

from iact.audit import chains
from iact.core.machine import TriggerKind
from iact.engine.journal import LOG_RUN, EntryKind


def test_the_verifier_knows_each_kind_of_entry():
    known = chains.DECISIONS | chains.OF_ACTIONS | {chains.OF_THE_LOG}

    assert known == {kind.value for kind in EntryKind}
    assert chains.LOG_RUN == LOG_RUN
    assert {kind.value for kind in TriggerKind} == chains.TRIGGERS
