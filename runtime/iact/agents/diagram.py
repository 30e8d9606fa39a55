"""An agent as a diagram: its states, and one arrow for each way from a state to another.

Written in the language of Mermaid, which GitHub, GitLab and many editors draw, and in that of Graphviz. The picture
itself is `iact.agents.picture`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from iact.core.conditions import ALWAYS, Condition, Judgement
from iact.core.facts import EMPTY
from iact.core.instants import EPOCH
from iact.engine.model import Agent
from iact.engine.states import AgentState, NextState

_RESERVED: Final = frozenset({"state", "end", "note", "direction", "class", "classdef", "as", "style", "title"})
"""Words of Mermaid's state diagrams, which no state of its may be called by."""
_ENTITIES: Final = {":": "#58;", ";": "#59;", "<": "#60;", ">": "#62;", '"': "#34;"}


@dataclass(frozen=True, slots=True)
class DrawnState:
    """A state in a diagram.

    Attributes:
        name: its name.
        does: the action that entering it starts; empty for none.
        final: whether a run ends in it.
    """

    name: str
    does: str
    final: bool


@dataclass(frozen=True, slots=True)
class Arrow:
    """All transitions from one state to another.

    Attributes:
        source: the state that they leave.
        target: the state that they lead to.
        labels: what each waits for and what taking it means, in the order of the file, each text once.
        sentences: the same with the conditions, one for each transition.
    """

    source: str
    target: str
    labels: tuple[str, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """What is drawn of an agent.

    Attributes:
        name: the agent's name.
        start: the state in which a run begins.
        states: every state, in the order of the file.
        arrows: every pair of states that transitions lead between, in the order of the file.
    """

    name: str
    start: str
    states: tuple[DrawnState, ...]
    arrows: tuple[Arrow, ...]


def as_json(diagram: Diagram) -> str:
    """Return a diagram as JSON."""
    record = {
        "name": diagram.name,
        "start": diagram.start,
        "states": [{"name": one.name, "does": one.does or None, "final": one.final} for one in diagram.states],
        "arrows": [
            {"from": one.source, "to": one.target, "labels": list(one.labels), "sentences": list(one.sentences)}
            for one in diagram.arrows
        ],
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def diagram_of(name: str, agent: Agent) -> Diagram:
    """Return what is drawn of an agent."""
    states = tuple(DrawnState(state, spec.do, spec.final) for state, spec in agent.states.items())
    arrows = tuple(arrow for state, spec in agent.states.items() for arrow in _arrows(state, spec))
    return Diagram(name, agent.start, states, arrows)


def _arrows(source: str, state: AgentState) -> Iterable[Arrow]:
    together: dict[str, list[NextState]] = {}
    for transition in state.next:
        together.setdefault(transition.to, []).append(transition)
    for target, transitions in together.items():
        labels = tuple(dict.fromkeys(_label(transition) for transition in transitions))
        yield Arrow(source, target, labels, tuple(_sentence(transition) for transition in transitions))


def _label(transition: NextState) -> str:
    """Return what a transition waits for and what it means, in the few words that an arrow has room for."""
    said = " / ".join(word for word in (transition.waits_for(), transition.decide) if word)
    return said or ("always" if transition.when is ALWAYS else "if …")


def _sentence(transition: NextState) -> str:
    waits = transition.waits_for() or "at once"
    condition = "" if transition.when is ALWAYS else f", if {condition_in_words(transition.when)}"
    decided = f": {transition.decide}" if transition.decide else ""
    return f"{waits}{condition}{decided}"


def condition_in_words(condition: Condition) -> str:
    """Return a condition on one line: `a above 3 and not (b is true)`."""
    return _words(condition.judge(EMPTY, EPOCH))


def _words(judgement: Judgement) -> str:
    if not judgement.parts:
        return judgement.text
    parts = [_words(part) if not part.parts else f"({_words(part)})" for part in judgement.parts]
    if judgement.text == "not":
        return f"not {parts[0]}"
    return (" and " if judgement.text == "all of" else " or ").join(parts)


def mermaid(diagram: Diagram) -> str:
    """Return a diagram in the language of Mermaid (https://mermaid.js.org/syntax/stateDiagram.html)."""
    keys = _mermaid_keys(state.name for state in diagram.states)
    lines = ["stateDiagram-v2", f"  [*] --> {keys[diagram.start]}"]
    lines += [f'  state "{name}" as {key}' for name, key in keys.items() if name != key]
    lines += [f"  {keys[state.name]} : do {_plain(state.does)}" for state in diagram.states if state.does]
    for arrow in diagram.arrows:
        lines += [f"  {keys[arrow.source]} --> {keys[arrow.target]} : {_plain(label)}" for label in arrow.labels]
    lines += [f"  {keys[state.name]} --> [*]" for state in diagram.states if state.final]
    return "\n".join(lines) + "\n"


def _mermaid_keys(names: Iterable[str]) -> dict[str, str]:
    """Return for each state what Mermaid can call it: no `-`, none of its own words, none twice."""
    keys: dict[str, str] = {}
    for name in names:
        key = re.sub(r"\W", "_", name)
        while key.lower() in _RESERVED or key in keys.values():
            key += "_"
        keys[name] = key
    return keys


def _plain(label: str) -> str:
    """Return a label without what Mermaid would read as its own, as the entities that it shows as these characters."""
    return "".join(_ENTITIES.get(character, character) for character in label)


def dot(diagram: Diagram) -> str:
    """Return a diagram in the language of Graphviz (https://graphviz.org/doc/info/lang.html)."""
    lines = [
        f"digraph {_quoted(diagram.name)} {{",
        '  node [shape=box, style=rounded, fontname="sans-serif"]',
        '  edge [fontname="sans-serif", fontsize=11]',
        '  "" [shape=point]',
        f'  "" -> {_quoted(diagram.start)}',
    ]
    for state in diagram.states:
        said = f"{state.name}\ndo: {state.does}" if state.does else state.name
        lines.append(f"  {_quoted(state.name)} [label={_quoted(said)}{', peripheries=2' if state.final else ''}]")
    for arrow in diagram.arrows:
        label, tooltip = _quoted("\n".join(arrow.labels)), _quoted("\n".join(arrow.sentences))
        ends = f"{_quoted(arrow.source)} -> {_quoted(arrow.target)}"
        lines.append(f"  {ends} [label={label}, tooltip={tooltip}]")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
