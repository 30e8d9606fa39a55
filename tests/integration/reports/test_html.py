"""The report page: whole, alone, readable by everybody, and safe with whatever a repository holds."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import pytest

from iact.reports.errors import ReportError
from iact.reports.html import render
from tests.support import report_document

Document = dict[str, Any]
DOCUMENTS: dict[str, Callable[[], Document]] = {
    "a thin history": report_document.document,
    "an experiment": report_document.with_experiment,
    "nothing": report_document.with_nothing,
}
EMPTY = {"meta", "link", "img", "br", "hr", "input", "rect", "line", "circle", "polyline", "polygon"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</style></title><h1>",
    "{{ 7 * 7 }}{% for x in y %}",
    "&lt;b&gt; &amp;",
    "right\u202eto\u2066left",
    "W" * 4000,
    "half \udcff a character, \x00 and \x1b[31m",
    "]]><!-- --> `${x}` \\u003cb\\u003e",
)


@dataclass
class Page(HTMLParser):
    """What a browser makes of a page, as far as it matters here."""

    text: str
    opened: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    _inside: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the page; elements that are closed out of order fail."""
        super().__init__(convert_charrefs=True)
        self.feed(self.text)
        self.close()
        assert self._inside == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.opened.append((tag, dict(attrs)))
        if tag not in EMPTY:
            self._inside.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element that closes itself."""
        self.opened.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Close the element that was opened last."""
        assert self._inside.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note what a reader sees."""
        if not {"style", "title"} & set(self._inside):
            self.words.append(data)

    def named(self, *tags: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element of these names."""
        return [attributes for tag, attributes in self.opened if tag in tags]

    @property
    def shown(self) -> str:
        """What a reader sees, with single spaces."""
        return " ".join(" ".join(self.words).split())


def page(document: Document) -> Page:
    """Render a document and read the page."""
    return Page(render(document))


def section(document: Document, name: str) -> str:
    """Return what a reader sees of one section."""
    whole = render(document)
    found = re.search(rf'<section id="{name}".*?</section>', whole, re.DOTALL)
    assert found
    return Page(found[0]).shown


@pytest.fixture(params=DOCUMENTS)
def document(request: pytest.FixtureRequest) -> Document:
    """Each of the documents."""
    return DOCUMENTS[request.param]()


def test_the_same_document_gives_the_same_page(document: Document):
    assert render(document) == render(copy.deepcopy(document))


def test_the_page_needs_nothing_from_outside(document: Document):
    rendered = page(document)
    loading = [
        (tag, name, value)
        for tag, attributes in rendered.opened
        for name, value in attributes.items()
        if name in {"src", "srcset", "href", "data", "poster", "action", "xlink:href"}
        and not (value or "").startswith("#")
    ]

    assert loading == []
    assert rendered.named("script", "link", "iframe", "object", "embed", "img", "base") == []
    assert "@import" not in rendered.text
    assert re.findall(r"url\((?!#)", rendered.text) == []
    assert "http://" not in rendered.text
    assert "https://" not in rendered.text


def test_the_page_forbids_scripts_by_its_own_policy(document: Document):
    policies = [meta["content"] for meta in page(document).named("meta") if "http-equiv" in meta]

    assert policies == ["default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"]


def test_every_name_in_the_page_is_given_once_and_every_reference_leads_somewhere(document: Document):
    rendered = page(document)
    names = [attributes["id"] for _, attributes in rendered.opened if "id" in attributes]
    wanted = {
        reference
        for _, attributes in rendered.opened
        for key in ("aria-labelledby", "aria-describedby")
        for reference in (attributes.get(key) or "").split()
    }
    wanted |= {str(link["href"]).removeprefix("#") for link in rendered.named("a")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", rendered.text))

    assert len(names) == len(set(names))
    assert wanted - set(names) == set()


def test_headings_never_skip_a_level(document: Document):
    levels = [int(tag[1]) for tag, _ in page(document).opened if re.fullmatch("h[1-6]", tag)]

    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_is_marked_up_for_screen_readers(document: Document):
    rendered = page(document)

    assert rendered.named("html") == [{"lang": "en", "dir": "ltr"}]
    assert len(rendered.named("main")) == len(rendered.named("nav")) == len(rendered.named("footer")) == 1
    assert all(drawing.get("role") == "img" and drawing.get("aria-labelledby") for drawing in rendered.named("svg"))
    assert all(cell.get("scope") in {"row", "col"} for cell in rendered.named("th"))


def test_every_chart_has_its_data_as_a_table_too():
    shown = page(report_document.document()).shown

    for table in ("Trend of lead time", "Distribution", "Deployments by week", "Releases"):
        assert f"{table} as a table" in shown
    assert "Share of all lead time" in shown


def test_nothing_unknown_is_printed_as_a_value(document: Document):
    shown = page(document).shown

    for word in ("None", "nan", "inf", "Undefined", "True", "False", "null"):
        assert not re.search(rf"\b{word}\b", shown), word


def test_a_history_without_releases_has_sentences_instead_of_charts():
    rendered = page(report_document.with_nothing())

    assert rendered.named("svg") == []
    assert rendered.shown.count("Unknown nothing was released") == 5
    for sentence in (
        "There is no distribution: no change of this time has a known lead time.",
        "The stages are unknown: no change of this time has every stage known.",
        "There was no deployment in this time.",
        "No release is known in the 365 d up to 2025-11-21.",
        "No improvement is proposed.",
    ):
        assert sentence in rendered.shown


def test_the_summary_says_what_the_window_can_answer_and_what_comes_next():
    shown = section(report_document.document(), "summary")

    assert "48 h cannot answer: no releases in it; 176 of the last 183 such windows were empty." in shown
    assert shown.count("cannot answer") == 1
    assert shown.count("iact pdca start release-weekly") == 1
    assert "Due 2025-11-28 09:00 UTC" in shown


@pytest.mark.parametrize(("label", "key"), [("DEMO", "demo"), ("DRY RUN", "dry_run")])
def test_a_demo_and_a_dry_run_are_labelled_before_anything_else(label, key):
    labelled = report_document.document() | {key: True}

    assert page(labelled).shown.startswith(f"Skip to the summary {label} ")
    assert label not in page(report_document.document()).shown


def test_a_demo_is_labelled_once_although_it_changes_nothing_either():
    shown = page(report_document.document() | {"demo": True, "dry_run": True}).shown

    assert "DEMO" in shown
    assert "DRY RUN" not in shown


def test_a_rare_deployment_is_said_in_weeks():
    assert "0.134/week about one in 7 weeks" in section(report_document.document(), "metrics")


def test_a_metric_says_its_value_interval_sample_and_definition():
    shown = section(report_document.document(), "metrics")

    assert "Lead time How long until a committed change reaches users? 19 d 95 % interval [9 d, 41 d]" in shown
    assert "n = 237 in 7 deployments; lower is better" in shown
    assert "lead_time @1 477c98b2d329" in shown
    assert "left out: 54 × merge commits" in shown


def test_an_unknown_metric_says_why_and_which_lines_would_add_it():
    assert (
        "Change failure rate How many deployments fail? Unknown no incident source "
        "Add to iact.yaml , as explained in docs/incidents.md : sources: git: failures: {reverts: true}"
    ) in section(report_document.document(), "metrics")


def test_failures_that_nobody_recorded_are_unknown_and_not_none():
    found = report_document.document()
    for deployment in found["dora"]["deployments"]:
        deployment["failed"] = None
    shown = section(found, "deployments")

    assert "Which of them failed is unknown: there is no source of failures." in shown
    assert "did not fail" not in shown
    assert re.search(r"v3\.1\.0 2024-12-11 41 33 d unknown", shown)


def test_every_truth_has_a_sign_and_a_word():
    shown = section(report_document.document(), "plan")

    assert "✓ true metric.wait_for_release above 50 % of metric.lead_time saw 17 d" in shown
    assert "✗ false metric.review_time" in shown
    assert "? unknown metric.time_to_restore above 4 h saw no incident source" in shown


def test_the_decision_shows_each_reason_with_its_line():
    shown = section(report_document.document(), "decision")

    assert "✓ true plan.expected above 15 % saw 30 % agents/pdca.yaml:22:20" in shown
    assert shown.index("all of these") < shown.index("plan.expected above 15 %")


def test_an_experiment_shows_its_effect_against_no_change():
    shown = section(report_document.with_experiment(), "experiment")

    assert "Verdict: keep" in shown
    assert "The whole interval lies on the better side of no change." in shown
    assert "−62 % ; interval −81 % to −24 % at 98.33 %" in shown


def test_a_verdict_without_proof_says_so():
    found = report_document.with_experiment()
    found["experiment"]["proven"] = False

    assert "This is not proven" in section(found, "experiment")


def test_an_experiment_that_nobody_looked_at_yet_is_shown_without_an_effect():
    found = report_document.with_experiment()
    found["experiment"] |= dict.fromkeys(("adopted", "harmed", "effect", "before", "after", "verdict"))
    shown = section(found, "experiment")

    assert "No verdict yet" in shown
    assert "There is no effect to show yet" in shown
    assert shown.count("Not judged yet.") == 2


def test_a_comparison_that_cannot_be_made_says_why():
    found = report_document.with_experiment()
    found["experiment"]["effect"] = {"metric": "lead_time", "missing": "2 deployments since, and 4 are needed"}

    assert "The effect is unknown: 2 deployments since, and 4 are needed" in section(found, "experiment")


def test_an_interval_without_an_upper_end_is_drawn():
    found = report_document.with_experiment()
    found["experiment"]["effect"]["high"] = {"value": None, "shown": "+∞"}

    assert "interval −81 % to +∞" in section(found, "experiment")


def test_the_footer_names_definitions_and_methods():
    rendered = render(report_document.with_experiment())
    footer = Page(rendered[rendered.index("<footer>") : rendered.index("</footer>") + len("</footer>")]).shown

    assert f"Metric/deployment_frequency {report_document.DIGEST}" in footer
    assert "Agent/pdca sha256:" in footer
    assert "exact Poisson (Somebody 1936, A Journal 28)" in footer
    assert "Welch's t on the mean logarithm" in footer


def replaced(value: Any, text: str) -> Any:
    """Return a document with `text` wherever a repository or a YAML file could have put any text."""
    free = {
        "subject",
        "name",
        "label",
        "question",
        "sentence",
        "text",
        "saw",
        "reason",
        "deployment",
        "stage",
        "change",
    }
    free |= {"shown", "message", "improvement", "metric_label", "at", "pin", "see", "method", "source", "mainline"}
    free |= {"project", "command", "outcome", "state", "tried", "busy_with", "agent", "run", "key", "generated_by"}
    moment = re.compile(r"^\d{4}-\d\d-\d\dT")
    match value:
        case dict():
            return {
                key: text
                if key in free and isinstance(inner, str) and not moment.match(inner)
                else replaced(inner, text)
                for key, inner in value.items()
            }
        case list():
            return [text if isinstance(inner, str) else replaced(inner, text) for inner in value]
        case _:
            return value


def tags(rendered: Page) -> Iterator[str]:
    """Walk the kinds of elements of a page."""
    return iter({tag for tag, _ in rendered.opened})


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:16]))
def test_no_text_of_a_repository_becomes_markup_or_deceives(text):
    plain, hostile = report_document.with_experiment(), replaced(report_document.with_experiment(), text)
    rendered = page(hostile)

    assert set(tags(rendered)) <= set(tags(page(plain)))
    assert not any(name.startswith("on") for _, attributes in rendered.opened for name in attributes)
    assert set(rendered.text) & set("\u202e\u2066\x00\x1b\udcff") == set()
    assert rendered.text.encode("utf-8")


def test_hostile_text_is_still_there_to_read():
    hostile = replaced(report_document.document(), "<script>alert('\u202e')</script>")

    assert "<script>alert('[U+202E]')</script>" in page(hostile).shown


def test_another_format_is_refused():
    with pytest.raises(
        ReportError, match="expected a report document of the format iact/report/v1, found 'iact/report/v9'"
    ):
        render(report_document.document() | {"format": "iact/report/v9"})


@pytest.mark.parametrize("key", ["dora", "thin", "next", "decision", "run", "generated_by"])
def test_a_document_that_lacks_something_is_refused_by_name(key):
    found = report_document.document()
    del found[key]

    with pytest.raises(ReportError, match=key):
        render(found)
