"""Everybody can read the report: contrast by the formula of WCAG 2.2, in light and in dark."""

from __future__ import annotations

import re

import pytest

from iact.reports import palette

SCHEMES = {"light": palette.LIGHT, "dark": palette.DARK}


def luminance(colour: str) -> float:
    """Return the relative luminance of `#rrggbb` (WCAG 2.2, definition of relative luminance)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_knows_black_and_white():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("pair", palette.TEXT_PAIRS, ids="-on-".join)
def test_text_has_a_contrast_of_at_least_four_and_a_half(scheme, pair):
    colours = SCHEMES[scheme]

    assert contrast(colours[pair[0]], colours[pair[1]]) >= 4.5


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("pair", palette.SHAPE_PAIRS, ids="-on-".join)
def test_shapes_that_carry_meaning_have_a_contrast_of_at_least_three(scheme, pair):
    colours = SCHEMES[scheme]

    assert contrast(colours[pair[0]], colours[pair[1]]) >= 3


def test_light_and_dark_name_the_same_colours():
    assert palette.LIGHT.keys() == palette.DARK.keys()


@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_colour_is_written_in_six_digits(scheme):
    assert [colour for colour in SCHEMES[scheme].values() if not re.fullmatch("#[0-9a-f]{6}", colour)] == []
