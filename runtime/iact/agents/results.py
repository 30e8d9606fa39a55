"""What came of policy tests: for people, as JSON, and as JUnit XML."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final
from xml.etree import ElementTree as ET

from iact.agents.testing import CaseResult, TestResults, Way
from iact.core.tree import Position
from iact.core.visible import in_one_line, visible

WAYS_SHOWN: Final = 5
"""Ways that no test takes, of each agent, that are listed unless all are asked for."""


def as_text(results: TestResults, *, all_ways: bool) -> str:
    """Return what came out otherwise, the coverage, and one line that sums up.

    Args:
        results: what came of the tests.
        all_ways: whether every way that no test takes is listed.
    """
    lines = [line for case in results.cases for line in _case(case)]
    for agent, ways in results.coverage.items():
        lines += ["", *_coverage(agent, ways, all_ways=all_ways)]
    failed = len(results.failed)
    summary = f"{len(results.cases)} case{'' if len(results.cases) == 1 else 's'}: "
    return "\n".join([*lines, "", summary + (f"{failed} failed" if failed else "all passed")]) + "\n"


def _case(case: CaseResult) -> Iterator[str]:
    yield f"{'ok    ' if case.passed else 'FAILED'}  {case.test}: it {in_one_line(case.it)}"
    if not case.passed:
        yield f"        {_place(case.position)}"
        yield from (f"        {in_one_line(failure)}" for failure in case.failures)
        yield from (f"          {in_one_line(line)}" for line in case.explanation)


def _coverage(agent: str, ways: tuple[Way, ...], *, all_ways: bool) -> Iterator[str]:
    untaken = [way for way in ways if not way.is_taken]
    yield f"{agent}: {len(ways) - len(untaken)} of {len(ways)} ways out are taken by a test"
    shown = untaken if all_ways else untaken[:WAYS_SHOWN]
    yield from (f"  {_place(way.position)}: {way.state} → {way.to}: {in_one_line(way.said)}" for way in shown)
    if len(shown) < len(untaken):
        yield f"  and {len(untaken) - len(shown)} more; --untaken lists all"


def as_json(results: TestResults) -> str:
    """Return everything as JSON."""
    record = {
        "passed": not results.failed,
        "cases": [_case_record(case) for case in results.cases],
        "coverage": {agent: [_way_record(way) for way in ways] for agent, ways in results.coverage.items()},
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _case_record(case: CaseResult) -> dict[str, Any]:
    return {
        "test": case.test,
        "agent": case.agent,
        "it": case.it,
        "at": _place(case.position),
        "passed": case.passed,
        "failures": list(case.failures),
        "explanation": list(case.explanation),
    }


def _way_record(way: Way) -> dict[str, Any]:
    return {"state": way.state, "to": way.to, "said": way.said, "at": _place(way.position), "taken": way.is_taken}


def as_junit(results: TestResults) -> str:
    """Return it as JUnit XML, which CI systems show: a suite for each policy test."""
    suites: dict[str, list[CaseResult]] = {}
    for case in results.cases:
        suites.setdefault(case.test, []).append(case)
    counts = {"tests": str(len(results.cases)), "failures": str(len(results.failed))}
    root = ET.Element("testsuites", {"name": "iact test", **counts})
    for name, cases in suites.items():
        failed = str(sum(not case.passed for case in cases))
        suite = ET.SubElement(root, "testsuite", {"name": name, "tests": str(len(cases)), "failures": failed})
        for case in cases:
            _junit_case(suite, case)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _junit_case(suite: ET.Element, case: CaseResult) -> None:
    place = {"file": case.position.file, "line": str(case.position.line)}
    # XML has no control characters, not even escaped ones; a fact given in a test may hold any.
    element = ET.SubElement(
        suite, "testcase", {"name": visible(case.it), "classname": f"{case.agent}.{case.test}", **place}
    )
    if not case.passed:
        failure = ET.SubElement(element, "failure", {"message": visible(case.failures[0])})
        failure.text = "\n".join(visible(line) for line in (*case.failures, *case.explanation))


def _place(position: Position) -> str:
    return f"{position.file}:{position.line}"
