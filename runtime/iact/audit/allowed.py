"""Which steps a pinned definition allows, read out of the bytes whose digest a run's first entry names.

The bytes are `[kind, name, digest, {"files", "tree"}]` in canonical JSON. A node of the tree is `[kind, content,
place, …]`, as `iact.core.tree.to_record` writes it. Only an agent's states and the ways between them are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from iact.audit.bundles import BundleError, parse_json

AGENT: Final = "Agent"
_PARTS: Final = 4
_NODE: Final = 3
_OF_A_TEXT: Final = 120
"""Bytes that a text and its place in what holds it take, without its letters."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way out of a state.

    Attributes:
        to: the state that it leads to.
        event: the event that it waits for; empty for none.
        waits: whether it waits for a time.
        outcome: what taking it means, in lower case; empty for nothing.
    """

    to: str
    event: str
    waits: bool
    outcome: str

    def answers(self, kind: Any, name: Any) -> bool:
        """Return whether it may be taken for a trigger of this kind and name."""
        if kind == "event":
            return bool(self.event) and self.event == name
        if kind == "timer":
            return self.waits
        return kind in {"entered", "looked"} and not self.event and not self.waits


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an agent may do.

    Attributes:
        name: the agent's.
        digest: that of the definition's content, which a run's first entry names as well.
        start: the state in which a run begins.
        ways: by state, its ways out in the order of the file.
        final: the states in which a run ends.
        actions: by state, the action that entering it starts, of those that start one.
        exclusive: by state, the fact whose text only one run at a time may hold there, of those that have one.
    """

    name: str
    digest: str
    start: str
    ways: Mapping[str, tuple[Way, ...]]
    final: frozenset[str]
    actions: Mapping[str, str]
    exclusive: Mapping[str, str]

    def weight(self) -> int:
        """Return about how many bytes it takes in memory, at most."""
        texts = [*self.ways, *self.actions.values(), *self.exclusive.values()]
        texts += [text for ways in self.ways.values() for way in ways for text in (way.to, way.event, way.outcome)]
        return sum(_OF_A_TEXT + 4 * len(text) for text in (self.name, self.digest, self.start, *texts))


def parse_definition(content: bytes, where: str) -> Allowed | None:
    """Return what a definition allows; None where it is none of an agent.

    Args:
        content: the bytes that were pinned.
        where: which they are, for the message.

    Raises:
        BundleError: if they are not what this release pins.
    """
    record = parse_json(content, where)
    if not isinstance(record, list) or len(record) != _PARTS or not all(isinstance(one, str) for one in record[:3]):
        raise BundleError(f"{where} is no definition: it should be [kind, name, digest, tree]")
    kind, name, digest, body = record
    if kind != AGENT:
        return None
    try:
        return _allowed(name, digest, _plain(body["tree"]))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise BundleError(f"{where} is no agent that this verifier can read; try that of a newer release") from None


def _allowed(name: str, digest: str, spec: Any) -> Allowed:
    states = spec["states"]
    return Allowed(
        name=name,
        digest=digest,
        start=_text(spec["start"]),
        ways={state: tuple(_way(one) for one in _listed(each.get("next", []))) for state, each in states.items()},
        final=frozenset(state for state, each in states.items() if each.get("final") == "true"),
        actions={state: _text(each["do"]) for state, each in states.items() if each.get("do")},
        exclusive={state: _text(each["exclusive"]) for state, each in states.items() if each.get("exclusive")},
    )


def _way(written: Any) -> Way:
    return Way(
        to=_text(written["to"]),
        event=_text(written.get("event", "")),
        waits="after" in written,
        outcome=_text(written.get("decide", "")).lower(),
    )


def _listed(written: Any) -> list[Any]:
    if not isinstance(written, list):
        raise TypeError("ways out of a state are a list")
    return written


def _text(written: Any) -> str:
    if not isinstance(written, str):
        raise TypeError("a name is a text")
    return written


def _plain(node: Any) -> Any:
    """Return a node of a tree as texts, lists and mappings."""
    if not isinstance(node, list) or len(node) < _NODE:
        raise TypeError("a node has a kind, a content and a place")
    kind, content = node[0], node[1]
    if kind == "list":
        return [_plain(item) for item in content]
    if kind == "map":
        found = {_text(_plain(key)): _plain(value) for key, value in content}
        if len(found) != len(content):
            raise ValueError("a key comes twice")
        return found
    return _text(content)
