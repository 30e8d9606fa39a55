"""What is wrong with a repository, and what to do about it."""

from __future__ import annotations

from iact.core.errors import IactError


class SourceError(IactError):
    """A source cannot be read; the command ends with status 3, environment.

    Attributes:
        message: what was found, in one sentence.
        hint: what the reader can do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint
