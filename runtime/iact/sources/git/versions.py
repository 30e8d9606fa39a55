"""Version numbers as they stand in tag names.

What counts as a pre-release follows Semantic Versioning 2.0.0, section 9 (https://semver.org) and the version
specifiers of Python packages (PEP 440), because repositories use both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

_VERSION: Final = re.compile(
    r"""
    (?P<prefix>(?:[A-Za-z@](?:(?!\d\.\d).)*[-_/@])?)   # `release-`, `pkg/`, `@scope/pkg@`; holds no version itself
    [vV]?
    (?P<numbers>\d{1,18}(?:\.\d{1,18})+)          # at least one dot: `v2` alone is usually a tag that moves
    (?P<suffix>[^+]*)
    (?:\+[0-9A-Za-z.-]+)?                              # build metadata says nothing about the order (SemVer, 10)
    """,
    re.VERBOSE | re.ASCII,
)
_AFTER: Final = re.compile(
    r"[-._]?(?:post|rev|r|patch|pl|p|sp|final|ga|release)[-._]?\d*|-\d+", re.IGNORECASE | re.ASCII
)
_BEFORE: Final = re.compile(r"[-._]?(?P<phase>[A-Za-z]+)[-._]?(?P<number>\d{0,18})", re.ASCII)
_PHASES: Final = {
    "dev": 0, "snapshot": 0, "nightly": 0,
    "a": 1, "alpha": 1,
    "b": 2, "beta": 2, "m": 2, "milestone": 2,
    "pre": 3, "preview": 3, "ea": 3,
    "c": 4, "rc": 4, "cr": 4,
}  # fmt: skip
_OTHER_PHASE: Final = 3
_FINAL: Final = (9, 0)
_PATCH: Final = 2
"""Where the numbers after major and minor begin."""


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version read from a tag name; versions sort as their makers meant.

    Attributes:
        numbers: the dotted numbers without zeros at their end, so that `2.0` and `2.0.0` are one version.
        phase: rank and number of the pre-release phase; the highest rank is a final version.
        prefix: what stands before the number, such as `app-`; the `v` is no part of it.
    """

    numbers: tuple[int, ...]
    phase: tuple[int, int]
    prefix: str

    @classmethod
    def parse(cls, tag: str) -> Self | None:
        """Read a tag name; None when it does not look like a version, as `latest`, `v2` and `0.12.x` do not."""
        found = _VERSION.fullmatch(tag)
        if found is None:
            return None
        phase = _phase(found["suffix"])
        if phase is None:
            return None
        numbers = [int(number) for number in found["numbers"].split(".")]
        while numbers and numbers[-1] == 0:
            numbers.pop()
        return cls(tuple(numbers), phase, found["prefix"])

    @property
    def is_pre_release(self) -> bool:
        """Whether the version says of itself that it is not final: rc, alpha, beta, dev or any SemVer `-suffix`."""
        return self.phase < _FINAL

    def only_patch_grew_from(self, other: Version) -> bool:
        """Return whether both are final, and alike in all but the numbers after major and minor, which are higher."""
        if self.is_pre_release or other.is_pre_release or self.prefix != other.prefix:
            return False
        return self._padded[:_PATCH] == other._padded[:_PATCH] and self.numbers[_PATCH:] > other.numbers[_PATCH:]

    @property
    def _padded(self) -> tuple[int, ...]:
        return (*self.numbers, 0, 0)


def _phase(suffix: str) -> tuple[int, int] | None:
    """Return rank and number of what follows the dotted numbers; None when no version is written like that."""
    if not suffix or _AFTER.fullmatch(suffix):
        return _FINAL
    found = _BEFORE.match(suffix)
    if found is not None and found["phase"].lower() in _PHASES and suffix[found.end() :][:1] in ("", *"-._"):
        return _PHASES[found["phase"].lower()], int(found["number"] or 0)
    return (_OTHER_PHASE, 0) if suffix.startswith("-") else None
