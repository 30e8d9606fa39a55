"""What can be wrong with asking a server, and what to do about it."""

from __future__ import annotations

from datetime import datetime

from iact.core import instants
from iact.core.errors import EnvironmentProblemError


class ServerError(EnvironmentProblemError):
    """The server cannot be asked, or answers what nobody can use; asking for anything else would end the same way."""


class RefusedError(EnvironmentProblemError):
    """The server keeps this one thing back: the token lacks a scope, or the thing is switched off."""


class GoneError(RefusedError):
    """What was asked for is not there, or not for this token."""


class LimitedError(EnvironmentProblemError):
    """The server allows no further request for longer than somebody wants to wait.

    Attributes:
        again_at: when it allows the next one.
    """

    def __init__(self, server: str, reason: str, again_at: datetime) -> None:
        self.again_at = again_at
        super().__init__(
            f"{server} allows no further request before {instants.show_second(again_at)}: {reason}. What was read is "
            "kept. Run the same command again then, and it goes on where it stopped; or let it wait, such as --wait 1h."
        )
