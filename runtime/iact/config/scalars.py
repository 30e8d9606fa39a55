"""What an unquoted scalar means: the core schema of YAML 1.2.2 (section 10.3.2), and nothing of YAML 1.1.

So `on`, `NO` and `18:00` are texts, `010` is ten, and a number with a fraction is exact.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from iact.core.tree import ScalarValue

_WORDS: Final[dict[str, ScalarValue]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_WHOLE: Final = re.compile(r"[-+]?[0-9]+\Z")
_OCTAL: Final = re.compile(r"0o[0-7]+\Z")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+\Z")
_DECIMAL: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_FIRST_OF_NUMBER: Final = frozenset("0123456789.+-")
# What every reader of JSON holds exactly (RFC 8259, section 6), so that a digest means the same everywhere.
_LARGEST_WHOLE: Final = 2**53 - 1
_LONGEST: Final = 30


def resolve(text: str) -> ScalarValue:
    """Return what an unquoted scalar means; a number too large to be exact everywhere stays the text it is."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _FIRST_OF_NUMBER or len(text) > _LONGEST:
        return text
    whole = _whole(text)
    if whole is not None:
        return whole if abs(whole) <= _LARGEST_WHOLE else text
    if _DECIMAL.match(text):
        number = Decimal(text)
        return number if abs(number.adjusted()) <= _LONGEST else text
    return text


def _whole(text: str) -> int | None:
    if _WHOLE.match(text):
        return int(text)
    if _OCTAL.match(text):
        return int(text, 0)
    return int(text, 0) if _HEXADECIMAL.match(text) else None
