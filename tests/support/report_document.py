"""A finished report document to render: made up, complete, and small enough to read."""

from __future__ import annotations

import copy
from typing import Any

DIGEST = "sha256:477c98b2d329412c9e102288ac5592f83ef479dc1d8c7dc9a6568f7d2ecf734c"
WINDOW = {
    "from": "2025-11-19T09:00:00.000000Z",
    "to": "2025-11-21T09:00:00.000000Z",
    "length": {"value": "172800", "shown": "48h"},
}
YEAR = {
    "from": "2024-11-21T09:00:00.000000Z",
    "to": "2025-11-21T09:00:00.000000Z",
    "length": {"value": "31536000", "shown": "365d"},
}
ADD = ["sources:", "  git:", "    failures: {reverts: true}"]
RELEASES = (
    # name, deployed at, changes, failed, median lead time in days
    ("v3.1.0", "2024-12-11T10:00:00.000000Z", 41, False, 33),
    ("v3.1.1", "2024-12-18T10:00:00.000000Z", 6, False, 4),
    ("v3.2.0", "2025-02-20T10:00:00.000000Z", 58, True, 40),
    ("v3.2.1", "2025-02-21T10:00:00.000000Z", 2, False, 1),
    ("v3.3.0", "2025-05-05T10:00:00.000000Z", 37, False, 22),
    ("v3.4.0", "2025-08-19T10:00:00.000000Z", 64, True, 51),
    ("v3.5.0", "2025-10-30T10:00:00.000000Z", 29, False, 19),
)


def amount(value: str, shown: str) -> dict[str, str]:
    """Return an amount as documents hold it."""
    return {"value": value, "shown": shown}


def days(count: int) -> dict[str, str]:
    """Return a duration of whole days."""
    return amount(str(count * 86_400), f"{count}d")


def document() -> dict[str, Any]:
    """Return the document of a thin history: a proposal, no experiment, two metrics unknown."""
    return copy.deepcopy(
        {
            "format": "iact/report/v1",
            "generated_by": "iact 0.1.0",
            "as_of": "2025-11-21T09:00:00.000000Z",
            "project": "shop",
            "repository": {"key": "shop-web-1", "name": "shop-web"},
            "demo": False,
            "dry_run": False,
            "lines": [
                "48h cannot answer: no releases in it; 176 of the last 183 such windows were empty.",
                "365d: lead time 19d [9d, 41d], 7 releases; 90% of it is waiting for a release.",
                "Change failure rate, time to restore: unknown, no incident source (add 3 lines: docs/incidents.md).",
                "Try release-weekly: 8 weeks could detect −55 %. Nothing was changed.",
                "Next: iact pdca start release-weekly",
            ],
            "window": WINDOW,
            "dora": _delivery(),
            "thin": _thin(),
            "plan": _plan(),
            "experiment": None,
            "decision": _decision(),
            "next": {
                "command": "iact pdca start release-weekly",
                "sentence": "A person starts the experiment; until then nothing changes.",
                "at": "2025-11-28T09:00:00.000000Z",
            },
            "run": _run(),
        }
    )


def with_experiment() -> dict[str, Any]:
    """Return the document of an experiment that was kept."""
    return document() | {"experiment": _experiment()}


def with_nothing() -> dict[str, Any]:
    """Return the document of a history in which nothing was ever released."""
    found = document()
    unknown = {"value": None, "shown": "unknown", "interval": None, "n": 0, "clusters": 0}
    reason = {"missing": {"reason": "nothing was released", "add": [], "see": ""}}
    metrics = [
        metric
        | unknown
        | reason
        | {"trend": [part | {"value": None, "shown": None, "n": 0} for part in metric["trend"]]}
        for metric in found["dora"]["metrics"]
    ]
    breakdown = {
        "metric": "lead_time",
        "stages": [{"stage": "review", "share": None, "median": None, "n": 0}],
        "distribution": [each | {"count": 0} for each in found["dora"]["breakdown"]["distribution"]],
        "slowest": [],
        "agents": None,
    }
    delivery = {
        "metrics": metrics,
        "breakdown": breakdown,
        "deployments": [],
        "waiting": {"count": 0, "median": None, "oldest": None},
    }
    thin = {
        "sentence": "48h cannot answer: no releases in it; 183 of the last 183 such windows were empty.",
        "detectable": [
            row | {"releases_expected": None, "effect": None, "reason": "0 releases are known, and a spread needs two"}
            for row in _detectable()
        ],
    }
    return found | {
        "dora": found["dora"] | delivery,
        "thin": found["thin"] | thin | {"useful": YEAR | {"releases": 0}},
        "plan": {"improvement": None, "made_at": found["as_of"], "considered": []},
        "lines": [],
        "next": {"command": "iact dora report", "sentence": "Say in iact.yaml what a release is.", "at": None},
        "decision": found["decision"]
        | {"state": "nothing_to_do", "outcome": "nothing-to-do", "sentence": "Nothing to try.", "reasons": []},
    }


def _figures() -> list[dict[str, Any]]:
    known: dict[str, Any] = {"missing": None}
    unknown = {
        "value": None,
        "shown": "unknown",
        "interval": None,
        "n": 0,
        "clusters": 0,
        "missing": {"reason": "no incident source", "add": ADD, "see": "docs/incidents.md"},
        "better": "lower",
    }
    return [
        {
            "name": "deployment_frequency",
            "label": "Deployment frequency",
            "value": "0.134246575",
            "shown": "0.134/week",
            "interval": _interval("0.053974", "0.276598", "[0.054/week, 0.277/week]", "exact Poisson"),
            "n": 7,
            "clusters": 7,
            "better": "higher",
        }
        | known,
        {
            "name": "lead_time",
            "label": "Lead time",
            "value": "1641600",
            "shown": "19d",
            "interval": _interval("777600", "3542400", "[9d, 41d]", "cluster sign-flip test inverted"),
            "n": 237,
            "clusters": 7,
            "better": "lower",
        }
        | known,
        {"name": "change_failure_rate", "label": "Change failure rate"} | unknown,
        {"name": "time_to_restore", "label": "Time to restore"} | unknown,
        {
            "name": "rework_rate",
            "label": "Rework rate",
            "value": "0.142857143",
            "shown": "14.3%",
            "interval": None,
            "n": 7,
            "clusters": 7,
            "better": "lower",
        }
        | known,
    ]


def _interval(low: str, high: str, shown: str, method: str) -> dict[str, str]:
    return {"low": low, "high": high, "shown": shown, "method": method, "confidence": "0.95"}


_QUESTIONS = {
    "deployment_frequency": "How often do changes reach users?",
    "lead_time": "How long until a committed change reaches users?",
    "change_failure_rate": "How many deployments fail?",
    "time_to_restore": "How long until a failure is mended?",
    "rework_rate": "How many deployments mend an earlier one?",
}
_UNITS = {"deployment_frequency": "per week", "change_failure_rate": "share", "rework_rate": "share"}
_TREND = {
    "deployment_frequency": ("0.27", "0.13", "0", "0.07", "0.13", "0.07"),
    "lead_time": ("2851200", "3456000", None, "1900800", "4406400", "1641600"),
    "rework_rate": (None, None, None, None, None, "0.142857143"),
}
_PARTS = ("2024-11-21", "2025-01-21", "2025-03-23", "2025-05-22", "2025-07-22", "2025-09-21", "2025-11-21")


def _trend(name: str) -> list[dict[str, Any]]:
    values = _TREND.get(name, (None,) * 6)
    return [
        {
            "from": f"{start}T09:00:00.000000Z",
            "to": f"{end}T09:00:00.000000Z",
            "value": value,
            "shown": None if value is None else f"about {value}",
            "n": 0 if value is None else 3,
        }
        for start, end, value in zip(_PARTS, _PARTS[1:], values, strict=False)
    ]


def _delivery() -> dict[str, Any]:
    metrics = [
        figure
        | {
            "question": _QUESTIONS[figure["name"]],
            "unit": _UNITS.get(figure["name"], "seconds"),
            "no_interval": "fewer than 6 deployments",
            "definition": {"name": figure["name"], "version": "1", "digest": DIGEST},
            "left_out": [{"reason": "merge commits, which are no work of their own", "count": 54}],
            "trend": _trend(figure["name"]),
            "interval": figure["interval"] and figure["interval"] | {"source": "Somebody 1936, A Journal 28"},
        }
        for figure in _figures()
    ]
    edges = ("0", "3600", "21600", "86400", "259200", "604800", "1209600", "2419200", "7862400", "15724800", None)
    counts = (3, 0, 6, 14, 22, 41, 63, 70, 16, 2)
    return {
        "format": "iact/dora-report/v1",
        "repository": {
            "name": "shop-web",
            "mainline": "main",
            "changes": 2210,
            "deployments": 61,
            "reverts": 4,
            "failure_sources": ["revert"],
            "notes": ["1 tag is not a deployment by the rules: `v3.5.0.dev1`."],
        },
        "definitions": "iact",
        "window": YEAR | {"to_is": "given"},
        "metrics": metrics,
        "breakdown": {
            "metric": "lead_time",
            "stages": [
                {"stage": "review", "share": amount("0.1", "10%"), "median": amount("14400", "4h"), "n": 237},
                {"stage": "waiting for a release", "share": amount("0.9", "90%"), "median": days(17), "n": 237},
            ],
            "slowest": _slowest(),
            "agents": {"by_agent": {"median": days(17), "n": 19}, "by_people": {"median": days(20), "n": 218}},
            "distribution": [
                {"low": low, "high": high, "shown": f"from {low} s", "count": count}
                for low, high, count in zip(edges, edges[1:], counts, strict=False)
            ],
        },
        "deployments": [
            {
                "key": f"{place:040x}",
                "name": name,
                "deployed_at": at,
                "changes": changes,
                "failed": failed,
                "rework": False,
                "median": days(median),
            }
            for place, (name, at, changes, failed, median) in enumerate(RELEASES, start=1)
        ],
        "waiting": {
            "count": 12,
            "median": days(9),
            "oldest": {"sha": "d" * 40, "subject": "Say when an order arrives", "waited": days(21)},
        },
        "missing": [],
    }


def _slowest() -> list[dict[str, Any]]:
    subjects = (
        "Keep the basket when a session ends",
        "Show prices with the tax of the customer's country",
        "Drop support for the old checkout",
        "Round amounts once, at the end",
        "Describe how returns are booked",
    )
    return [
        {
            "sha": f"{place:x}" * 40,
            "subject": subject,
            "deployment": "v3.4.0",
            "deployed_at": "2025-08-19T10:00:00.000000Z",
            "total": days(100 - place),
            "stages": None
            if place == len(subjects)
            else [
                {"stage": "review", "time": days(10)},
                {"stage": "waiting for a release", "time": days(90 - place)},
            ],
            "agent": place == 1,
        }
        for place, subject in enumerate(subjects, start=1)
    ]


def _thin() -> dict[str, Any]:
    return {
        "answers": False,
        "sentence": "48h cannot answer: no releases in it; 176 of the last 183 such windows were empty.",
        "releases": 0,
        "windows": {"length": amount("172800", "48h"), "looked_at": 183, "empty": 176},
        "useful": YEAR | {"releases": 7},
        "detectable": _detectable(),
    }


def _detectable() -> list[dict[str, Any]]:
    return [
        {
            "after": "48 h",
            "releases_expected": "0.04",
            "effect": None,
            "reason": "too few releases: a comparison needs 4 on each side",
        },
        {
            "after": "2 weeks",
            "releases_expected": "0.3",
            "effect": None,
            "reason": "too few releases: a comparison needs 4 on each side",
        },
        {"after": "8 weeks", "releases_expected": "8", "effect": amount("0.55", "−55 %"), "reason": ""},
        {"after": "26 weeks", "releases_expected": "26", "effect": amount("0.42", "−42 %"), "reason": ""},
    ]


def _plan() -> dict[str, Any]:
    figures = {metric["name"]: metric for metric in _delivery()["metrics"]}
    return {
        "improvement": "release-weekly",
        "made_at": "2025-11-21T09:00:00.000000Z",
        "change": "Release every Tuesday",
        "change_kind": "manual",
        "by_agent": False,
        "mode": "propose",
        "metric": "lead_time",
        "metric_label": "Lead time",
        "current": days(19),
        "goal": amount("1149120", "13.3d"),
        "expected": amount("0.3", "30 %"),
        "min_improvement": amount("0.15", "15%"),
        "baseline": {
            "window": figures["lead_time"]
            | {"value": None, "shown": "unknown", "interval": None, "n": 0, "clusters": 0}
            | {"missing": {"reason": "no releases in the window", "add": [], "see": ""}},
            "history": figures["lead_time"],
        },
        "spread": {"between": "1.1", "within": "0.4", "correlation": "0.73", "clusters": 7, "per_week": "0.13"},
        "detectable": _detectable(),
        "needed": {"releases": 31, "weeks": {"value": "31", "shown": "31 weeks"}, "reason": ""},
        "needed_minimum": {"releases": None, "weeks": None, "reason": "the 7 deployments of the baseline are too few"},
        "considered": [
            _considered("release-weekly", "true", "metric.wait_for_release above 50% of metric.lead_time", "17d"),
            _considered("smaller-changes", "false", "metric.review_time above 40% of metric.lead_time", "4h"),
            _considered("roll-back-first", "unknown", "metric.time_to_restore above 4h", "no incident source"),
        ],
    }


def _considered(name: str, truth: str, text: str, saw: str) -> dict[str, Any]:
    at = f"playbooks/improvements/{name}.yaml:9:13"
    return {
        "improvement": name,
        "metric": "lead_time",
        "truth": truth,
        "expected": amount("0.3", "30 %"),
        "judgement": {"truth": truth, "text": text, "saw": saw, "at": at},
        "reasons": [f"{text}: saw {saw} ({truth})"],
        "at": at,
        "busy_with": "",
        "tried": "reverted" if truth == "false" else "",
    }


def _experiment() -> dict[str, Any]:
    figures = {metric["name"]: metric for metric in _delivery()["metrics"]}
    return {
        "improvement": "release-weekly",
        "state": "kept",
        "started_at": "2025-08-01T09:00:00.000000Z",
        "what": "manual",
        "message": "A person said that it is practised from now on.",
        "first_check_at": "2025-08-03T09:00:00.000000Z",
        "verdict_by": "2025-09-26T09:00:00.000000Z",
        "checked_at": "2025-09-26T09:00:00.000000Z",
        "extensions": {"used": 1, "allowed": 2},
        "looks": 2,
        "adopted": {"truth": "true", "reasons": ["metric.deployment_frequency at least 1/week: saw 1.1/week (true)"]},
        "harmed": {
            "truth": "unknown",
            "stopped": False,
            "certain": [],
            "reasons": ["metric.change_failure_rate rises by 5 points: saw no incident source (unknown)"],
        },
        "effect": {
            "metric": "lead_time",
            "scale": "relative",
            "estimate": amount("-0.62", "−62 %"),
            "low": amount("-0.81", "−81 %"),
            "high": amount("-0.24", "−24 %"),
            "confidence": amount("0.983333", "98.33 %"),
            "method": "Welch's t on the mean logarithm of each deployment (Welch 1947)",
            "before": 7,
            "after": 12,
            "missing": "",
        },
        "before": figures["lead_time"],
        "after": figures["lead_time"] | {"value": "449280", "shown": "5.2d", "n": 88, "clusters": 12},
        "verdict": "keep",
        "proven": True,
    }


def _decision() -> dict[str, Any]:
    return {
        "state": "proposed",
        "outcome": "propose",
        "sentence": "Propose release-weekly, and change nothing until a person starts it.",
        "changed": False,
        "reasons": [
            {
                "truth": "true",
                "text": "all of these",
                "at": "agents/pdca.yaml:21:17",
                "parts": [
                    {
                        "truth": "true",
                        "text": "plan.expected above 15%",
                        "saw": "30%",
                        "at": "agents/pdca.yaml:22:20",
                    },
                    {
                        "truth": "unknown",
                        "text": "plan.failures falls by 5 points",
                        "saw": "no incident source",
                        "at": "agents/pdca.yaml:23:20",
                    },
                ],
            },
            {"truth": "false", "text": "policy.mode is enforce", "saw": "propose", "at": "agents/pdca.yaml:27:17"},
        ],
        "at": "2025-11-21T09:00:00.000000Z",
    }


def _run() -> dict[str, Any]:
    return {
        "run": "01JD0000000000000000000000",
        "agent": "pdca",
        "subject": "shop-web",
        "state": "proposed",
        "outcome": "propose",
        "active": True,
        "started_at": "2025-11-21T09:00:00.000000Z",
        "ended_at": None,
        "next_due": "2025-11-28T09:00:00.000000Z",
        "definitions": [{"pin": "Agent/pdca", "digest": DIGEST.replace("4", "5")}],
        "history": [
            {
                "at": "2025-11-21T09:00:00.000000Z",
                "from": None,
                "to": "planning",
                "outcome": None,
            },
            {
                "at": "2025-11-21T09:00:01.000000Z",
                "from": "planning",
                "to": "proposed",
                "outcome": "propose",
            },
        ],
    }
