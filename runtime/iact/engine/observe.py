"""Resolving the facts that a decision wants, each by the source that its name begins with."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from iact.core.facts import Fact, FactRequest, FactSet
from iact.core.problems import did_you_mean
from iact.core.registry import FACT_SOURCES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from iact.engine.context import FactContext


def observe(requests: Iterable[FactRequest], context: FactContext) -> FactSet:
    """Return every fact asked for: with its value, or with the reason why there is none.

    A source is asked once for all that is wanted of it, so that its facts are of one moment.
    """
    by_source: dict[str, list[FactRequest]] = defaultdict(list)
    for request in requests:
        by_source[request.name.partition(".")[0]].append(request)
    return FactSet.of(
        fact for source, wanted in sorted(by_source.items()) for fact in _ask(source, tuple(wanted), context)
    )


def _ask(source: str, wanted: tuple[FactRequest, ...], context: FactContext) -> Iterator[Fact]:
    if source not in FACT_SOURCES:
        hint = did_you_mean(source, FACT_SOURCES)
        for request in wanted:
            yield Fact(name=request.name, missing=f"no source supplies facts named {source}. {hint}".rstrip())
        return
    found = FACT_SOURCES[source]().observe(wanted, context)
    for request in wanted:
        yield found.get(request.name) or Fact(name=request.name, missing=f"the source {source} does not know it")
