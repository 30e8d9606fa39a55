"""The kind `Metric`: what it takes, what it refuses, and how its examples are computed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from iact.config.loading import load
from iact.core.facts import FactType
from iact.core.problems import Problems
from iact.core.scope import Scope
from iact.core.shape import build
from iact.core.tree import from_plain
from iact.dora.definitions import named_metrics, of_definition
from iact.dora.model import Metric
from iact.engine.definitions import Definition
from tests.support.project import ROOT

LEAD_TIME: dict[str, Any] = {
    "question": "How long?",
    "each": "change",
    "from": "committed",
    "to": "deployed",
    "show": "median",
    "unit": "days",
    "better": "lower",
    "sources": ["changes", "deployments"],
}
RATE: dict[str, Any] = {
    "question": "Which share?",
    "each": "deployment",
    "where": "failed",
    "show": "share",
    "unit": "percent",
    "better": "lower",
    "sources": ["deployments", "failures"],
}


def metric(written: dict[str, Any]) -> Metric:
    """Read a metric that is well formed."""
    problems = Problems()
    built = build(Metric, from_plain(written), problems)
    assert built is not None, list(map(str, problems))
    return built


def without(written: dict[str, Any], *keys: str) -> dict[str, Any]:
    """Return what is written without some keys."""
    return {key: value for key, value in written.items() if key not in keys}


@pytest.mark.parametrize("written", [LEAD_TIME, RATE])
def test_a_metric_that_makes_sense_has_no_problem(written: dict[str, Any]):
    assert list(metric(written).check(Scope())) == []


@pytest.mark.parametrize(
    ("written", "message", "hint"),
    [
        (LEAD_TIME | {"show": "medain"}, "there is no statistic of that name", "Did you mean median?"),
        (LEAD_TIME | {"show": "quantile"}, "there is no statistic of that name", "mean, median, per_week, share"),
        (LEAD_TIME | {"unit": "percent"}, "`unit: percent` does not fit", "minutes or hours or days or weeks"),
        (LEAD_TIME | {"from": "deployed", "to": "committed"}, "committed does not come after deployed", "authored"),
        (LEAD_TIME | {"to": "restored"}, "does not go from committed to restored", "authored, committed"),
        (without(LEAD_TIME, "from"), "needs `from` and `to`", "authored"),
        (LEAD_TIME | {"sources": ["changes"]}, "leaves out deployments", "Add it"),
        (LEAD_TIME | {"no_data": "zero"}, "would make a median of nothing", "counted a week"),
        (LEAD_TIME | {"where": "failed", "sources": ["changes", "deployments", "failures"]}, "chooses deployments", ""),
        (RATE | {"sources": ["deployments"]}, "leaves out failures", "Add it"),
        (without(RATE, "where") | {"sources": ["deployments"]}, "does not say which", "where: failed"),
        (without(RATE, "where") | {"show": "median", "unit": "days"}, "needs a duration", "each: change"),
        (RATE | {"from": "merged", "to": "deployed"}, "does not go from merged", "Leave `from` and `to` out"),
        (
            LEAD_TIME | {"stages": [{"stage": "all", "from": "deployed", "to": "merged"}]},
            "merged does not come after deployed",
            "authored",
        ),
    ],
)
def test_keys_that_contradict_each_other_are_a_problem_with_a_hint(written: dict[str, Any], message: str, hint: str):
    found = list(metric(written).check(Scope()))

    assert any(message in problem.message and hint in problem.hint for problem in found), list(map(str, found))


@pytest.mark.parametrize(
    ("written", "example", "message"),
    [
        (
            LEAD_TIME,
            {"committed": "2026-03-02", "deployed": "2026-03-03", "expect": "2d"},
            "expected 48h, computed 24h.",
        ),
        (
            LEAD_TIME,
            {"committed": "2026-03-02", "deployed": "2026-03-03", "expect": None},
            "expected no figure, computed 24h.",
        ),
        (LEAD_TIME, {"rows": [], "expect": "1d"}, "expected 24h, computed none: no releases in the window."),
        (
            LEAD_TIME,
            {"committed": "2026-03-02", "deployed": "2026-03-03", "expect": "10%"},
            "expected 10%, a share; the metric is a duration.",
        ),
        (LEAD_TIME, {"committed": "2026-03-02", "expect": "10d"}, "each row of an example"),
        (
            RATE,
            {"deployed": "2026-03-02", "without": ["failures"], "expect": "0%"},
            "expected 0%, computed none: no incident source (add 3 lines: docs/incidents.md).",
        ),
    ],
)
def test_an_example_that_comes_out_otherwise_says_how(written: dict[str, Any], example: dict[str, Any], message: str):
    (problem,) = metric(written | {"examples": [example]}).run_examples(Scope(name="lead_time"))

    assert problem.message.startswith(message)
    assert problem.rule == "failed-example"


def test_an_example_may_hold_many_rows_and_be_right():
    rows = [{"deployed": f"2026-03-0{day}", "failed": day == 4} for day in range(1, 9)]
    written = metric(
        RATE | {"examples": [{"rows": rows, "expect": Decimal("12.5")}, {"rows": rows, "expect": "12.5%"}]}
    )

    problems = list(written.run_examples(Scope(name="rate")))

    assert [problem.message for problem in problems] == ["expected 12.5, a number; the metric is a share."]


def test_the_type_of_the_fact_is_that_of_the_statistic():
    assert metric(LEAD_TIME).fact_type is FactType.DURATION
    assert metric(RATE).fact_type is FactType.SHARE


def test_the_shipped_metrics_are_valid_and_their_examples_come_out():
    loaded = load(ROOT)
    metrics = [problem for problem in loaded.problems if "catalog/metrics" in problem.position.file]

    assert [str(problem) for problem in metrics] == []


def test_the_five_metrics_come_first_and_name_their_definition():
    project = load(ROOT).project
    assert project is not None
    metrics = named_metrics(project)

    assert list(metrics) == [
        "deployment_frequency",
        "lead_time",
        "change_failure_rate",
        "time_to_restore",
        "rework_rate",
        "review_time",
        "wait_for_release",
    ]
    for name, named in metrics.items():
        assert named.reference.name == name
        assert named.reference.version == "1"
        assert named.reference.digest == project.get("Metric", name).digest


def test_a_run_measures_by_the_definition_that_it_has_pinned():
    tree = from_plain(LEAD_TIME | {"window": "30d"})
    pinned = of_definition(Definition(kind="Metric", name="lead_time", digest="sha256:1", tree=tree))

    assert (pinned.name, pinned.reference.digest) == ("lead_time", "sha256:1")
    assert str(pinned.metric.window) == "30d"


def test_a_pinned_definition_that_cannot_be_read_is_an_error():
    tree = from_plain({"question": "?"})

    with pytest.raises(ValueError, match="Metric/lead_time cannot be read"):
        of_definition(Definition(kind="Metric", name="lead_time", digest="sha256:1", tree=tree))
