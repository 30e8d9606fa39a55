"""What an agent's text says on its own: the facts that its runs have, and whether its states have the names in use.

It looks at the tree and not at the built agent, so that a slip in one state hides nothing that is wrong in another.
Where a slip may be the reason that a name is not found, the name is not called unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from iact.core.facts import FactType
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import Dimension
from iact.core.scope import Scope
from iact.core.tree import Entry, MappingNode, ScalarNode, SequenceNode, Tree
from iact.engine.examples import STAY

_LOCAL_FACTS: Final = {"receipt.*": FactType.ANY, "event.*": FactType.ANY}
"""What comes along with an event: an action's receipt, or what a person said."""
_INPUT_TYPES: Final = {*(dimension.value for dimension in Dimension), "text", "boolean"}
_KEYS: Final = {"start", "calendar", "inputs", "states", "examples"}
_STATE_KEYS: Final = {"do", "with", "next", "calendar", "order", "waits", "final", "exclusive"}
_TRANSITION_KEYS: Final = {"event", "after", "when", "decide", "to", "remember"}


def scope_of(tree: Tree, scope: Scope) -> Scope:
    """Return the scope with the facts that only this agent's runs have: inputs, receipts, what was remembered.

    Args:
        tree: the agent's `spec`.
        scope: the project around it.
    """
    known = replace(scope, facts={**scope.facts, **_LOCAL_FACTS, **_inputs(tree)})
    remembered = {"remembered.*": FactType.ANY} if _may_remember_more(tree) else {}
    for name in _remembered(tree):
        remembered[f"remembered.{name}"] = known.fact_type(name) or FactType.ANY
    return replace(known, facts={**known.facts, **remembered})


def unknown_states(tree: Tree) -> Iterator[Problem]:
    """Yield every name of a state that the agent does not have; none where its states cannot be told.

    Args:
        tree: the agent's `spec`.
    """
    states = _value(tree, "states")
    if not isinstance(states, MappingNode) or not states.entries:
        return
    for used, others in _names_in_use(tree):
        if used.text not in {*states.keys(), *others}:
            message = f"`{used.text}`: the agent has no state of that name."
            hint = did_you_mean(used.text, states.keys()) or f"It has {', '.join(states.keys())}."
            yield Problem(rule="unknown-state", position=used.position, message=message, hint=hint)


def _names_in_use(tree: Tree) -> Iterator[tuple[ScalarNode, tuple[str, ...]]]:
    """Yield each name of a state that is used, with what may stand there besides."""
    places: list[tuple[Tree | None, tuple[str, ...]]] = [(_value(tree, "start"), ())]
    places += [(_value(transition, "to"), ()) for transition in _transitions(tree)]
    for example in _items(_value(tree, "examples")):
        places += [(_value(example, "in"), ()), (_value(example, "expect"), (STAY,))]
    for place, others in places:
        if isinstance(place, ScalarNode) and place.value is not None:
            yield place, others


def _inputs(tree: Tree) -> dict[str, FactType]:
    """Return the inputs as facts; any other may be one where `inputs` cannot be read, or is perhaps misspelt."""
    inputs = _value(tree, "inputs")
    known = {f"input.{entry.key.text}": _input_type(entry.value) for entry in _entries(inputs)}
    unreadable = inputs is not None and not isinstance(inputs, MappingNode)
    if unreadable or not set(_keys(tree)) <= _KEYS:
        known["input.*"] = FactType.ANY
    return known


def _input_type(tree: Tree) -> FactType:
    written = _value(tree, "type")
    is_known = isinstance(written, ScalarNode) and written.text in _INPUT_TYPES
    return FactType(written.text) if is_known and isinstance(written, ScalarNode) else FactType.ANY


def _remembered(tree: Tree) -> list[str]:
    remembered = [item for transition in _transitions(tree) for item in _items(_value(transition, "remember"))]
    return [item.text for item in remembered if isinstance(item, ScalarNode)]


def _may_remember_more(tree: Tree) -> bool:
    """Return whether a slip may hide that something is remembered."""
    lists = [_value(transition, "remember") for transition in _transitions(tree)]
    states = [entry.value for entry in _entries(_value(tree, "states"))]
    return (
        any(written is not None and not isinstance(written, SequenceNode) for written in lists)
        or any(not set(_keys(transition)) <= _TRANSITION_KEYS for transition in _transitions(tree))
        or any(not set(_keys(state)) <= _STATE_KEYS for state in states)
        or not set(_keys(tree)) <= _KEYS
    )


def _transitions(tree: Tree) -> Iterator[Tree]:
    for state in _entries(_value(tree, "states")):
        yield from _items(_value(state.value, "next"))


def _keys(tree: Tree | None) -> tuple[str, ...]:
    return tuple(entry.key.text for entry in _entries(tree))


def _entries(tree: Tree | None) -> tuple[Entry, ...]:
    return tree.entries if isinstance(tree, MappingNode) else ()


def _items(tree: Tree | None) -> tuple[Tree, ...]:
    return tree.items if isinstance(tree, SequenceNode) else ()


def _value(tree: Tree, key: str) -> Tree | None:
    return tree.get(key) if isinstance(tree, MappingNode) else None
