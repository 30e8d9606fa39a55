"""What a project does again and again, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Final, Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from iact.config.model.checking import wrong
from iact.core.machine import Mode
from iact.core.occurrences import EVERY_DAY, Fold, Gap, Interval, Missed, Recurrence, WallClock
from iact.core.problems import Problem
from iact.core.quantities import Dimension, parse
from iact.core.readers import ParsedReader
from iact.core.shape import Duration, Name, OneOrMany, Ref, Scope, TimeZoneName, Within, part
from iact.core.tree import NOWHERE, Position

_TIME_OF_DAY: Final = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]$"


def _time_of_day(text: str) -> str:
    if re.fullmatch(_TIME_OF_DAY, text) is None:
        message = f"expected a time of day such as 02:00, found {text!r}"
        raise ValueError(message)
    return text


TimeOfDay: TypeAlias = Annotated[str, ParsedReader("a time of day such as 02:00", _TIME_OF_DAY, _time_of_day)]
Weekday: TypeAlias = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
DAYS: Final[tuple[str, ...]] = get_args(Weekday)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChanges:
    """What becomes of a time of day on the days on which clocks are changed.

    Attributes:
        gap: a time that the clock never shows is read with the offset before (02:30 is 03:30 then), or skipped.
        fold: a time that it shows twice counts the first time, or both times.
    """

    gap: Gap = Gap.SHIFT
    fold: Fold = Fold.FIRST


@dataclass(frozen=True, slots=True)
class Setting:
    """What a job of iact itself can be given under `with`: its default, and whether it is a time or a whole number."""

    default: str
    is_duration: bool = False
    is_number: bool = False

    def complaint(self, text: str) -> str:
        """Return what is wrong with a value; empty where nothing is."""
        if self.is_number and not (text.isascii() and text.isdigit() and int(text)):
            return f"expected a whole number of 1 or more, found `{text}`"
        if self.is_duration:
            try:
                parse(text, Dimension.DURATION)
            except ValueError:
                return f"expected a time such as 5m, found `{text}`"
        return ""


SHORTEST: Final = timedelta(seconds=1)
"""The shortest time from one time to the next: each is a row that stays for months."""
JOBS: Final[Mapping[str, Mapping[str, Setting]]] = {
    "alerts": {"more_than": Setting("10", is_number=True), "within": Setting("5m", is_duration=True)},
    "backup": {
        "folder": Setting(".iact/backups"),
        "keep": Setting("14", is_number=True),
        "encrypt_for": Setting(""),
    },
    "cleanup": {"keep": Setting("30 days", is_duration=True)},
    "health": {},
}
"""What iact itself can do again and again, with what each can be given."""


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """Something that is done again and again: every so often, or at times of day.

    Attributes:
        run: the agent that is run.
        do: what iact itself does: `alerts` says when too much failed lately, `backup` writes a backup and keeps the
            newest, `cleanup` deletes what every `RetentionPolicy` has kept for long enough, `health` examines the store
            and what waits for a person.
        every: how long from one time to the next, counted from 1970-01-01 00:00 UTC.
        at: times of day, on the clock of `zone`.
        days: the days of the week on which `at` counts; all of them where this is left out.
        month_days: the days of the month on which it counts, -1 for the last; all of them where this is left out.
        zone: the time zone of `at`; the project's where this is left out.
        dst: what becomes of `at` on the days on which clocks are changed.
        missed: what becomes of times that passed while nothing served: it is done once, not at all, or for each.
        with_: what it is started with.
        mode: `enforce` does it; `observe` says at each time what would have been done. Nobody can be asked before each
            time, so there is no `propose` here: an agent that is run has a mode of its own.
    """

    run: Annotated[str, Ref("Agent")] | None = None
    do: Literal["alerts", "backup", "cleanup", "health"] | None = None
    every: Duration | None = None
    at: OneOrMany[TimeOfDay] = ()
    days: OneOrMany[Weekday] = ()
    month_days: OneOrMany[Annotated[int, Within(-31, 31)]] = ()
    zone: TimeZoneName | None = None
    dst: ClockChanges = field(default_factory=ClockChanges)
    missed: Missed = Missed.ONCE
    with_: Mapping[Name, str] = field(default_factory=dict)
    mode: Mode = Mode.ENFORCE
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What it does, in a word."""
        return self.run or self.do or ""

    def recurrence(self, zone: str) -> Recurrence:
        """Return when it is done.

        Args:
            zone: the time zone of the project.
        """
        if self.every is not None:
            return Interval(self.every.timedelta)
        return WallClock(
            zone=ZoneInfo(self.zone or zone),
            times=tuple(timedelta(hours=int(time[:2]), minutes=int(time[3:])) for time in self.at),
            weekdays=frozenset(DAYS.index(day) for day in self.days) or EVERY_DAY,
            month_days=frozenset(self.month_days),
            gap=self.dst.gap,
            fold=self.dst.fold,
        )

    def given(self) -> dict[str, str]:
        """Return what a job of iact itself is given, defaults included."""
        return {name: setting.default for name, setting in JOBS[self.do or ""].items()} | dict(self.with_)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what contradicts itself, inputs that are not known, and times that never come."""
        if (self.run is None) == (self.do is None):
            yield wrong("one-of", self.position, "say either `run`, an agent, or `do`, a job of iact itself.")
        if self.mode is Mode.PROPOSE:
            place = self.positions.get("mode", self.position)
            message = "nobody can be asked before each time: say `observe` or `enforce`."
            if self.run is not None:
                message += f" What the agent `{self.run}` does can be proposed: say `mode: propose` there."
            yield wrong("invalid-value", place, message)
        yield from self._check_times()
        yield from self._check_given(scope)

    def _check_times(self) -> Iterator[Problem]:
        if (self.every is None) == (not self.at):
            yield wrong("one-of", self.position, "say either `every`, how often, or `at`, at which times of day.")
        if self.every is not None and self.every.timedelta < SHORTEST:
            place = self.positions.get("every", self.position)
            yield wrong("invalid-value", place, "`every` must be a second or longer.")
        for key in ("days", "month_days", "zone", "dst") if not self.at else ():
            if key in self.positions:
                yield wrong("invalid-value", self.positions[key], f"`{key}` says more about `at`, which is not there.")
        if 0 in self.month_days:
            place = self.positions.get("month_days", self.position)
            yield wrong("invalid-value", place, "no month has a day 0; -1 is its last day.")

    def _check_given(self, scope: Scope) -> Iterator[Problem]:
        agent = scope.spec("Agent", self.run) if self.run is not None else None
        for name, text in self.with_.items():
            if agent is not None and name not in agent.inputs:
                yield wrong("unknown-input", self.position, f"the agent `{self.run}` has no input `{name}`.")
            if self.do is None:
                continue
            setting = JOBS[self.do].get(name)
            if setting is None:
                known = ", ".join(f"`{one}`" for one in JOBS[self.do]) or "nothing"
                message = f"`{self.do}` cannot be given `{name}`, but {known}."
                yield wrong("unknown-input", self.position, message)
            elif complaint := setting.complaint(text):
                yield wrong("invalid-value", self.position, f"`{name}`: {complaint}.")
