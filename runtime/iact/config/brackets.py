"""Which bracket of a YAML text is open where its parser gave up, and whether a `#` cut its end off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import yaml

from iact.config.source_text import SourceText
from iact.core.tree import Position

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPENING: Final = (yaml.FlowSequenceStartToken, yaml.FlowMappingStartToken)
_CLOSING: Final = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken)
_CUT: Final = re.compile(r"\s*(?P<comment>#[^\s#].*)")


@dataclass(frozen=True, slots=True)
class OpenBracket:
    """A bracket that is never closed.

    Attributes:
        sign: `[` or `{`.
        position: where it stands.
        cut: where the first `#word` inside it stands that YAML takes for a comment, a closing bracket and all.
    """

    sign: str
    position: Position
    cut: Position | None = None


def innermost_open(source: SourceText, place: Position) -> OpenBracket | None:
    """Return the innermost bracket that is open at a place, or None where all are closed.

    Args:
        source: the text.
        place: where the parser gave up.
    """
    opened: list[Position] = []
    cuts: list[tuple[str, Position]] = []
    before: Any = None
    for token in _tokens(source.text):
        if opened and before is not None and token.start_mark.line > before.end_mark.line:
            cuts += _cut_after(source, before)
        if (token.start_mark.line, token.start_mark.column) >= (place.line - 1, place.column - 1):
            break
        if isinstance(token, _OPENING):
            opened.append(_position(source, token.start_mark))
        elif isinstance(token, _CLOSING) and opened:
            opened.pop()
            if not opened:
                cuts.clear()
        before = token
    if not opened:
        return None
    if before is not None:
        cuts += _cut_after(source, before)
    innermost = opened[-1]
    cut = next((position for comment, position in cuts if "]" in comment or "}" in comment), None)
    return OpenBracket(source.line(innermost.line)[innermost.column - 1], innermost, cut)


def _tokens(text: str) -> Iterator[Any]:
    """Yield the tokens up to the first slip that is one of signs already."""
    try:
        yield from yaml.scan(text, Loader=_LOADER)
    except yaml.YAMLError:
        return


def _cut_after(source: SourceText, token: Any) -> Iterator[tuple[str, Position]]:
    line, column = token.end_mark.line + 1, token.end_mark.column
    if found := _CUT.match(source.line(line), column):
        comment = found["comment"].rstrip()
        yield comment, Position(source.file, line, found.start("comment") + 1, len(comment.split()[0]))


def _position(source: SourceText, mark: Any) -> Position:
    return Position(source.file, mark.line + 1, mark.column + 1, 1)
