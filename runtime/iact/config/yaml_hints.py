"""What a slip in YAML most likely was, and how to write what was meant.

YAML gives signs such as `#`, `@`, `>`, `*` and `%` a meaning that a person who writes rules does not expect.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

import yaml

from iact.config.source_text import SourceText
from iact.core.problems import Problem
from iact.core.secret_values import holds_secret
from iact.core.tree import Position

_QUOTE: Final = 'Put the text in quotes: "{}"'
_SHOWN: Final = 60
_BLOCK: Final = re.compile(r"[>|]\s*\S")
_CUT_IN_LINE: Final = re.compile(r"^(?P<before>[^\"'#]*)\s(?P<comment>#[^\s#]\S*)")
_LINES_BACK: Final = 3
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
    explained = _cut_bracket(source, line) or _never_closed(source, error)
    if explained:
        return explained
    if "cannot start any token" in said and rest:
        message = f"a text cannot begin with `{rest[0]}` in YAML."
        return _problem(place, message, _quoted(rest))
    if "block scalar" in (error.context or ""):
        return _block_scalar(source, error, place)
    if "mapping values are not allowed" in said:
        return _second_colon(source, place)
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


def _cut_bracket(source: SourceText, last: int) -> Problem | None:
    """Return the problem of a bracket whose end a `#` cut off, on the nearest line up to `last` that has one."""
    for number in range(min(last, len(source.lines)), max(0, last - _LINES_BACK), -1):
        cut = _CUT_IN_LINE.search(source.line(number))
        if cut and cut["before"].count("{") + cut["before"].count("[") > cut["before"].count("}") + cut["before"].count(
            "]"
        ):
            place = Position(source.file, number, cut.start("comment") + 1, len(cut["comment"]))
            text = cut["comment"].rstrip("]},")
            message = "` #` begins a comment, so the bracket that is open here is never closed."
            return _problem(place, message, _QUOTE.format(_short(text)))
    return None


def _never_closed(source: SourceText, error: yaml.MarkedYAMLError) -> Problem | None:
    context, mark = error.context or "", error.context_mark
    if mark is None or ("flow" not in context and "quoted scalar" not in context):
        return None
    place = Position(source.file, mark.line + 1, mark.column + 1, 1)
    sign = source.line(place.line)[place.column - 1 : place.column]
    if sign in {'"', "'"}:
        return _problem(place, f"the text that begins with `{sign}` here is never closed.", f"End it with {sign}.")
    if sign in {"[", "{"}:
        closing = {"[": "]", "{": "}"}[sign]
        return _problem(
            place, f"`{sign}` is never closed, or an item is not separated.", f"Add `{closing}` or a comma."
        )
    return None


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


def _second_colon(source: SourceText, place: Position) -> Problem:
    line = source.line(place.line)
    first = re.match(r"\s*(?:- +)*[^\s:#][^:]*: +(?P<value>\S.*)", line)
    if first and first.start("value") < place.column:
        return _problem(
            Position(source.file, place.line, place.column, 1),
            "a second `: ` stands in this line, and YAML would read it as a key.",
            _quoted(first["value"]),
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
