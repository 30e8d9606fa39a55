"""Verifying Ed25519 signatures with Python's library alone (RFC 8032, 5.1), for who checks a log on a bare machine.

Nothing secret is handled here, so that the time it takes may depend on what is verified. A key of small order, which
anybody can sign for, is no key of a log and is refused; so is any encoding of a number or a point but its only one.
"""

from __future__ import annotations

import hashlib
from typing import Final, TypeAlias

Point: TypeAlias = tuple[int, int, int, int]
"""A point of the curve in extended coordinates: X, Y, Z, T with x = X/Z, y = Y/Z and xy = T/Z (RFC 8032, 5.1.4)."""

PUBLIC_KEY_SIZE: Final = 32
"""Length of a public key in bytes."""
SIGNATURE_SIZE: Final = 64
"""Length of a signature in bytes."""

_PRIME: Final = 2**255 - 19
_ORDER: Final = 2**252 + 27742317777372353535851937790883648493
_D: Final = -121665 * pow(121666, -1, _PRIME) % _PRIME
_ROOT_OF_MINUS_ONE: Final = pow(2, (_PRIME - 1) // 4, _PRIME)
_SIGN_OF_X: Final = 1 << 255
_NEUTRAL: Final[Point] = (0, 1, 1, 0)
_COFACTOR: Final = 8


def is_signature(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Return whether a signature of a message was made with the secret of a public key.

    Args:
        public_key: 32 bytes.
        message: what was signed.
        signature: 64 bytes; of another length it is none.
    """
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        return False
    key, made = _point(public_key), _point(signature[:PUBLIC_KEY_SIZE])
    factor = int.from_bytes(signature[PUBLIC_KEY_SIZE:], "little")
    if key is None or made is None or factor >= _ORDER or _is_same(_times(_COFACTOR, key), _NEUTRAL):
        return False
    hashed = hashlib.sha512(signature[:PUBLIC_KEY_SIZE] + public_key + message).digest()
    challenge = int.from_bytes(hashed, "little") % _ORDER
    return _is_same(_times(factor, _BASE), _sum(made, _times(challenge, key)))


def _point(encoded: bytes) -> Point | None:
    """Return the point that 32 bytes encode; None where they encode none, or not in the only way (RFC 8032, 5.1.3)."""
    number = int.from_bytes(encoded, "little")
    y, is_odd = number & (_SIGN_OF_X - 1), number >= _SIGN_OF_X
    if y >= _PRIME:
        return None
    x = _x_of(y)
    if x is None or (x == 0 and is_odd):
        return None
    if x & 1 != is_odd:
        x = _PRIME - x
    return x, y, 1, x * y % _PRIME


def _x_of(y: int) -> int | None:
    """Return one of the two x of the points that have this y; None where no point has."""
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    x = pow(square, (_PRIME + 3) // 8, _PRIME)
    if (x * x - square) % _PRIME:
        x = x * _ROOT_OF_MINUS_ONE % _PRIME
    return None if (x * x - square) % _PRIME else x


def _sum(one: Point, other: Point) -> Point:
    """Add two points (RFC 8032, 5.1.4)."""
    x1, y1, z1, t1 = one
    x2, y2, z2, t2 = other
    a = (y1 - x1) * (y2 - x2) % _PRIME
    b = (y1 + x1) * (y2 + x2) % _PRIME
    c = 2 * t1 * t2 * _D % _PRIME
    d = 2 * z1 * z2 % _PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _PRIME, g * h % _PRIME, f * g % _PRIME, e * h % _PRIME


def _times(factor: int, point: Point) -> Point:
    result = _NEUTRAL
    while factor:
        if factor & 1:
            result = _sum(result, point)
        point = _sum(point, point)
        factor >>= 1
    return result


def _is_same(one: Point, other: Point) -> bool:
    x1, y1, z1, _ = one
    x2, y2, z2, _ = other
    return not (x1 * z2 - x2 * z1) % _PRIME and not (y1 * z2 - y2 * z1) % _PRIME


def _base() -> Point:
    found = _point((4 * pow(5, -1, _PRIME) % _PRIME).to_bytes(PUBLIC_KEY_SIZE, "little"))
    if found is None:
        raise ArithmeticError("the base point of Ed25519 is not on its curve")
    return found


_BASE: Final = _base()
