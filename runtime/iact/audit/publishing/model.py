"""What is published, what a place is, and how one says no."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from iact.audit.notes import Signature, VerifierKey
from iact.core.errors import IactError


class RefusedError(IactError):
    """A place does not take a checkpoint, or gives no answer; it is tried again later. The message says why."""


class MovedError(IactError):
    """Somebody else has published in the same moment: what is there has to be looked at once more."""


class ContradictionError(IactError):
    """What was published and what the log is now do not go together; the message says in words what is wrong."""


@dataclass(frozen=True, slots=True)
class Publication:
    """A checkpoint as it is published.

    Attributes:
        origin: which log, as its checkpoints name it.
        size: how many entries it had.
        note: the signed note, with what witnesses have added.
        keys: the public keys of the log, the earliest first.
        at: when it was signed, UTC.
        before: size of the newest that this place is known to have; 0 for none.
        proof_from: shows that the log of this size goes on from one of another, smaller size.
    """

    origin: str
    size: int
    note: bytes
    keys: tuple[VerifierKey, ...]
    at: datetime
    before: int
    proof_from: Callable[[int], Sequence[bytes]]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a place has that can be read back.

    Attributes:
        note: the newest checkpoint there.
        state: what names the state of the place, so that nothing is added to another one.
        goes_on: whether it has all that it had when this machine looked the last time.
    """

    note: bytes
    state: str
    goes_on: bool = True


class Unseen:
    """The part of a place that is the same wherever nobody can look at what was published."""

    __slots__ = ()

    @property
    def reads_back(self) -> bool:
        """Whether what was published there can be looked at: it cannot."""
        return False

    def look(self) -> Kept | None:
        """Return None: nobody can look."""
        return None

    def remember(self, found: Kept | None) -> None:
        """Remember nothing, as nothing was seen."""


class Place(Protocol):
    """Where checkpoints go."""

    @property
    def name(self) -> str:
        """What it is called in the project, such as `webhook`."""

    @property
    def address(self) -> str:
        """Where that is; it holds no secret."""

    @property
    def reads_back(self) -> bool:
        """Whether what was published there can be looked at."""

    def look(self) -> Kept | None:
        """Return the newest checkpoint that is there; None where none is, or where nobody can look.

        Raises:
            RefusedError: if there is no answer.
            ContradictionError: if what is there is none.
        """

    def remember(self, found: Kept | None) -> None:
        """Let what was found there be what has to be there the next time; what became of it was noted before.

        Args:
            found: what `look` returned.

        Raises:
            RefusedError: if it cannot be remembered.
        """

    def publish(self, publication: Publication, after: Kept | None) -> Signature | None:
        """Publish a checkpoint, and return what the place adds to it. To do so twice does no harm.

        Args:
            publication: the checkpoint.
            after: what was found there.

        Raises:
            RefusedError: if it is not taken.
            MovedError: if something else is there by now.
            ContradictionError: if the place says that the log is not the one that it knows.
            ConfigurationError: if the rules name a secret that is not there.
        """
