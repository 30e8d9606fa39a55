"""What a play takes for the world: facts that are given, and actions that end as somebody says.

Nothing outside of the copied store is asked or changed.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from iact.agents.given import Types, given_facts
from iact.core.facts import Fact, FactSet, FactType
from iact.core.registry import FACT_SOURCES, OutcomeUnknownError, Receipt, TryAgainError
from iact.engine.examples import value_of
from iact.engine.observe import observe

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from iact.agents.model import Outcome
    from iact.agents.model.given import GivenFacts
    from iact.core.facts import FactRequest
    from iact.core.scope import Scope
    from iact.engine.attempts import Attempt
    from iact.engine.context import ActionContext, FactContext

SOURCE: Final = "scenario"
"""Who says what is given."""
NOT_GIVEN: Final = "the scenario does not give it"
ENDS_WELL: Final = "taken to end well"
EVERYWHERE: Final = ""
"""What facts are about that are known to every run."""


class Given:
    """The facts that were given so far."""

    def __init__(self, scope: Scope) -> None:
        """Begin with none.

        Args:
            scope: the project, which knows the type of each fact.
        """
        self._types = Types(scope)
        self._known: dict[tuple[str, str], tuple[int, Fact]] = {}
        self._count = 0

    def learn(self, facts: GivenFacts, now: datetime, about: str = EVERYWHERE) -> None:
        """Take facts in.

        Args:
            facts: what is known from now on.
            now: the present moment.
            about: which runs know it, by what they are about; all of them where it is empty.
        """
        for fact in given_facts(facts, now, self._types, source=SOURCE):
            before = self._known.get((about, fact.name))
            unchanged = before is not None and before[1].value == fact.value
            since = before[1].held_since if before is not None and unchanged else now
            self._count += 1
            self._known[about, fact.name] = self._count, replace(fact, held_since=fact.held_since or since)

    def of(self, name: str, about: str, now: datetime) -> Fact | None:
        """Return what was last given under a name to a run; None where nothing was.

        Args:
            name: the fact's.
            about: what the run is about.
            now: the present moment.
        """
        found = [known for key in {(about, name), (EVERYWHERE, name)} if (known := self._known.get(key))]
        if not found:
            return None
        _, fact = max(found, key=lambda one: one[0])
        return replace(fact, observed_at=now) if fact.is_known else fact


class Fate:
    """How actions end."""

    def __init__(self, outcomes: Sequence[Outcome], seed: int) -> None:
        """Prepare to say it.

        Args:
            outcomes: what the scenario says; of those that fit the first one counts.
            seed: draws what they leave open.
        """
        self._outcomes, self._seed = outcomes, seed
        self._used: Counter[int] = Counter()

    def of(self, attempt: Attempt, about: str) -> Outcome | None:
        """Return how an attempt ends; None where nobody says so.

        Args:
            attempt: which.
            about: what its run is about.
        """
        for place, outcome in enumerate(self._outcomes):
            if outcome.do != attempt.action or outcome.about not in {"", about}:
                continue
            if outcome.times is not None and self._used[place] >= outcome.times:
                continue
            if outcome.share is None or self._draw(place, attempt) < outcome.share.amount:
                self._used[place] += 1
                return outcome
        return None

    def _draw(self, place: int, attempt: Attempt) -> float:
        drawn = random.Random(f"{self._seed}/{place}/{attempt.key}/{attempt.number}")  # noqa: S311 - no secret
        return drawn.random()


@dataclass(frozen=True, slots=True)
class Imagined:
    """The world of a play.

    Attributes:
        given: the facts.
        fate: how actions end.
        not_given: how often each fact was asked for that nobody gives.
    """

    given: Given
    fate: Fate
    not_given: Counter[str] = field(default_factory=Counter)

    def observe(self, requests: Iterable[FactRequest], context: FactContext) -> FactSet:
        """Return what is given; what is not is asked of the copied store, and of nobody else."""
        asked = list(requests)
        given = FactSet.of(
            fact for one in asked if (fact := self.given.of(one.name, context.subject, context.now)) is not None
        )
        left = [one for one in asked if one.name not in given.facts]
        stored = observe([one for one in left if _is_in_the_store(one.name)], context)
        unknown = [one.name for one in left if one.name not in stored.facts]
        self.not_given.update(unknown)
        missing = FactSet.of(Fact(name=name, missing=NOT_GIVEN) for name in unknown)
        return given.joined(stored).joined(missing)

    def perform(self, attempt: Attempt, context: ActionContext) -> Receipt:
        """Let it end as the scenario says, and else well."""
        outcome = self.fate.of(attempt, context.subject)
        if outcome is None:
            return Receipt(succeeded=True, message=ENDS_WELL)
        message = outcome.message or "as the scenario says"
        if outcome.ends == "later":
            raise TryAgainError(message)
        if outcome.ends == "unknown":
            raise OutcomeUnknownError(message)
        detail = {name: value_of(value, FactType.ANY) for name, value in outcome.with_.items()}
        return Receipt(succeeded=outcome.ends == "finished", detail=detail, message=message)

    def check(self, attempt: Attempt, context: ActionContext) -> Receipt | None:  # noqa: ARG002 - the protocol's
        """Say that what was under way when the store was copied was not done: it ends as the scenario says."""
        return None


def _is_in_the_store(name: str) -> bool:
    source = name.partition(".")[0]
    return source in FACT_SOURCES and FACT_SOURCES[source].within_store
