"""How the zip of a bundle is written, byte by byte: in one form only, so that every reader sees the same files.

A zip says everything twice, before each file and in a list at its end, and readers differ in which they believe. A file
in here is said to be there in both places alike; nothing stands before, between or behind the files; nothing is said of
when and where they were made. The sizes before a file are always those of 64 bits, because they are known only once it
was written (APPNOTE.TXT 4.3.7, 4.3.12, 4.3.14 to 4.3.16, 4.5.3).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Final

STORED: Final = 0
"""Method: as it is."""
DEFLATED: Final = 8
"""Method: as RFC 1951 has it, which is zlib's without its frame."""
RAW_DEFLATE: Final = -15
"""How zlib is told so."""

LOCAL: Final = struct.Struct("<4s5H3L2H")
"""What stands before a file."""
LISTED: Final = struct.Struct("<4s6H3L5H2L")
"""What the list says of it."""
END: Final = struct.Struct("<4s4H2LH")
"""What stands at the end."""
END_64: Final = struct.Struct("<4sQ2H2L4Q")
"""What stands before that where a place needs 64 bits."""
LOCATOR: Final = struct.Struct("<4sLQL")
"""Where that is."""

LOCAL_MARK: Final = b"PK\x03\x04"
"""How a file of a zip begins, and so a bundle."""
LISTED_MARK: Final = b"PK\x01\x02"
"""How what the list says of a file begins."""
END_MARK: Final = b"PK\x05\x06"
"""How the end begins."""
IN_64: Final = 0xFFFFFFFF
"""Stands where the number is among those of 64 bits."""

_VERSION: Final = 45
_UNIX: Final = 3 << 8
_FIRST_DAY: Final = 1 << 5 | 1
"""The first of January 1980, the earliest day that a zip can name."""
_READABLE: Final = 0o100644 << 16
_WIDE: Final = 1
_NARROW_LIMIT: Final = (1 << 31) - 1


@dataclass(frozen=True, slots=True)
class Packed:
    """A file of a zip.

    Attributes:
        name: its name.
        method: `STORED` or `DEFLATED`.
        check: CRC-32 of its bytes.
        packed: how many bytes it has in the zip.
        size: how many it has unpacked.
        begin: where in the zip it begins, with what stands before it.
    """

    name: bytes
    method: int
    check: int
    packed: int
    size: int
    begin: int

    def local(self) -> bytes:
        """Return what stands before it."""
        wide = struct.pack("<2H2Q", _WIDE, 16, self.size, self.packed)
        about = (_VERSION, 0, self.method, 0, _FIRST_DAY, self.check, IN_64, IN_64, len(self.name), len(wide))
        return LOCAL.pack(LOCAL_MARK, *about) + self.name + wide

    def listed(self) -> bytes:
        """Return what the list says of it."""
        size, packed, begin = self.size, self.packed, self.begin
        numbers: list[int] = []
        if max(size, packed) > _NARROW_LIMIT:
            numbers += [size, packed]
            size = packed = IN_64
        if begin > _NARROW_LIMIT:
            numbers.append(begin)
            begin = IN_64
        wide = struct.pack(f"<2H{len(numbers)}Q", _WIDE, 8 * len(numbers), *numbers) if numbers else b""
        about = (_UNIX | _VERSION, _VERSION, 0, self.method, 0, _FIRST_DAY, self.check, packed, size)
        return LISTED.pack(LISTED_MARK, *about, len(self.name), len(wide), 0, 0, 0, _READABLE, begin) + self.name + wide


def end_of(count: int, size: int, begin: int) -> bytes:
    """Return what stands behind the list.

    Args:
        count: how many files it lists.
        size: how many bytes it has.
        begin: where it begins.
    """
    wide = b""
    if begin > _NARROW_LIMIT:
        wide = END_64.pack(b"PK\x06\x06", END_64.size - 12, _VERSION, _VERSION, 0, 0, count, count, size, begin)
        wide += LOCATOR.pack(b"PK\x06\x07", 0, begin + size, 1)
        begin = min(begin, IN_64)
    return wide + END.pack(END_MARK, 0, 0, count, count, size, begin, 0)


class ZipWriter:
    """Writes a zip in this form to a file that can be sought in."""

    def __init__(self, file: IO[bytes]) -> None:
        """Begin an empty zip where the file stands, which is its beginning."""
        self._file = file
        self._files: list[Packed] = []

    @contextmanager
    def member(self, name: str, method: int = DEFLATED) -> Iterator[_Packing]:
        """Begin a file; what is written to it is in the zip when the block ends."""
        begun = Packed(name.encode(), method, 0, 0, 0, self._file.tell())
        self._file.write(begun.local())
        packing = _Packing(self._file, begun)
        yield packing
        whole = packing.finished()
        end = self._file.tell()
        self._file.seek(whole.begin)
        self._file.write(whole.local())
        self._file.seek(end)
        self._files.append(whole)

    def finish(self) -> None:
        """Write the list, and the end."""
        begin = self._file.tell()
        listed = b"".join(one.listed() for one in self._files)
        self._file.write(listed + end_of(len(self._files), len(listed), begin))


class _Packing:
    """A file of a zip that is being written."""

    def __init__(self, file: IO[bytes], begun: Packed) -> None:
        self._file, self._begun = file, begun
        self._deflate = zlib.compressobj(wbits=RAW_DEFLATE) if begun.method == DEFLATED else None
        self._check = self._packed = self._size = 0

    def write(self, content: bytes) -> None:
        """Add some bytes."""
        self._check = zlib.crc32(content, self._check)
        self._size += len(content)
        self._put(content if self._deflate is None else self._deflate.compress(content))

    def finished(self) -> Packed:
        """Write what is left, and return what the file has become."""
        if self._deflate is not None:
            self._put(self._deflate.flush())
        return replace(self._begun, check=self._check, packed=self._packed, size=self._size)

    def _put(self, content: bytes) -> None:
        self._packed += self._file.write(content)
