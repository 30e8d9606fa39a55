"""What a class says about itself: its purpose and its attributes, from its Google-style docstring.

Schemas, documentation pages and completions in editors all quote these sentences, so they are written once.
"""

from __future__ import annotations

import inspect
import re

_ATTRIBUTE = re.compile(r"^(?P<indent> +)(?P<name>\w+)(?: \([^)]*\))?: ?(?P<text>.*)$")
_SECTION = re.compile(r"^\w[\w ]*:$")


def purpose(cls: type) -> str:
    """Return the first paragraph of the class's docstring on one line; empty where it has none."""
    return " ".join(_lines_until_blank(_docstring(cls)))


def explanation(cls: type) -> str:
    """Return the paragraphs between the first one and the first section, as they are written."""
    lines = _docstring(cls)
    body = lines[len(_lines_until_blank(lines)) :]
    end = next((number for number, line in enumerate(body) if _SECTION.match(line)), len(body))
    return "\n".join(body[:end]).strip()


def attributes(cls: type) -> dict[str, str]:
    """Return the description of each attribute, those of the base classes included."""
    found: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__[:-1]):
        found |= _own_attributes(_docstring(ancestor))
    return found


def _own_attributes(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in _section(lines, "Attributes:"):
        match = _ATTRIBUTE.match(line)
        if match and len(match["indent"]) == _INDENT:
            name = match["name"]
            found[name] = match["text"]
        elif name and line.strip():
            found[name] = f"{found[name]} {line.strip()}"
    return found


_INDENT = 4


def _section(lines: list[str], title: str) -> list[str]:
    if title not in lines:
        return []
    body = lines[lines.index(title) + 1 :]
    end = next((number for number, line in enumerate(body) if _SECTION.match(line)), len(body))
    return body[:end]


def _docstring(cls: type) -> list[str]:
    # A dataclass without a docstring gets its signature as one, which explains nothing.
    text = cls.__dict__.get("__doc__") or ""
    return [] if text.startswith(f"{cls.__name__}(") else inspect.cleandoc(text).splitlines()


def _lines_until_blank(lines: list[str]) -> list[str]:
    end = next((number for number, line in enumerate(lines) if not line.strip()), len(lines))
    return lines[:end]


def example(cls: type) -> str:
    """Return the text of the section `Example:`, without its indentation; empty where there is none."""
    return inspect.cleandoc("\n" + "\n".join(_section(_docstring(cls), "Example:"))).strip("\n")
