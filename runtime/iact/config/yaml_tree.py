"""YAML text as positioned trees, one for each document.

The parser's events are put together here and not by the parser's own composer, because the composer forgets how a
value was written, joins duplicate keys and follows aliases without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

import yaml

from iact.config.scalars import resolve
from iact.config.source_text import SourceText
from iact.config.yaml_hints import cut_by_comment, syntax_problem
from iact.core.problems import Problems
from iact.core.tree import Entry, MappingNode, Position, ScalarNode, SequenceNode, Tree

MOST_COPIED: Final = 10_000
"""How many values the aliases of one file may stand for in all."""
DEEPEST: Final = 50
"""How many lists and mappings may stand inside one another."""

# The C parser is ten times faster; the pure one reads the same where it is not built.
_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CUT: Final = re.compile(r"[^\S\n]#[^\s#]")


class _StopReadingError(Exception):
    """The file cannot be read any further; the problem has been reported."""


def documents(source: SourceText, problems: Problems) -> list[Tree]:
    """Return the documents of a text, without the empty ones; what is wrong goes to `problems`.

    A text that is no YAML gives no documents at all, so that nothing is judged by half of what was written.
    """
    composer = _Composer(source, problems)
    try:
        return composer.documents()
    except yaml.MarkedYAMLError as error:
        problem = syntax_problem(source, error)
        # A text that a `#` cut off may have told of the same slip already.
        problems.found[:] = [each for each in problems.found if each.position != problem.position]
        problems.found.append(problem)
    except yaml.YAMLError as error:
        problems.add("yaml-syntax", Position(source.file, 1, 1), f"this is no YAML: {error}.")
    except _StopReadingError:
        pass
    return []


@dataclass(slots=True)
class _Composer:
    source: SourceText
    problems: Problems
    anchors: dict[str, tuple[Tree, int]] = field(default_factory=dict)
    copied: int = 0
    events: Iterator[Any] = field(init=False)
    checks_comments: bool = field(init=False)

    def __post_init__(self) -> None:
        # What `yaml.parse` does, less two calls for each event.
        self.events = iter(_LOADER(self.source.text).get_event, None)
        # Almost no file has such a comment; looking once is cheaper than looking after every value.
        self.checks_comments = bool(_CUT.search(self.source.text))

    def documents(self) -> list[Tree]:
        found = []
        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors.clear()
                tree, _ = self._compose(next(self.events), depth=0)
                if not (isinstance(tree, ScalarNode) and tree.value is None):
                    found.append(tree)
        return found

    def _compose(self, event: Any, depth: int) -> tuple[Tree, int]:
        """Return the tree that begins with `event`, and how many values it holds, copies included."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            self._report(
                "yaml-tag", event, "a tag (`!…`) has no meaning here.", "Put the text in quotes, or remove it."
            )
        if depth > DEEPEST:
            self._stop(event, f"lists and mappings stand more than {DEEPEST} deep inside one another.")
        if isinstance(event, yaml.ScalarEvent):
            composed: tuple[Tree, int] = self._scalar(event), 1
        elif isinstance(event, yaml.SequenceStartEvent):
            composed = self._sequence(event, depth)
        else:
            composed = self._mapping(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = composed
        return composed

    def _scalar(self, event: Any) -> ScalarNode:
        text: str = event.value
        position = self._position(event)
        if not event.implicit[0]:
            return ScalarNode(text, text, position, quoted=True)
        if event.anchor and text and position.length > len(text):
            # The parser counts the mark `&name` as part of the value.
            skipped = position.length - len(text)
            position = replace(position, column=position.column + skipped, length=len(text))
        if self.checks_comments and text:
            end = Position(self.source.file, event.end_mark.line + 1, event.end_mark.column + 1)
            cut = cut_by_comment(self.source, end, text)
            if cut:
                self.problems.found.append(cut)
        return ScalarNode(resolve(text), text, position)

    def _sequence(self, start: Any, depth: int) -> tuple[Tree, int]:
        items = []
        size = 1
        for event in self.events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            item, count = self._compose(event, depth + 1)
            items.append(item)
            size += count
        return SequenceNode(tuple(items), self._position(start)), size

    def _mapping(self, start: Any, depth: int) -> tuple[Tree, int]:
        entries: list[Entry] = []
        first: dict[str, Position] = {}
        size = 1
        for event in self.events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, depth)
            value, count = self._compose(next(self.events), depth + 1)
            size += count + 1
            if key is None:
                continue
            if key.text in first:
                self._duplicate(key, first[key.text])
                continue
            first[key.text] = key.position
            entries.append(Entry(key, value))
        return MappingNode(tuple(entries), self._position(start)), size

    def _key(self, event: Any, depth: int) -> ScalarNode | None:
        """Return the key, or None where it cannot be one; its value is read past all the same."""
        if not isinstance(event, yaml.ScalarEvent):
            self._compose(event, depth + 1)
            hint = 'Put the text in quotes: "{{ … }}"' if self._line_at(event).startswith("{") else ""
            self._report("yaml-key", event, "a key is one plain text; a list or mapping cannot be one.", hint)
            return None
        if event.tag is not None:
            self._report("yaml-tag", event, "a tag (`!…`) has no meaning here.", "Remove it.")
        if event.value == "<<" and event.implicit[0]:
            self._report(
                "yaml-key",
                event,
                "`<<` is not part of YAML 1.2, and nothing is merged here.",
                "Write the keys out, or use `*name` for the whole value.",
            )
            return None
        if not event.value:
            self._report("yaml-key", event, "a key is missing before the `:`.", "")
            return None
        key = ScalarNode(event.value, event.value, self._position(event))
        if event.anchor:
            self.anchors[event.anchor] = (key, 1)
        return key

    def _alias(self, event: Any) -> tuple[Tree, int]:
        if event.anchor not in self.anchors:
            shown = self._line_at(event).split(" #")[0].strip()
            self._stop(
                event,
                f"`*{event.anchor}` repeats a value marked `&{event.anchor}`, and none is marked so before it.",
                f'If it is a text, put it in quotes: "{shown}"',
            )
        tree, size = self.anchors[event.anchor]
        self.copied += size
        if self.copied > MOST_COPIED:
            self._stop(
                event,
                f"the aliases of this file stand for more than {MOST_COPIED:,} values.",
                "Write the values out, or fewer of them.",
            )
        return tree, size

    def _duplicate(self, key: ScalarNode, first: Position) -> None:
        message = f"the key `{key.text}` stands here a second time; the first is at {first.line}:{first.column}."
        self.problems.add("duplicate-key", key.position, message, "Remove one of them.")

    def _line_at(self, event: Any) -> str:
        return self.source.line(event.start_mark.line + 1)[event.start_mark.column :]

    def _position(self, event: Any) -> Position:
        start, end = event.start_mark, event.end_mark
        if start.line == end.line:
            length = end.column - start.column
        else:
            length = len(self.source.line(start.line + 1).rstrip()) - start.column
        return Position(self.source.file, start.line + 1, start.column + 1, max(0, length))

    def _report(self, rule: str, event: Any, message: str, hint: str) -> None:
        self.problems.add(rule, self._position(event), message, hint)

    def _stop(self, event: Any, message: str, hint: str = "") -> None:
        rule = "alias" if isinstance(event, yaml.AliasEvent) else "too-deep"
        self._report(rule, event, message, hint)
        raise _StopReadingError
