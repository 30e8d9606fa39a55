"""Public holidays of countries and their parts, by the package `holidays`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from iact.core.problems import did_you_mean

HALF_DAY = "half_day"


class HolidaysUnknownError(LookupError):
    """Holidays that nothing knows; the message says what to do.

    Attributes:
        rule: what a problem that says so is called.
    """

    def __init__(self, rule: str, message: str) -> None:
        """Say what is not known, and as which rule of `iact validate`."""
        super().__init__(message)
        self.rule = rule


@dataclass(frozen=True, slots=True)
class PublicHoliday:
    """A day on which a country does not work, or not the whole of it.

    Attributes:
        day: the day.
        name: what it is called there.
        is_half: whether half of it is worked.
    """

    day: date
    name: str
    is_half: bool


def public_holidays(country: str, subdivision: str | None, years: range) -> Iterator[PublicHoliday]:
    """Yield the public holidays of some years; half-days before the whole ones, which therefore win.

    Args:
        country: its ISO 3166-1 code, such as DE.
        subdivision: code of a part of it (ISO 3166-2), such as BE; None for what the whole country has.
        years: which years.

    Raises:
        HolidaysUnknownError: if the package is not installed, or knows no such country or part.
    """
    package = _package()
    countries = package.list_supported_countries(include_aliases=False)
    if country not in countries:
        message = f"`{country}` is no country whose holidays are known. {did_you_mean(country, countries)}".rstrip()
        raise HolidaysUnknownError("unknown-country", f"{message} Countries have codes such as DE, FR or US.")
    parts = countries[country]
    if subdivision is not None and subdivision not in parts:
        known = f"It has {', '.join(parts)}." if parts else "It has none; remove `subdivision`."
        message = f"`{subdivision}` is no part of {country} whose holidays are known. {known}"
        raise HolidaysUnknownError("unknown-subdivision", message)
    categories = getattr(package, country).supported_categories
    for category in (HALF_DAY, "public"):
        if category in categories:
            found = package.country_holidays(country, subdiv=subdivision, years=years, categories=(category,))
            for day, name in sorted(found.items()):
                yield PublicHoliday(day, name, category == HALF_DAY)


def _package() -> Any:
    try:
        import holidays  # noqa: PLC0415 - it takes long, and most calendars name no country
    except ImportError:
        message = "`holidays` needs a package that is not installed. pip install 'iact[calendar]'"
        raise HolidaysUnknownError("missing-extra", message) from None
    return holidays


def version() -> str:
    """Return the package's version, for the record of what was resolved with it."""
    found: str = _package().__version__
    return found
