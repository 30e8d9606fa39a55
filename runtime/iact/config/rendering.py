"""Problems as people read them: the place, the line with what is meant underlined, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from iact.config.source_text import SourceText
from iact.core.problems import Problem
from iact.core.secret_values import holds_secret

_LONGEST_LINE = 160


def render(problem: Problem, sources: Mapping[str, SourceText], weight: str = "") -> str:
    """Return a problem as a few lines of text; a line that may hold a secret is not shown.

    Args:
        problem: the problem.
        sources: the text of each file, to quote from.
        weight: what is put before the message, such as `warning: `.
    """
    return "\n".join(_lines(problem, sources, weight))


def render_all(problems: tuple[Problem, ...], sources: Mapping[str, SourceText], weight: str = "") -> str:
    """Return all problems, an empty line between them."""
    return "\n\n".join(render(problem, sources, weight) for problem in problems)


def _lines(problem: Problem, sources: Mapping[str, SourceText], weight: str) -> Iterator[str]:
    yield f"{problem.position}: {weight}{problem.message}"
    source = sources.get(problem.position.file)
    if source:
        yield from _excerpt(problem, source)
    if problem.hint:
        yield f"  {problem.hint}"


def _excerpt(problem: Problem, source: SourceText) -> Iterator[str]:
    place = problem.position
    line = source.line(place.line)
    if not line.strip():
        return
    gutter = f"{place.line:5d}"
    if problem.rule == "secret" or holds_secret(line):
        yield f"{gutter} | (not shown: this line may hold a secret)"
        return
    start = place.column - 1
    cut = max(0, start + place.length - _LONGEST_LINE)
    shown = line[cut : cut + _LONGEST_LINE].replace("\t", " ")
    length = max(1, min(place.length, len(line) - start))
    yield f"{gutter} | {shown}"
    yield f"{' ' * len(gutter)} | {' ' * (start - cut)}{'^' * length}".rstrip()
