"""What another implementation says of proofs is said here, of those that hold and of those that it corrupts."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import nullcontext
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


INCLUSIONS, CONSISTENCIES = vectors("inclusion.json"), vectors("consistency.json")
INCLUSION = [one for one in INCLUSIONS if one["desc"].endswith("happy path")]
CONSISTENCY = [one for one in CONSISTENCIES if one["desc"].endswith("happy path")]


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


def named(vector: dict[str, Any]) -> str:
    """Return what a vector is called."""
    return str(vector["desc"])


@pytest.mark.parametrize("vector", INCLUSIONS, ids=named)
def test_a_proof_of_inclusion_holds_here_where_it_holds_there(vector):
    with pytest.raises(ProofError) if vector["wantErr"] else nullcontext():
        included(vector)


@pytest.mark.parametrize("vector", CONSISTENCIES, ids=named)
def test_a_proof_of_consistency_holds_here_where_it_holds_there(vector):
    with pytest.raises(ProofError) if vector["wantErr"] else nullcontext():
        consistent(vector)


def test_all_their_vectors_are_here_and_most_are_corrupted():
    assert (len(INCLUSIONS), len(CONSISTENCIES)) == (98, 97)
    assert sum(not one["wantErr"] for one in [*INCLUSIONS, *CONSISTENCIES]) == 14
    assert (len(INCLUSION), len(CONSISTENCY)) == (5, 5)


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
    changed += [{"size1": one} for one in {old - 1, old + 1, old ^ 2} if one or vector["proof"]]
    changed += [{"size2": one} for one in {size * 2, size // 2}]
    changed += [{"root1": one} for one in (b"", GARBAGE)] + [{"root2": one} for one in (b"", GARBAGE)]
    if old_root != root:
        changed.append({"root1": root, "root2": old_root})

    for change in changed:
        with pytest.raises(ProofError):
            consistent(vector | change)


def test_nothing_is_proved_from_an_empty_log_on():
    verify_consistency(0, 8, [], GARBAGE, b"\1" * 32)
    with pytest.raises(ProofError, match="none is needed"):
        verify_consistency(0, 8, [GARBAGE], GARBAGE, GARBAGE)


def test_two_logs_of_the_same_size_are_told_apart():
    with pytest.raises(ProofError, match="two logs of the same size"):
        verify_consistency(8, 8, [], GARBAGE, b"\1" * 32)
