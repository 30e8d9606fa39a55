"""What iact raises when a person has to do something; each carries the exit code that the command ends with."""

from __future__ import annotations

from typing import ClassVar


class IactError(Exception):
    """Something that a person can mend; its message says where, what, and what to do."""

    exit_code: ClassVar[int] = 3


class FindingError(IactError):
    """The command worked and found something that is not in order."""

    exit_code = 1


class ConfigurationError(IactError):
    """A file or an option says something that cannot be carried out."""

    exit_code = 2


class EnvironmentProblemError(IactError):
    """Something outside the project is not as it has to be: a file, a server, a permission."""

    exit_code = 3
