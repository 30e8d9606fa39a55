"""Whether a log goes on from what it was before: the tree in the store has to prove it as it would to an auditor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iact.audit.proofs import verify_consistency
from iact.audit.tree import consistency_proof

if TYPE_CHECKING:
    from iact.audit.checkpoint import Checkpoint
    from iact.audit.tiles import Tiles


def check_goes_on(tiles: Tiles, before: Checkpoint, present: Checkpoint) -> None:
    """Check that the entries of a checkpoint are the first ones of a later one.

    Args:
        tiles: of the log.
        before: the earlier checkpoint, of one entry at least.
        present: the later one, of as many entries or more.

    Raises:
        ProofError: if they are not.
        LostTileError: if the tree is not what its size says.
    """
    proof = consistency_proof(tiles, before.size, present.size)
    verify_consistency(before.size, present.size, proof, before.root, present.root)
