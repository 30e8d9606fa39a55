"""The colours of a report, in light and in dark.

Every pair that meets on the page keeps the contrast of WCAG 2.2, level AA: 4.5 for text, 3 for shapes that carry
meaning (success criteria 1.4.3 and 1.4.11); the tests compute it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LIGHT: Final[Mapping[str, str]] = {
    "paper": "#f7f7f5",
    "card": "#ffffff",
    "sunken": "#f1f1ee",
    "ink": "#1c2024",
    "soft": "#5a626b",
    "rule": "#e2e2dd",
    "edge": "#80868d",
    "accent": "#0b5cad",
    "tint": "#e6f0fa",
    "good": "#17713a",
    "good-tint": "#e5f4ea",
    "bad": "#b3261e",
    "bad-tint": "#fbeae8",
    "open": "#855300",
    "open-tint": "#fbf1dd",
    "bar": "#3f83c4",
    "stage-1": "#1f5f9e",
    "stage-2": "#1a7f83",
    "stage-3": "#8a6a13",
    "stage-4": "#8b4a8f",
    "stage-5": "#9c4a2f",
    "on-stage": "#ffffff",
}

DARK: Final[Mapping[str, str]] = {
    "paper": "#101418",
    "card": "#181d23",
    "sunken": "#12161b",
    "ink": "#e8eaed",
    "soft": "#a3adb8",
    "rule": "#2b323a",
    "edge": "#77828e",
    "accent": "#79b8f5",
    "tint": "#16293c",
    "good": "#63c983",
    "good-tint": "#14291c",
    "bad": "#ff8f85",
    "bad-tint": "#361a18",
    "open": "#e8b54a",
    "open-tint": "#2f2510",
    "bar": "#4f94d8",
    "stage-1": "#7fb6ea",
    "stage-2": "#58c2c0",
    "stage-3": "#d9b04f",
    "stage-4": "#cf9ad2",
    "stage-5": "#e69a7d",
    "on-stage": "#101418",
}

TEXT_PAIRS: Final = (
    ("ink", "paper"),
    ("ink", "card"),
    ("ink", "sunken"),
    ("soft", "paper"),
    ("soft", "card"),
    ("soft", "sunken"),
    ("accent", "paper"),
    ("accent", "card"),
    ("accent", "tint"),
    ("ink", "tint"),
    ("good", "card"),
    ("good", "good-tint"),
    ("ink", "good-tint"),
    ("bad", "card"),
    ("bad", "bad-tint"),
    ("ink", "bad-tint"),
    ("open", "card"),
    ("open", "open-tint"),
    ("ink", "open-tint"),
    ("soft", "open-tint"),
    ("on-stage", "stage-1"),
    ("on-stage", "stage-2"),
    ("on-stage", "stage-3"),
    ("on-stage", "stage-4"),
    ("on-stage", "stage-5"),
)
"""Colours of text, each with a colour that it is written on."""

SHAPE_PAIRS: Final = (
    ("bar", "card"),
    ("accent", "card"),
    ("good", "card"),
    ("bad", "card"),
    ("edge", "card"),
    ("edge", "paper"),
    ("stage-1", "card"),
    ("stage-2", "card"),
    ("stage-3", "card"),
    ("stage-4", "card"),
    ("stage-5", "card"),
)
"""Colours of shapes that carry meaning, each with what they are drawn on."""


def custom_properties(colours: Mapping[str, str]) -> str:
    """Return the colours as CSS custom properties, `--ink: #1c2024; …`."""
    return " ".join(f"--{name}: {value};" for name, value in colours.items())
