"""The shape of an agent's state machine: which states lead where.

The `transitions` package supplies topology only. What moves a run is `iact.core.evaluator.decide`, and
what waits is a row with a time; so one shared machine is enough and no run owns one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from a state to another.

    Attributes:
        label: what it waits for, in a few words.
        source: the state it leaves.
        target: the state it leads to.
    """

    label: str
    source: str
    target: str


@dataclass(frozen=True, slots=True)
class Topology:
    """The states of a machine and the ways between them.

    Attributes:
        start: where a run begins.
        states: every state, in the order of the file.
        edges: every way between two of them.
    """

    start: str
    states: tuple[str, ...]
    edges: tuple[Edge, ...]

    def reachable(self) -> frozenset[str]:
        """Return the states that a run can come to."""
        return self._closure({self.start}, _onward(self._machine()))

    def leading_to(self, targets: Iterable[str]) -> frozenset[str]:
        """Return the states from which a run can come to one of `targets`, those included."""
        onward = _onward(self._machine())
        backward: dict[str, set[str]] = {state: set() for state in self.states}
        for source, found in onward.items():
            for target in found:
                backward[target].add(source)
        return self._closure(set(targets), backward)

    def _machine(self) -> Any:
        from transitions import Machine  # noqa: PLC0415 - only who checks a definition pays for it

        return Machine(
            model=None,
            states=list(self.states),
            initial=self.start,
            auto_transitions=False,
            transitions=[[edge.label, edge.source, edge.target] for edge in self.edges],
        )

    @staticmethod
    def _closure(found: set[str], onward: dict[str, set[str]]) -> frozenset[str]:
        waiting = list(found)
        while waiting:
            new = onward[waiting.pop()] - found
            found |= new
            waiting += new
        return frozenset(found)


def _onward(machine: Any) -> dict[str, set[str]]:
    onward: dict[str, set[str]] = {name: set() for name in machine.states}
    for transition in machine.get_transitions():
        onward[transition.source].add(transition.dest)
    return onward
