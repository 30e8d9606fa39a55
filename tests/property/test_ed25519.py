"""A signature is taken where the published ones are, and by whom `cryptography` takes it, and nowhere else."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given, settings
from hypothesis import strategies as st

from iact.audit.ed25519 import is_signature

# RFC 8032, 7.1: TEST 1, TEST 2, TEST 3 and TEST SHA(abc): public key, message, signature.
PUBLISHED = [
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
]
ORDER = 2**252 + 27742317777372353535851937790883648493
SECRET = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = SECRET.public_key().public_bytes_raw()


def taken_by_cryptography(key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether the package takes a signature; it refuses some keys before it looks at one."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize(("key", "message", "signature"), PUBLISHED)
def test_the_published_signatures_are_taken(key: str, message: str, signature: str):
    assert is_signature(bytes.fromhex(key), bytes.fromhex(message), bytes.fromhex(signature))


@pytest.mark.parametrize(("key", "message", "signature"), PUBLISHED)
def test_a_published_signature_is_of_no_other_message(key: str, message: str, signature: str):
    assert not is_signature(bytes.fromhex(key), bytes.fromhex(message) + b"\0", bytes.fromhex(signature))


@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
@settings(max_examples=30)
def test_what_cryptography_signs_is_taken(seed: bytes, message: bytes):
    secret = Ed25519PrivateKey.from_private_bytes(seed)

    assert is_signature(secret.public_key().public_bytes_raw(), message, secret.sign(message))


@given(
    place=st.integers(0, 96 * 8 - 1),
    message=st.binary(max_size=20),
)
@settings(max_examples=80)
def test_with_one_bit_changed_it_is_taken_where_cryptography_takes_it_which_is_nowhere(place: int, message: bytes):
    whole = bytearray(KEY + SECRET.sign(message))
    whole[place // 8] ^= 1 << place % 8
    key, signature = bytes(whole[:32]), bytes(whole[32:])

    assert is_signature(key, message, signature) is taken_by_cryptography(key, message, signature) is False


@given(key=st.binary(min_size=32, max_size=32), signature=st.binary(min_size=64, max_size=64))
@settings(max_examples=50)
def test_no_signature_comes_of_chance(key: bytes, signature: bytes):
    assert not is_signature(key, b"message", signature)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_a_signature_of_another_length_is_none(length: int):
    assert not is_signature(KEY, b"", (SECRET.sign(b"") + b"\0")[:length])


def test_the_same_signature_written_with_a_larger_factor_is_none():
    """Otherwise whoever sees a signature could write it in a second way (RFC 8032, 5.1.7)."""
    made = SECRET.sign(b"message")
    factor = int.from_bytes(made[32:], "little") + ORDER

    assert not is_signature(KEY, b"message", made[:32] + factor.to_bytes(32, "little"))


@pytest.mark.parametrize("y", [0, 1, 2**255 - 20, 2**255 - 19, 2**255 - 18], ids=hex)
@pytest.mark.parametrize("sign", [0, 1 << 255])
def test_a_key_for_which_anybody_could_sign_is_refused(y: int, sign: int):
    """Points of small order, and numbers that are not below the prime: with them S = 0 would sign whatever is said."""
    key = (y | sign).to_bytes(32, "little")

    assert not is_signature(key, b"message", (1).to_bytes(32, "little") + bytes(32))
