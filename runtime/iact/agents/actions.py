"""What agents do by other programs: the action `command`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from iact.agents.command import CommandArguments, arguments_of, perform
from iact.core.registry import OutcomeUnknownError, Receipt, action
from iact.engine.context import ActionContext


@action("command")
class Command:
    """Give a task to a program, and keep what it decides."""

    arguments: ClassVar[type] = CommandArguments

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:
        """Run the program."""
        return perform(arguments, context)

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - the protocol's
        """Let an attempt that was cut short be made again where the rule says so.

        Raises:
            OutcomeUnknownError: where it does not: what the program had done by then nobody knows.
        """
        told = arguments_of(arguments)
        if told.on_unknown == "repeat":
            return None
        message = f"{told.run[0]} was running when this process ended. `on_unknown: repeat` would let it run again"
        raise OutcomeUnknownError(message)
