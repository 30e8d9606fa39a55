"""`BusinessCalendar`, as it is written: what it means, and what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from iact.config.opening import open_project
from iact.config.scoping import scope_of
from iact.core.instants import parse
from iact.core.pinned_calendar import PinnedCalendar, calendar_from_record
from tests.support.configuration import load_project, marked, problems_of, resource, write_project

YEARS = range(2025, 2029)
FOUNDING = (
    "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART;VALUE=DATE:20250807\r\nSUMMARY:Founding day\r\n"
    "RRULE:FREQ=YEARLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def calendar(tmp_path: Path, spec: str, **others: str) -> PinnedCalendar:
    """Return the calendar `example` of a project, as a run would pin it."""
    files = {f"{name}.yaml": resource("BusinessCalendar", each, name) for name, each in others.items()}
    rule = {"rule.yaml": resource("BusinessCalendar", spec)}
    project = open_project(write_project(tmp_path, {**rule, **files, "company.ics": FOUNDING}))
    record = project.get("BusinessCalendar", "example").spec.record("example", scope_of(project), YEARS)
    return calendar_from_record(record)


def test_public_holidays_of_a_part_of_a_country_are_closed(tmp_path: Path):
    """8 March is a holiday in Berlin alone; in 2027 it is a Monday."""
    germany = calendar(tmp_path / "de", "  hours: {weekdays: 09:00-17:00}\n  holidays: {country: DE}\n")
    spec = "  hours: {weekdays: 09:00-17:00}\n  holidays: {country: DE, subdivision: BE}\n"
    berlin = calendar(tmp_path / "be", spec)

    assert germany.calendar.is_open(parse("2027-03-08 10:00Z"))
    assert not berlin.calendar.is_open(parse("2027-03-08 10:00Z"))
    assert len(set(berlin.holidays) - set(germany.holidays)) >= 4, "one in each of the four years"


def test_half_days_of_a_country_have_the_hours_that_are_said_for_them(tmp_path: Path):
    """Christmas Eve is half a holiday in South Australia, from 19:00 on."""
    spec = "  hours: {weekdays: 09:00-17:00}\n  holidays: {country: AU, subdivision: SA, half_days: 09:00-12:00}\n"
    shorter = calendar(tmp_path, spec)

    assert shorter.calendar.is_open(parse("2026-12-24 11:00Z"))
    assert not shorter.calendar.is_open(parse("2026-12-24 13:00Z"))


def test_what_stands_later_wins_over_what_stands_before(tmp_path: Path):
    """The founding day is closed by a file, and one year it is worked in the morning all the same."""
    spec = (
        "  hours: {weekdays: 09:00-17:00}\n  holiday_files: company.ics\n"
        "  days: {2026-08-07: 09:00-12:00, 12-24: 09:00-12:00, 2027-12-24: closed}\n"
    )
    found = calendar(tmp_path, spec).calendar

    assert [found.is_open(parse(f"{year}-08-07 10:00Z")) for year in (2025, 2026)] == [False, True]
    assert not found.is_open(parse("2026-08-07 13:00Z"))
    assert [found.is_open(parse(f"{year}-12-24 10:00Z")) for year in (2026, 2027)] == [True, False]


def test_a_calendar_of_several_is_open_when_one_of_them_is(tmp_path: Path):
    found = calendar(
        tmp_path,
        "  any_of: [berlin, bengaluru]\n",
        berlin="  time_zone: Europe/Berlin\n  hours: {weekdays: 09:00-17:00}\n",
        bengaluru="  time_zone: Asia/Kolkata\n  hours: {weekdays: 09:00-17:00}\n",
    ).calendar

    assert [found.is_open(parse(f"2026-03-06 {hour}:00Z")) for hour in ("03", "05", "15", "17")] == [
        False,
        True,
        True,
        False,
    ]


def test_around_the_clock_is_always_open_but_on_the_days_that_are_said(tmp_path: Path):
    always = calendar(tmp_path / "always", "  hours: always\n")
    mostly = calendar(tmp_path / "mostly", "  hours: always\n  days: {2026-03-07: closed}\n")

    assert always.calendar.is_open(parse("2026-03-07 03:00Z"))
    assert not mostly.calendar.is_open(parse("2026-03-07 03:00Z"))
    assert mostly.calendar.is_open(parse("2026-03-08 03:00Z"))


@pytest.mark.parametrize(
    ("spec", "rule"),
    [
        ("  hours: {weekdays: «9-17»}\n", "wrong-type"),
        ("  hours: {monday: «[09:00-13:00, 12:00-17:00]»}\n", "wrong-hours"),
        ("  hours: {monday: «[09:00-13:00, closed]»}\n", "wrong-hours"),
        ("  hours: {monday: «17:00-09:00»}\n", "wrong-type"),
        ("  hours: «{saturday: closed}»\n", "never-open"),
        ("  «time_zone: UTC»\n", "never-open"),
        ("  hours: always\n  days: {«2026-02-30»: closed}\n", "wrong-type"),
        ("  hours: always\n  holidays: «{country: XY}»\n", "unknown-country"),
        ("  hours: always\n  holidays: «{country: DE, subdivision: XY}»\n", "unknown-subdivision"),
        ("  hours: always\n  holiday_files: «gone.ics»\n", "unreadable-calendar"),
        ("  hours: always\n  holiday_files: [«../outside.ics»]\n", "unreadable-calendar"),
        ("  hours: «always»\n  any_of: [other]\n", "wrong-calendar"),
        ("  any_of: [«nobody»]\n", "unknown-reference"),
        ("  any_of: «[example]»\n", "endless"),
        (
            "  hours: always\n  examples: [«{at: 2026-03-06, after: 1 business hour, expect: open}»]\n",
            "wrong-example",
        ),
        (
            "  hours: always\n  examples: [{at: 2026-03-06, after: «1.5 business days», expect: open}]\n",
            "wrong-type",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, spec: str, rule: str):
    other = "\n---\n" + resource("BusinessCalendar", "  hours: always\n", "other")
    text, places = marked(resource("BusinessCalendar", spec) + other)

    found = [(problem.rule, problem.position.line, problem.position.column) for problem in problems_of(tmp_path, text)]

    assert (rule, places[0].line, places[0].column) in found


def test_without_the_extra_package_a_country_is_told_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, "holidays", None)
    text = resource("BusinessCalendar", "  hours: always\n  holidays: {country: DE}\n")

    (problem,) = problems_of(tmp_path, text)

    assert problem.rule == "missing-extra"
    assert "pip install 'iact[calendar]'" in problem.message


def test_a_broken_calendar_file_is_told_with_its_line(tmp_path: Path):
    text = resource("BusinessCalendar", "  hours: always\n  holiday_files: company.ics\n")
    broken = FOUNDING.replace("VALUE=DATE:20250807", "TZID=Europe/Berlin:20250807T090000")

    (problem,) = load_project(tmp_path, {"rule.yaml": text, "company.ics": broken}).problems

    assert "`company.ics`: line 3: expected a whole day such as 20261224" in problem.message


def test_business_time_without_a_calendar_is_told(tmp_path: Path):
    asked = "    asked: {next: [{after: «4 business hours», to: done}]}\n"
    spec = f"  start: asked\n  states:\n{asked}    done: {{final: true}}\n"
    text, places = marked(resource("Agent", spec))

    (problem,) = problems_of(tmp_path, text)

    assert (problem.rule, problem.position) == ("no-calendar", places[0])
    assert "Add `calendar:`" in problem.hint
