"""Proofs that another implementation made hold here, and no change of them is accepted."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from iact.audit.proofs import ProofError, verify_consistency, verify_inclusion

DATA = Path(__file__).parents[2] / "data" / "merkle"
GARBAGE = bytes(32)


def decoded(record: dict[str, Any]) -> dict[str, Any]:
    """Return a vector with its hashes as bytes."""
    found = dict(record, proof=[base64.b64decode(one) for one in record["proof"] or ()])
    for name in ("root", "leafHash", "root1", "root2"):
        if name in found:
            found[name] = base64.b64decode(found[name])
    return found


def vectors(name: str) -> list[dict[str, Any]]:
    """Return all vectors of a file."""
    return [decoded(record) for record in json.loads((DATA / name).read_text())]


INCLUSION, CONSISTENCY = vectors("inclusion.json"), vectors("consistency.json")


def included(vector: dict[str, Any]) -> None:
    verify_inclusion(*(vector[name] for name in ("leafHash", "leafIdx", "treeSize", "proof", "root")))


def consistent(vector: dict[str, Any]) -> None:
    verify_consistency(*(vector[name] for name in ("size1", "size2", "proof", "root1", "root2")))


def other_proofs(proof: list[bytes], roots: list[bytes]) -> Iterator[list[bytes]]:
    """Yield changed proofs of the kinds after which the other implementation names its vectors."""
    for at, one in enumerate(proof):
        yield [*proof[:at], bytes([one[0] ^ 8, *one[1:]]), *proof[at + 1 :]]
        yield [*proof[:at], *proof[at + 1 :]]
    for one in (b"", GARBAGE, *roots):
        yield [one, *proof]
        yield [*proof, one]
    if proof:
        yield []
        yield [proof[0], proof[0], *proof[1:]]


@pytest.mark.parametrize("vector", INCLUSION)
def test_their_proofs_of_inclusion_hold(vector):
    included(vector)


@pytest.mark.parametrize("vector", CONSISTENCY)
def test_their_proofs_of_consistency_hold(vector):
    consistent(vector)


@pytest.mark.parametrize("vector", INCLUSION)
def test_no_change_of_a_proof_of_inclusion_is_accepted(vector):
    index, size = vector["leafIdx"], vector["treeSize"]
    changed: list[dict[str, Any]] = [
        {"proof": proof} for proof in other_proofs(vector["proof"], [vector["root"], vector["leafHash"]])
    ]
    changed += [{"leafIdx": one} for one in {index - 1, index + 1, index ^ 2}]
    changed += [{"treeSize": one} for one in {size * 2, size // 2}]
    changed += [{"root": one} for one in (b"", GARBAGE)] + [{"leafHash": one} for one in (b"", GARBAGE)]

    for change in changed:
        with pytest.raises(ProofError):
            included(vector | change)


@pytest.mark.parametrize("vector", CONSISTENCY)
def test_no_change_of_a_proof_of_consistency_is_accepted(vector):
    old, size, old_root, root = (vector[name] for name in ("size1", "size2", "root1", "root2"))
    changed: list[dict[str, Any]] = [{"proof": proof} for proof in other_proofs(vector["proof"], [old_root, root])]
    changed += [{"size1": one} for one in {old - 1, old + 1, old ^ 2}]
    changed += [{"size2": one} for one in {size * 2, size // 2}]
    changed += [{"root1": one} for one in (b"", GARBAGE)] + [{"root2": one} for one in (b"", GARBAGE)]
    if old_root != root:
        changed.append({"root1": root, "root2": old_root})

    for change in changed:
        with pytest.raises(ProofError):
            consistent(vector | change)


def test_no_log_is_said_to_go_on_from_an_empty_one():
    """From nothing everything goes on, so that an auditor who kept nothing has not verified that nothing was cut."""
    with pytest.raises(ProofError, match="cannot be shown to go on"):
        verify_consistency(0, 8, [], GARBAGE, GARBAGE)


def test_two_logs_of_the_same_size_are_told_apart():
    with pytest.raises(ProofError, match="two logs of the same size"):
        verify_consistency(8, 8, [], GARBAGE, b"\1" * 32)
