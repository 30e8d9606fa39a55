"""A report document as one HTML file that needs nothing else: no network, no script, no font.

The document comes from a repository that anybody may have written to. Everything in it is escaped, characters that hide
or reorder others are shown by their number, and the page's own policy forbids scripts and everything from outside
(Content Security Policy Level 3, W3C).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, UndefinedError

from iact.reports import palette, words
from iact.reports.drawings import drawings_of
from iact.reports.errors import ReportError
from iact.reports.text import printable, shortened

FORMAT: Final = "iact/report/v1"


def render(document: Mapping[str, Any]) -> str:
    """Return the report as a page; the same document gives the same text.

    Args:
        document: a finished report document of the format `iact/report/v1`.

    Raises:
        ReportError: if it is of another format, or lacks something that every report has.
    """
    found = document.get("format")
    if found != FORMAT:
        message = f"expected a report document of the format {FORMAT}, found {found!r}"
        raise ReportError(message)
    try:
        return (
            _environment()
            .get_template("report.html.j2")
            .render(
                report=document,
                drawings=drawings_of(document),
                lines=_lines(document),
                methods=_methods(document),
                definitions=_definitions(document),
                light=palette.custom_properties(palette.LIGHT),
                dark=palette.custom_properties(palette.DARK),
            )
        )
    except (KeyError, UndefinedError) as error:
        message = f"the report document lacks something that {FORMAT} has: {error}"
        raise ReportError(message) from error


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("iact.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "amount": words.amount,
        "day": words.day,
        "in_other_words": words.in_other_words,
        "moment": words.moment,
        "percent": words.percent,
        "sentence": words.sentence,
        "short": words.short,
        "shortened": shortened,
        "sign": words.sign,
    }
    return environment


def _lines(document: Mapping[str, Any]) -> list[str]:
    """Return the lines of the summary without those that the page shows in a better place: labels, and what is next."""
    command, sentence = document["next"]["command"], document["thin"]["sentence"]
    elsewhere = ("DEMO: ",) * document["demo"] + ("DRY RUN: ",) * document["dry_run"]
    return [
        line
        for line in document["lines"]
        if line not in {sentence, f"Next: {command}"} and not line.startswith(elsewhere)
    ]


def _methods(document: Mapping[str, Any]) -> list[str]:
    """Return how intervals and effects were computed and where that is published, each once."""
    found: dict[str, None] = {}
    for metric in document["dora"]["metrics"]:
        if metric["interval"]:
            found[f"{metric['interval']['method']} ({metric['interval']['source']})"] = None
    experiment = document["experiment"]
    if experiment and experiment["effect"] and not experiment["effect"]["missing"]:
        found[experiment["effect"]["method"]] = None
    return list(found)


def _definitions(document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every definition that the report rests on, with its digest, each once."""
    found = {definition["digest"]: definition["pin"] for definition in document["run"]["definitions"]}
    for metric in document["dora"]["metrics"]:
        named = metric["definition"]
        found.setdefault(named["digest"], f"Metric/{named['name']}")
    return sorted((pin, digest) for digest, pin in found.items())
