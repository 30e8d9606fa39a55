"""Reading a bundle's zip from somebody who may mean harm, in memory that does not grow with it.

Python's `zipfile` reads a whole list of files before it says anything, and passes over what lies before the first and
after the last of them. So the end of the file is looked at first (APPNOTE.TXT 4.3.14 to 4.3.16), and the list has to
be short, and has to be what ends there.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Final, NoReturn, Self, cast

from iact.audit.bundles import (
    BUNDLE_FORMAT,
    ENTRIES,
    LONGEST_LINE,
    MANIFEST,
    MAY_BE_MISSING,
    MEMBERS,
    BundleError,
    of_a_later_release,
    shortened,
)

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR: Final = struct.Struct("<4sLQL")
_IN_64: Final = 0xFFFFFFFF
_LONGEST_LIST: Final = 64 * 1024
_LONGEST_MANIFEST: Final = 1 << 20
_FORMAT: Final = re.compile(rb'"format"\s*:\s*"(iact/audit-bundle/v[0-9]{1,9})"')
_ENCRYPTED: Final = 0x1
_READ_AT_ONCE: Final = 1 << 20
_DAMAGES: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    OverflowError,
    RuntimeError,
    ValueError,
)


class Archive:
    """The files of a bundle."""

    def __init__(self, file: Path) -> None:
        """Open a bundle.

        Raises:
            BundleError: if it cannot be read, or is not the zip of a bundle.
        """
        self._name = shortened(file.name)
        self._opened: list[IO[bytes]] = []
        with _told_of(self._name):
            _check_end(file, self._name)
            self._zip = zipfile.ZipFile(file)
        try:
            self._check_members()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        """Return it; it is closed at the end."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file, and what was not read to its end."""
        for opened in tuple(self._opened):
            opened.close()
        self._zip.close()

    def size(self, member: str) -> int:
        """Return how many bytes a file is said to have; `read` and `lines` do not give more."""
        return self._zip.getinfo(member).file_size

    def has(self, member: str) -> bool:
        """Return whether there is a file of that name."""
        return member in self._zip.NameToInfo

    def read(self, member: str, most: int) -> bytes:
        """Return a file as a whole.

        Raises:
            BundleError: if it is larger than `most` bytes, or damaged.
        """
        if self.size(member) > most:
            raise BundleError(f"{member} has {self.size(member)} bytes, and {most} at most are read")
        with self._reading(member) as opened, _told_of(self._name, member):
            content = opened.read(most + 1)
        if len(content) > most:
            raise BundleError(f"{member} has more bytes than it is said to have")
        return content

    def lines(self, member: str, longest: int = LONGEST_LINE) -> Iterator[bytes]:
        """Walk the lines of a file, without their ends.

        Args:
            member: its name.
            longest: bytes of a line at most.

        Raises:
            BundleError: if the last has no end, one is longer, or the file is damaged.
        """
        number = 0
        with self._reading(member) as opened:
            while True:
                with _told_of(self._name, member):
                    line = opened.readline(longest + 2)
                if not line:
                    return
                number += 1
                if not line.endswith(b"\n"):
                    why = f"is longer than {longest} bytes" if len(line) > longest else "has no end"
                    raise BundleError(f"line {number} of {member} {why}")
                yield line[:-1]

    def blocks(self, member: str, size: int) -> Iterator[bytes]:
        """Walk a file in blocks of some bytes; the last one may be shorter.

        Raises:
            BundleError: if the file is damaged.
        """
        with self._reading(member) as opened:
            while True:
                with _told_of(self._name, member):
                    block = opened.read(size)
                if not block:
                    return
                yield block

    @contextmanager
    def _reading(self, member: str) -> Iterator[IO[bytes]]:
        """Open a file to read it bit by bit.

        Raises:
            BundleError: if it is damaged.
        """
        with _told_of(self._name, member):
            raw = self._zip.open(member)
        with cast("IO[bytes]", io.BufferedReader(cast("io.RawIOBase", raw), _READ_AT_ONCE)) as opened:
            self._opened.append(opened)
            try:
                yield opened
            finally:
                self._opened.remove(opened)

    def _check_version(self) -> None:
        """Say of a bundle of a later release that it is one, before anything is found that only that release knows."""
        manifest = self.read(MANIFEST, _LONGEST_MANIFEST)
        found = _version_in(manifest)
        if found and found != BUNDLE_FORMAT:
            raise of_a_later_release(found)

    def _check_members(self) -> None:
        found = self._zip.infolist()
        names = [one.filename for one in found]
        if MANIFEST not in names:
            _refuse_another_zip(self._name, names)
        self._check_version()
        for name in names:
            if name not in MEMBERS:
                raise BundleError(f"{self._name} holds {shortened(name)!r}, which no bundle has")
            if names.count(name) > 1:
                raise BundleError(f"{self._name} holds {name} more than once: which one is meant cannot be told")
        missing = [name for name in MEMBERS if name not in names and name not in MAY_BE_MISSING]
        if missing:
            raise BundleError(f"{self._name} lacks {', '.join(missing)}; export it once more")
        for one in found:
            if one.flag_bits & _ENCRYPTED:
                raise BundleError(f"{one.filename} is encrypted; a bundle is not. Unpack and export it once more")
            if one.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise BundleError(f"{one.filename} is compressed in a way that no bundle is")


def _version_in(manifest: bytes) -> str:
    """Return which format a manifest names, whatever else is in it; empty where it names none."""
    found = _FORMAT.search(manifest)
    return found.group(1).decode() if found else ""


def _refuse_another_zip(file: str, names: list[str]) -> NoReturn:
    """Say what a zip is that is not a bundle."""
    if len(names) == 1 and names[0].lower().endswith(".zip"):
        raise BundleError(f"{file} was zipped twice: unpack it, and verify {shortened(names[0])!r}, which is in it")
    if any(name.endswith((f"/{MANIFEST}", f"/{ENTRIES}")) for name in names):
        raise BundleError(f"{file} holds a folder with the files of a bundle; verify the file that was handed out")
    raise BundleError(f"{file} is a zip, and not a bundle: it has no {MANIFEST}")


def _check_end(file: Path, name: str) -> None:
    """Look at the end of a zip before anything is read by what it says.

    Raises:
        BundleError: if it does not end as a bundle does.
    """
    if file.is_dir():
        raise BundleError(f"{name} is a folder; verify the file that was handed out")
    with file.open("rb") as opened:
        length = opened.seek(0, io.SEEK_END)
        opened.seek(0)
        begin = opened.read(4)
        tail_size = min(length, _END.size + _LOCATOR.size + _END_64.size)
        opened.seek(length - tail_size)
        tail = opened.read(tail_size)
    if not length:
        raise BundleError(f"{name} is empty")
    if begin != b"PK\x03\x04":
        raise BundleError(f"{name} is not a bundle: it does not begin as a zip")
    if len(tail) < _END.size or tail[-_END.size : -_END.size + 4] != b"PK\x05\x06":
        raise BundleError(f"{name} was cut off, or something was added: it does not end as a bundle. Fetch it again")
    _, disk, first_disk, here, count, size, offset, comment = _END.unpack(tail[-_END.size :])
    end = length - _END.size
    locator = tail[-_END.size - _LOCATOR.size : -_END.size]
    if locator[:4] == b"PK\x06\x07" and len(tail) == _END.size + _LOCATOR.size + _END_64.size:
        signature, _, _, _, _, _, here, count, size_64, offset_64 = _END_64.unpack(tail[: _END_64.size])
        if signature != b"PK\x06\x06" or size not in {_IN_64, size_64} or offset not in {_IN_64, offset_64}:
            raise BundleError(f"{name} says two things of where its list of files is: it is damaged")
        size, offset, end = size_64, offset_64, end - _LOCATOR.size - _END_64.size
    if comment or disk or first_disk or here != count or size > _LONGEST_LIST or offset + size != end:
        raise BundleError(f"{name} is a zip, and not a bundle: its list of files is not that of one")


@contextmanager
def _told_of(file: str, member: str = "") -> Iterator[None]:
    """Say of whatever is wrong with a zip that it is damaged."""
    try:
        yield
    except BundleError:
        raise
    except OSError as error:
        raise BundleError(f"{file} cannot be read: {error.strerror or 'it ends too early'}") from None
    except _DAMAGES as error:
        what = f"{member} in {file}" if member else file
        why = shortened(str(error)) or type(error).__name__
        raise BundleError(f"{what} is damaged: {why}. Fetch it again") from None
