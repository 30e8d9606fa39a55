"""The kinds of this room: `PolicyTest`, and `Scenario`."""

from __future__ import annotations

from iact.agents.model.given import GivenFact
from iact.agents.model.policy_test import Case, Effect, Expectation, Happening, PolicyTest
from iact.agents.model.scenario import Occurring, Outcome, Scenario

__all__ = [
    "Case",
    "Effect",
    "Expectation",
    "GivenFact",
    "Happening",
    "Occurring",
    "Outcome",
    "PolicyTest",
    "Scenario",
]
