"""Witnesses: others who sign a checkpoint only where the log goes on from the one that they signed before.

They are asked as https://c2sp.org/tlog-witness says, and answer with a line that is added to the note
(https://c2sp.org/tlog-cosignature, v1). Who keeps the log cannot have them sign two logs of one name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from iact.audit.notes import Note, NoteError, Signature, VerifierKey, parse_key, parse_note, verify
from iact.audit.publishing.model import ContradictionError, Kept, Publication, RefusedError, Unseen
from iact.audit.publishing.web import Reply, post
from iact.config.model.publish import Witness

PREFIX: Final = "witness/"
"""What the name of a witness begins with where places are listed."""
_TAKEN: Final = 200
_OTHER_SIZE: Final = 409
_WRONG_PROOF: Final = 422
_SIZE: Final = re.compile(rb"(0|[1-9][0-9]{0,18})\n?")
_TIMES: Final = 3
"""How often a witness is asked where it knows of another size than was thought."""


@dataclass(frozen=True, slots=True)
class WitnessPlace(Unseen):
    """A witness.

    Attributes:
        settings: who it is, and where it is asked.
    """

    settings: Witness

    @property
    def name(self) -> str:
        """What it is called where places are listed."""
        return f"{PREFIX}{self.settings.name}"

    @property
    def address(self) -> str:
        """Where it is asked."""
        return self.settings.url

    def publish(self, publication: Publication, after: Kept | None) -> Signature | None:  # noqa: ARG002 - every place has this parameter
        """Have a checkpoint signed, and return the signature, verified.

        Raises:
            RefusedError: if the witness does not sign it.
            ContradictionError: if the log is not the one that the witness has seen.
        """
        key, note = parse_key(self.settings.key), parse_note(publication.note)
        ours = {(one.name, one.id) for one in publication.keys}
        signed = Note(note.text, tuple(one for one in note.signatures if (one.name, one.id) in ours))
        old = publication.before
        for _ in range(_TIMES):
            proof = publication.proof_from(old)
            headers = {"Content-Type": "text/plain; charset=utf-8"}
            reply = post(f"{self.settings.url.rstrip('/')}/add-checkpoint", asked(old, proof, signed), headers)
            if reply.status == _TAKEN:
                return _cosignature(signed, reply.body, key)
            if reply.status != _OTHER_SIZE:
                raise self._refusal(reply, old)
            found = _SIZE.fullmatch(reply.body)
            if not found:
                message = f"the witness answers {reply.said()}, which is no size"
                raise RefusedError(message)
            seen = int(found[1])
            if seen == old:
                message = f"the witness has signed another log of {old:,} entries by this name: two of them are kept"
                raise ContradictionError(message)
            old = seen
        message = "the witness names another size each time that it is asked"
        raise RefusedError(message)

    def _refusal(self, reply: Reply, old: int) -> RefusedError | ContradictionError:
        if reply.status == _WRONG_PROOF:
            return ContradictionError(
                f"the first {old:,} entries of the log are not those that the witness has signed: the log was "
                "rewritten, or the store comes from an older backup and went on from there"
            )
        return RefusedError(f"the witness answers {reply.said()}")


def asked(old: int, proof: Sequence[bytes], note: Note) -> bytes:
    """Return what a witness is sent.

    Args:
        old: size of the log that it signed last, 0 for none.
        proof: shows that the log goes on from there.
        note: the checkpoint, signed by the log.
    """
    lines = [f"old {old}", *(base64.b64encode(one).decode() for one in proof), "", str(note)]
    return "\n".join(lines).encode()


def _cosignature(note: Note, body: bytes, key: VerifierKey) -> Signature:
    """Return the signature of a key out of the lines that a witness answered."""
    try:
        answered = parse_note(note.text.encode() + b"\n" + body)
        verify(answered, [key])
    except NoteError as error:
        message = f"the witness answers with no signature of its key {key.name}+{key.id.hex()}: {error}"
        raise RefusedError(message) from None
    return next(one for one in answered.signatures if (one.name, one.id) == (key.name, key.id))
