"""What becomes of the actions that runs decide: the stricter of what a run pinned and what the rules say now."""

from __future__ import annotations

from collections.abc import Mapping

from iact.core.machine import Machine, Mode, strictest


class ModesInForce:
    """The mode of each agent in the rules that are in force now; whoever reads other rules says so."""

    def __init__(self, modes: Mapping[str, Mode] | None = None) -> None:
        """Begin with the modes of some rules, by the agent's name."""
        self._modes = dict(modes or {})

    def follow(self, modes: Mapping[str, Mode]) -> None:
        """Hold runs from now on to the modes of other rules."""
        self._modes = dict(modes)

    def of(self, machine: Machine) -> Mode:
        """Return what becomes of the actions that a run decides now.

        Args:
            machine: the definition that the run pinned.
        """
        return strictest([machine.mode, self._modes.get(machine.name, machine.mode)])
