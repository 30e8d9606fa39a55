"""Projects of a few lines, in which «guillemets» mark the place that an error has to point at."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from iact.config.loading import Loaded, load
from iact.core.problems import Problem
from iact.core.tree import Position

SETTINGS = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec: {paths: [.]}\n"
_MARKED = re.compile("«([^»]*)»")


def write_project(root: Path, files: Mapping[str, str | bytes], settings: str = SETTINGS) -> Path:
    """Write a project with its `iact.yaml` and these files, and return its folder."""
    root.mkdir(parents=True, exist_ok=True)
    for name, content in {"iact.yaml": settings, **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root


def load_project(root: Path, files: Mapping[str, str | bytes], settings: str = SETTINGS) -> Loaded:
    """Write a project and load it, published schemas included."""
    return load(write_project(root, files, settings), against_schemas=True)


def problems_of(root: Path, text: str, settings: str = SETTINGS) -> tuple[Problem, ...]:
    """Return what is wrong in a project that has `text` as its file `rule.yaml`."""
    return load_project(root, {"rule.yaml": text}, settings).problems


def marked(text: str, file: str = "rule.yaml") -> tuple[str, list[Position]]:
    """Return the text without its marks, and the places that were marked."""
    places = []
    while match := _MARKED.search(text):
        before = text[: match.start()].split("\n")
        places.append(Position(file, len(before), len(before[-1]) + 1, len(match[1])))
        text = f"{text[: match.start()]}{match[1]}{text[match.end() :]}"
    return text, places


def resource(kind: str, spec: str, name: str = "example") -> str:
    """Return a resource whose `spec` is the indented text."""
    return f"apiVersion: iact/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"
