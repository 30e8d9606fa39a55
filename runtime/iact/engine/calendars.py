"""The calendars that an agent counts business time by, and how a run keeps them.

A run pins its agent together with each of these calendars, resolved: holidays as dates, zones with their data. They
stand in the pinned `spec` under a key that no author can write, so that whoever compiles the pinned agent has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, Protocol, runtime_checkable

from iact.core.canonical import canonical
from iact.core.pinned_calendar import PinnedCalendar, calendar_from_record
from iact.core.scope import Scope
from iact.core.tree import Entry, MappingNode, ScalarNode, Tree

PINNED: Final = "pinned calendars"
YEARS_KNOWN: Final = 10
"""How far ahead holidays are resolved; nobody's deadline is later, and laws are not made for longer."""


@runtime_checkable
class Resolvable(Protocol):
    """A calendar as it is written, which can be resolved."""

    def record(self, name: str, scope: Scope, years: range) -> dict[str, Any]:
        """Return it as a run pins it (`iact.core.pinned_calendar`).

        Raises:
            LookupError: if its holidays cannot be had.
        """


def resolved(names: frozenset[str], scope: Scope, years: range) -> dict[str, dict[str, Any]]:
    """Return the records of calendars by name.

    Args:
        names: of the calendars.
        scope: the project that they are in.
        years: the years whose holidays are wanted.

    Raises:
        LookupError: if one is missing or cannot be resolved.
    """
    return {name: _found(name, scope).record(name, scope, years) for name in sorted(names)}


def _found(name: str, scope: Scope) -> Resolvable:
    calendar = scope.spec("BusinessCalendar", name)
    if not isinstance(calendar, Resolvable):
        message = f"there is no whole BusinessCalendar named {name}"
        raise LookupError(message)  # noqa: TRY004 - a name was looked up, and nothing whole has it
    return calendar


def with_calendars(tree: Tree, records: Mapping[str, Any]) -> Tree:
    """Return the `spec` of an agent that carries its calendars along.

    Args:
        tree: as it is written.
        records: its calendars, resolved, by name; where there is none, the `spec` stays what it is.
    """
    if not records or not isinstance(tree, MappingNode):
        return tree
    # One text, not a tree of nodes: nobody points into it, and the place of each date would take more room than it.
    text = canonical(dict(records)).decode()
    entry = Entry(ScalarNode(PINNED, PINNED), ScalarNode(text, text, quoted=True))
    return MappingNode((*tree.entries, entry), tree.position)


def parted(tree: Tree) -> tuple[Tree, Mapping[str, PinnedCalendar]]:
    """Return a pinned `spec` without its calendars, and these."""
    entry = tree.entry(PINNED) if isinstance(tree, MappingNode) else None
    if entry is None or not isinstance(tree, MappingNode) or not isinstance(entry.value, ScalarNode):
        return tree, MappingProxyType({})
    own = MappingNode(tuple(each for each in tree if each is not entry), tree.position)
    records = json.loads(entry.value.text)
    return own, MappingProxyType({name: calendar_from_record(record) for name, record in records.items()})
