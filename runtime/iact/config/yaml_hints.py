"""What a slip in YAML most likely was, and how to write what was meant.

YAML gives signs such as `#`, `@`, `>`, `*` and `%` a meaning that a person who writes rules does not expect.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import yaml

from iact.config.brackets import innermost_open
from iact.config.source_text import SourceText
from iact.core.problems import Problem
from iact.core.secret_values import holds_secret
from iact.core.tree import Position

_QUOTE: Final = 'Put the text in quotes: "{}"'
_SHOWN: Final = 60
_BLOCK: Final = re.compile(r"[>|]\s*\S")
_PAIR: Final = re.compile(r"\s*(?:- +)*[^\s:#][^:]*: +(?P<value>\S.*)")
_CUT: Final = re.compile(r"\s*(#\S+)")
_REPEATED: Final = re.compile(r"(?<=found )`[^`]*`|(?<=only )`[^`]*`|`\*[^`]*`|`&[^`]*`")
_HINTED: Final = frozenset({"wrong-type", "unknown-value", "wrong-unit", "wrong-condition", "envelope"})


def syntax_problem(source: SourceText, error: yaml.MarkedYAMLError) -> Problem:
    """Return the problem of a text that is no YAML, in the words of a person who writes rules."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    place = Position(source.file, line, column, 1)
    rest = source.line(line)[column - 1 :]
    said = error.problem or "this is no YAML"
    if "\t" in source.line(line)[:column] and "cannot start any token" in said:
        column = source.line(line).index("\t") + 1
        return _problem(Position(source.file, line, column, 1), "a tab cannot indent in YAML.", "Use spaces.")
    explained = _bracket_problem(source, error, place) or _quote_problem(source, error)
    if explained:
        return explained
    if "cannot start any token" in said and rest:
        message = f"a text cannot begin with `{rest[0]}` in YAML."
        return _problem(place, message, _quoted(rest))
    if "block scalar" in (error.context or ""):
        return _block_scalar(source, error, place)
    if "mapping values are not allowed" in said:
        return _second_colon(source, place, inside_brackets=False)
    return _problem(place, f"{said}{f' ({error.context})' if error.context else ''}.", "")


def with_hint(source: SourceText, problem: Problem) -> Problem:
    """Return the problem with a hint where a sign of YAML explains it; unchanged where it has one or needs none."""
    if problem.hint or problem.rule not in _HINTED:
        return problem
    rest = source.line(problem.position.line)[problem.position.column - 1 :]
    if (cut := _CUT.match(rest)) and "found nothing" in problem.message:
        hint = f'` #` begins a comment, so nothing is left of the value. Put it in quotes: "{cut[1]}"'
        return replace(problem, hint=hint)
    if _BLOCK.match(rest):
        return replace(problem, hint=f"`{rest[0]}` begins a block of text in YAML. {_quoted(rest)}")
    if rest.startswith("&"):
        return replace(problem, hint=f"`&` names a value in YAML. {_quoted(rest)}")
    if rest.startswith("{{"):
        return replace(problem, hint=f"`{{` begins a mapping in YAML. {_quoted(rest)}")
    return problem


def without_secret(source: SourceText, problem: Problem) -> Problem:
    """Return the problem so that it repeats nothing of a line that may hold a secret."""
    if problem.rule == "secret" or not holds_secret(source.line(problem.position.line)):
        return problem
    hint = "" if not problem.hint else "The line may hold a secret, so nothing of it is repeated here."
    return replace(problem, message=_REPEATED.sub("what is written", problem.message), hint=hint)


def cut_by_comment(source: SourceText, end: Position, value: str) -> Problem | None:
    """Return the problem of a text that goes on as `#word` after a space, which YAML takes for a comment.

    Args:
        source: the file.
        end: where the value ends.
        value: the value as YAML understood it.
    """
    rest = source.line(end.line)[end.column - 1 :]
    cut = _CUT.match(rest)
    if not cut or not rest[0].isspace():
        return None
    place = Position(source.file, end.line, end.column + cut.start(1), len(cut[1]))
    return _problem(
        place,
        f"` #` begins a comment, so only `{_short(value)}` is left of the value.",
        f'Put the whole in quotes ("{_short(value)} {cut[1]}"), or a space after the # if it is a comment.',
        rule="cut-by-comment",
    )


def _bracket_problem(source: SourceText, error: yaml.MarkedYAMLError, place: Position) -> Problem | None:
    """Return what is wrong with the bracket that is open at `place`, or None where none is or it is in order."""
    bracket = innermost_open(source, place)
    if bracket is None:
        return None
    if bracket.cut is not None:
        start = bracket.cut.column - 1
        text = source.line(bracket.cut.line)[start : start + bracket.cut.length].rstrip("]},")
        message = "` #` begins a comment, so the bracket that is open here is never closed."
        return _problem(bracket.cut, message, _QUOTE.format(_short(text)))
    if "flow" not in (error.context or ""):
        return None
    rest = source.line(place.line)[place.column - 1 :]
    if bracket.position.line == place.line and rest.startswith(": "):
        return _second_colon(source, place, inside_brackets=True)
    closing = {"[": "]", "{": "}"}[bracket.sign]
    if bracket.position.line == place.line and rest:
        return _problem(place, "a comma is missing before this.", f"Add it, or `{closing}` before it.")
    message = f"`{bracket.sign}` is never closed, or an item is not separated."
    return _problem(bracket.position, message, f"Add `{closing}` or a comma.")


def _quote_problem(source: SourceText, error: yaml.MarkedYAMLError) -> Problem | None:
    mark = error.context_mark
    if mark is None or "quoted scalar" not in (error.context or ""):
        return None
    place = Position(source.file, mark.line + 1, mark.column + 1, 1)
    sign = source.line(place.line)[place.column - 1 : place.column]
    return _problem(place, f"the text that begins with `{sign}` here is never closed.", f"End it with {sign}.")


def _block_scalar(source: SourceText, error: yaml.MarkedYAMLError, place: Position) -> Problem:
    mark = error.context_mark
    if mark is not None:
        place = Position(source.file, mark.line + 1, mark.column + 1, 1)
    rest = source.line(place.line)[place.column - 1 :]
    sign = rest[:1]
    return _problem(
        place,
        f"`{sign}` begins a block of text in YAML, which starts on the next line.",
        f"For a comparison write above: or below: instead of {sign}. {_quoted(rest)}",
    )


def _second_colon(source: SourceText, place: Position, *, inside_brackets: bool) -> Problem:
    line = source.line(place.line)
    begin = max(line.rfind(sign, 0, place.column) for sign in "{[,") + 1 if inside_brackets else 0
    first = _PAIR.match(line, begin)
    if first and first.start("value") < place.column:
        return _problem(
            Position(source.file, place.line, place.column, 1),
            "a second `: ` stands in this line, and YAML would read it as a key.",
            _quoted(re.split(r"[,}\]]", first["value"])[0] if inside_brackets else first["value"]),
        )
    return _problem(place, "a key may not stand here: its line is indented further than the one above.", "Align it.")


def _quoted(text: str) -> str:
    shown = _short(text.split(" #", maxsplit=1)[0].strip().rstrip(",]}"))
    return _QUOTE.format(shown.replace('"', '\\"'))


def _short(text: str) -> str:
    line = " ".join(text.split())
    return f"{line[:_SHOWN]}…" if len(line) > _SHOWN else line


def _problem(position: Position, message: str, hint: str, rule: str = "yaml-syntax") -> Problem:
    return Problem(rule=rule, position=position, message=message, hint=hint)
