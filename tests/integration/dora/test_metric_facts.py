"""The facts `metric.NAME`, as conditions of a run see them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest
from sqlalchemy.engine import Connection

from iact.core.conditions import Leaf, Relative
from iact.core.facts import Fact, FactRequest, FactSet
from iact.core.quantities import Quantity, parse
from iact.core.tree import from_plain
from iact.core.truth import Truth
from iact.dora.collect import collect
from iact.dora.facts import MetricFacts
from iact.engine.definitions import Definition
from iact.sources.git.rules import GitRules
from iact.stores.connect import reading, writing
from tests.support.git import GitRepository
from tests.support.kept import open_passing

NOW = datetime(2026, 2, 2, tzinfo=UTC)
WAIT: dict[str, Any] = {
    "question": "?",
    "each": "change",
    "from": "merged",
    "to": "deployed",
    "show": "median",
    "unit": "days",
    "better": "lower",
    "sources": ["changes", "deployments"],
}
DEFINITIONS = {
    "wait_for_release": WAIT,
    "lead_time": WAIT | {"from": "authored"},
    "failed": WAIT
    | {
        "each": "deployment",
        "where": "failed",
        "show": "share",
        "unit": "percent",
        "sources": ["deployments", "failures"],
    },
}
for short in ("from", "to"):
    del DEFINITIONS["failed"][short]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the engine hands to a fact source."""

    connection: Connection
    project: str = "product"
    subject: str = "repository"
    now: datetime = NOW
    inputs: FactSet = field(default_factory=FactSet.empty)
    remembered: FactSet = field(default_factory=FactSet.empty)
    definitions: Mapping[str, Definition] = field(
        default_factory=lambda: {
            f"Metric/{name}": Definition(kind="Metric", name=name, digest="sha256:1", tree=from_plain(written))
            for name, written in DEFINITIONS.items()
        }
    )


@pytest.fixture
def connection(repository: GitRepository) -> Iterator[Connection]:
    """A store with one change that was written on day 1, merged on day 2 and released on day 5."""
    repository.commit("first", at="2026-01-01")
    repository.tag("v1.0.0")
    repository.commit("work", at="2026-01-10", authored="2026-01-09")
    repository.commit("release", at="2026-01-13", authored="2026-01-12")
    repository.tag("v1.1.0")
    engine = open_passing()
    with writing(engine) as open_connection:
        collect(open_connection, "product", "repository", repository.path, GitRules(), NOW)
    with reading(engine) as open_connection:
        yield open_connection
    engine.dispose()


def observe(context: Context, *names: str) -> Mapping[str, Fact]:
    """Return the facts of these names."""
    return MetricFacts().observe(tuple(map(FactRequest, names)), context)


def amounts(**values: str | Quantity) -> FactSet:
    """Return facts; underscores stand for the dots that a keyword cannot have."""
    return FactSet.of(
        Fact(name=name.replace("__", "."), value=parse(value) if isinstance(value, str) else value)
        for name, value in values.items()
    )


def test_a_fact_is_the_figure_of_the_window_that_ends_now(connection: Connection):
    fact = observe(Context(connection=connection), "metric.wait_for_release")["metric.wait_for_release"]

    # Both changes of v1.1.0: one merged three days before it, one with it.
    assert fact.value == parse("36h")
    assert (fact.observed_at, fact.source) == (NOW, "metric")


def test_a_condition_may_compare_one_metric_with_another(connection: Connection):
    facts = observe(Context(connection=connection), "metric.wait_for_release", "metric.lead_time")
    leaf = Leaf(fact="metric.wait_for_release", comparator="above", limit=Relative(Fraction(1, 2), "metric.lead_time"))

    judgement = leaf.judge(FactSet.of(facts.values()), NOW)

    assert judgement.truth is Truth.TRUE
    assert judgement.saw == "36h, against 30h"


def test_the_window_is_as_long_as_the_run_s_input_says(connection: Connection):
    context = Context(connection=connection, inputs=amounts(window="48h"))

    fact = observe(context, "metric.wait_for_release")["metric.wait_for_release"]

    assert fact.missing == "no releases in the window"


def test_a_remembered_baseline_goes_along(connection: Connection):
    context = Context(connection=connection, remembered=amounts(baseline__wait_for_release="72h"))
    leaf = Leaf(fact="metric.wait_for_release", comparator="falls_by", limit=parse("30%"))

    facts = observe(context, "metric.wait_for_release")

    assert leaf.judge(FactSet.of(facts.values()), NOW).truth is Truth.TRUE


def test_a_baseline_of_another_dimension_is_none(connection: Connection):
    context = Context(connection=connection, remembered=amounts(baseline__wait_for_release="10%"))

    assert observe(context, "metric.wait_for_release")["metric.wait_for_release"].baseline is None


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("metric.failed", "no incident source (add 3 lines: docs/incidents.md)"),
        ("metric.velocity", "the run has not pinned a Metric named velocity"),
    ],
)
def test_what_cannot_be_known_says_why(connection: Connection, name: str, missing: str):
    assert observe(Context(connection=connection), name)[name].missing == missing


def test_a_repository_that_was_never_read_has_no_figures(connection: Connection):
    context = Context(connection=connection, subject="another")

    fact = observe(context, "metric.wait_for_release")["metric.wait_for_release"]

    assert fact.missing == "no deployment is known (add 3 lines: docs/metrics.md)"
