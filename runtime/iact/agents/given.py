"""Facts that somebody gives, as the facts that rules read: for policy tests, and for plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from iact.agents.model import GivenFact
from iact.agents.model.given import GivenFacts
from iact.core.facts import Fact, FactType
from iact.core.scope import Scope
from iact.engine.examples import value_of
from iact.engine.model import Agent


@dataclass(frozen=True, slots=True)
class Types:
    """Which type each fact has.

    Attributes:
        scope: the project.
        agent: whose inputs are among the facts; None where no fact of one agent is given.
    """

    scope: Scope
    agent: Agent | None = None

    def of(self, name: str) -> FactType:
        """Return the type of the fact of that name; any where nobody says one."""
        inputs = self.agent.inputs if self.agent else {}
        if name.startswith("input.") and (given := inputs.get(name.removeprefix("input."))):
            return given.fact_type
        return self.scope.fact_type(name) or FactType.ANY


def given_facts(facts: GivenFacts, now: datetime, types: Types, *, source: str) -> Iterator[Fact]:
    """Yield what is given as facts.

    Args:
        facts: what is given.
        now: the moment at which it is known.
        types: which type each fact has.
        source: who says so.

    Raises:
        ValueError: if a value is of another type than its fact, which a loaded project's never is.
    """
    for name, given in facts.items():
        fact = given if isinstance(given, GivenFact) else GivenFact(value=given)
        if fact.value is None:
            yield Fact(name=name, missing=fact.missing)
            continue
        yield Fact(
            name=name,
            value=value_of(fact.value, types.of(name)),
            observed_at=now,
            held_since=now - fact.for_.timedelta if fact.for_ else None,
            baseline=fact.was,
            source=source,
        )
