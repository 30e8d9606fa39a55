"""Keys by which backups are encrypted, in the form of age (https://c2sp.org/age): X25519, written in Bech32 (BIP 173).

Whoever knows the public one can encrypt, so the machine that makes backups holds nothing by which they can be read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_PUBLIC: Final = "age"
_SECRET: Final = "age-secret-key-"  # noqa: S105 - how every such key begins
_LETTERS: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR: Final = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECK: Final = 6
"""Letters at the end of a key that tell a slip of the pen."""
_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """For whom something is encrypted.

    Attributes:
        raw: the point on Curve25519, 32 bytes.
    """

    raw: bytes

    def __str__(self) -> str:
        """Return it as people write it: `age1…`."""
        return _encoded(_PUBLIC, self.raw)


@dataclass(frozen=True, slots=True)
class SecretKey:
    """By whom it can be read again.

    Attributes:
        raw: the scalar, 32 bytes.
    """

    raw: bytes = field(repr=False)

    @property
    def public(self) -> PublicKey:
        """The key that belongs to it, for which things are encrypted."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415 - takes a while, and few need it

        return PublicKey(X25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())

    def text(self) -> str:
        """Return it as it is kept: `AGE-SECRET-KEY-1…`; it is never shown otherwise."""
        return _encoded(_SECRET, self.raw).upper()


def new_secret_key() -> SecretKey:
    """Return a key that nobody else has."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: PLC0415 - takes a while, and few need it

    return SecretKey(X25519PrivateKey.generate().private_bytes_raw())


def public_key(text: str) -> PublicKey:
    """Return the public key that was written.

    Args:
        text: `age1` and 58 letters.

    Raises:
        ValueError: if it is none; a secret key is not repeated.
    """
    return PublicKey(_decoded(_PUBLIC, text, "a public key, age1 and 58 letters"))


def secret_key(text: str) -> SecretKey:
    """Return the secret key that was kept.

    Args:
        text: `AGE-SECRET-KEY-1` and 58 letters.

    Raises:
        ValueError: if it is none; the message does not repeat it.
    """
    return SecretKey(_decoded(_SECRET, text, "a secret key, AGE-SECRET-KEY-1 and 58 letters"))


# Bech32 ---------------------------------------------------------------------------------------------------------------


def _encoded(kind: str, raw: bytes) -> str:
    values = list(_regrouped(raw, 8, 5))
    check = _polymod([*_expanded(kind), *values, *[0] * _CHECK]) ^ 1
    values += [(check >> 5 * (_CHECK - 1 - place)) & 31 for place in range(_CHECK)]
    return f"{kind}1{''.join(_LETTERS[value] for value in values)}"


def _decoded(kind: str, text: str, expected: str) -> bytes:
    message = f"expected {expected}. Check whether all of it was copied."
    lower = text.lower()
    body = lower.removeprefix(f"{kind}1")
    if text not in {lower, text.upper()} or body == lower or not set(body) <= set(_LETTERS):
        raise ValueError(message)
    values = [_LETTERS.index(letter) for letter in body]
    raw = bytes(_regrouped(values[:-_CHECK], 5, 8))
    # Encoding it again finds a wrong check as well as bits beyond the last byte that are not zero.
    if len(raw) != _LENGTH or _encoded(kind, raw) != lower:
        raise ValueError(message)
    return raw


def _regrouped(values: Iterable[int], width: int, to: int) -> Iterator[int]:
    """Regroup bits; what does not fill a byte is left out, and what does not fill a letter is filled with zeros."""
    held = count = 0
    for value in values:
        held, count = (held << width) | value, count + width
        while count >= to:
            count -= to
            yield (held >> count) & ((1 << to) - 1)
        held &= (1 << count) - 1
    if count and to < width:
        yield (held << (to - count)) & ((1 << to) - 1)


def _expanded(kind: str) -> list[int]:
    return [*(ord(letter) >> 5 for letter in kind), 0, *(ord(letter) & 31 for letter in kind)]


def _polymod(values: Sequence[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATOR):
            if (top >> place) & 1:
                check ^= generator
    return check
