"""Reading a bundle's zip from somebody who may mean harm, in memory that does not grow with it.

A zip says everything twice, and programs differ in which they believe: what one of them judges, another does not show.
So the end of the file is looked at first, the list of files has to be short, and then every byte that is no file's has
to be the one that `iact.audit.zip_form` writes. Each file has to unpack to just as many bytes as both places say.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Final, NoReturn, Self, cast

from iact.audit.bundles import (
    ENTRIES,
    FIRST_VERSION,
    LONGEST_LINE,
    MANIFEST,
    MAY_BE_MISSING_IN_THE_FIRST,
    MEMBERS,
    NOT_IN_THE_FIRST,
    VERSION,
    BundleError,
    of_a_later_release,
    shortened,
    version_of,
)
from iact.audit.zip_form import (
    DEFLATED,
    END,
    END_64,
    END_MARK,
    IN_64,
    LISTED,
    LISTED_MARK,
    LOCAL,
    LOCAL_MARK,
    LOCATOR,
    RAW_DEFLATE,
    STORED,
    Packed,
    end_of,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_LONGEST_LIST: Final = 64 * 1024
_LONGEST_MANIFEST: Final = 1 << 20
_FORMAT: Final = re.compile(rb'"format"\s*:\s*"(iact/audit-bundle/v[0-9]{1,9})"')
_ENCRYPTED: Final = 0x1
_READ_AT_ONCE: Final = 1 << 20
_PACKED_AT_ONCE: Final = 64 * 1024
_DAMAGES: Final = (zlib.error, struct.error, EOFError, OverflowError, ValueError)


class Archive:
    """The files of a bundle."""

    def __init__(self, file: Path) -> None:
        """Open a bundle.

        Raises:
            BundleError: if it cannot be read, or is not the zip of a bundle.
        """
        self._name = shortened(file.name)
        self._opened: list[IO[bytes]] = []
        self._files: dict[str, Packed] = {}
        with _told_of(self._name):
            self._file = opened_file(file, self._name)
        try:
            with _told_of(self._name):
                begin, size = _place_of_list(self._file, self._name)
                self._check_members(begin, _list_of(self._part(begin, size), self._name))
        except BaseException:
            self._file.close()
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
        self._file.close()

    def size(self, member: str) -> int:
        """Return how many bytes a file is said to have; `read` and `lines` do not give more."""
        return self._files[member].size

    def has(self, member: str) -> bool:
        """Return whether there is a file of that name."""
        return member in self._files

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
        raw = _Unpacked(self._file, self._files[member], member)
        with cast("IO[bytes]", io.BufferedReader(raw, _READ_AT_ONCE)) as opened:
            self._opened.append(opened)
            try:
                yield opened
            finally:
                self._opened.remove(opened)

    def _check_members(self, end: int, found: list[_Listed]) -> None:
        """Check that a list names the files of a bundle, and that these are all that is before it.

        Args:
            end: where the list begins.
            found: what it says.
        """
        names = [one.name for one in found]
        if MANIFEST not in names:
            _refuse_another_zip(self._name, names)
        self._files = {one.name: one.packed for one in found}
        found[names.index(MANIFEST)].check_readable()
        members, needed = _members(self._version())
        for one in found:
            if one.name not in members:
                raise BundleError(f"{self._name} holds {shortened(one.name)!r}, which no bundle has")
            if names.count(one.name) > 1:
                raise BundleError(f"{self._name} holds {one.name} more than once: which one is meant cannot be told")
            one.check_readable()
        missing = [name for name in needed if name not in names]
        if missing:
            raise BundleError(f"{self._name} lacks {', '.join(missing)}; export it once more")
        self._check_form(end, found)

    def _version(self) -> int:
        """Return the version of a bundle; of a later release, say so before anything is found that only that knows."""
        found = _format_in(self.read(MANIFEST, _LONGEST_MANIFEST))
        if version_of(found) > VERSION:
            raise of_a_later_release(found)
        return version_of(found)

    def _check_form(self, end: int, found: list[_Listed]) -> None:
        """Check that every byte outside of the files is the one that a bundle has: else others read other files."""
        place = 0
        for one in found:
            packed = one.packed
            if packed.begin != place:
                raise BundleError(
                    f"{self._name} does not have {one.name} where the file before it ends: something is hidden in it, "
                    "and other programs show other files. It is no bundle as it was handed out"
                )
            before = packed.local()
            if self._part(place, len(before)) != before or one.content != packed.listed():
                raise BundleError(
                    f"{self._name} says two things of {one.name}, or more than a bundle says: other programs show "
                    "another file. It is no bundle as it was handed out"
                )
            place += len(before) + packed.packed
        size = sum(len(one.content) for one in found)
        last = end_of(len(found), size, end)
        if place != end or self._part(end + size, len(last) + 1) != last:
            raise BundleError(
                f"{self._name} has something between its files and the list of them, or behind it: it is no bundle as "
                "it was handed out"
            )

    def _part(self, begin: int, size: int) -> bytes:
        self._file.seek(begin)
        return self._file.read(size)


class _Unpacked(io.RawIOBase):
    """A file of a zip, unpacked bit by bit; at its end it has to have had just the bytes that it is said to have."""

    def __init__(self, file: IO[bytes], packed: Packed, name: str) -> None:
        super().__init__()
        self._file, self._packed, self._name = file, packed, name
        self._place = self._end = -1
        self._inflate = zlib.decompressobj(RAW_DEFLATE) if packed.method == DEFLATED else None
        self._waiting = b""
        self._size = self._check = 0
        self._is_over = False

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Put the next bytes into a buffer, and return how many; 0 at the end.

        Raises:
            BundleError: if it is not what it is said to be.
        """
        into = memoryview(buffer).cast("B")
        block = b""
        while not block and not self._is_over:
            block = self._raw(len(into)) if self._inflate is None else self._inflated(self._inflate, len(into))
            self._size += len(block)
            self._check = zlib.crc32(block, self._check)
            if self._size > self._packed.size:
                raise BundleError(f"{self._name} has more bytes than it is said to have")
            if not block and (self._inflate is None or self._inflate.eof):
                self._finish()
        into[: len(block)] = block
        return len(block)

    def _inflated(self, inflate: zlib._Decompress, most: int) -> bytes:
        if inflate.eof:
            return b""
        packed = self._waiting or self._raw(_PACKED_AT_ONCE)
        block = inflate.decompress(packed, most)
        self._waiting = inflate.unconsumed_tail
        if not packed and not block and not inflate.eof:
            raise BundleError(f"{self._name} is damaged: it ends too early. Fetch it again")
        return block

    def _raw(self, most: int) -> bytes:
        """Return the next bytes as they are in the zip."""
        if self._place < 0:
            self._file.seek(self._packed.begin)
            about = LOCAL.unpack(self._file.read(LOCAL.size))
            self._place = self._packed.begin + LOCAL.size + about[-2] + about[-1]
            self._end = self._place + self._packed.packed
        self._file.seek(self._place)
        found = self._file.read(min(most, self._end - self._place))
        self._place += len(found)
        return found

    def _finish(self) -> None:
        self._is_over = True
        left_over = self._inflate is not None and (self._inflate.unused_data or self._raw(1))
        if left_over or self._size != self._packed.size or self._check != self._packed.check:
            raise BundleError(f"{self._name} is damaged: it does not have the bytes that it is said to have")


@dataclass(frozen=True, slots=True)
class _Listed:
    """What the list of a zip says of a file.

    Attributes:
        content: the bytes of that.
        name: its name.
        packed: where it is and how large.
        is_encrypted: whether it is said to be encrypted.
    """

    content: bytes
    name: str
    packed: Packed
    is_encrypted: bool

    def check_readable(self) -> None:
        """Check that it is packed in a way that can be read."""
        if self.is_encrypted:
            raise BundleError(f"{self.name} is encrypted; a bundle is not. Unpack and export it once more")
        if self.packed.method not in {STORED, DEFLATED}:
            raise BundleError(f"{self.name} is compressed in a way that no bundle is")


def opened_file(file: Path, name: str) -> IO[bytes]:
    """Open a file that somebody named, if it is one: a pipe or a device may have no end.

    Raises:
        BundleError: if it is none.
        OSError: if it cannot be opened.
    """
    mode = file.stat().st_mode
    if stat.S_ISDIR(mode):
        raise BundleError(f"{name} is a folder; name the file that was handed out")
    if not stat.S_ISREG(mode):
        raise BundleError(f"{name} is no file but a pipe or a device; save what it gives as a file, and name that")
    return file.open("rb")


def _members(version: int) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the files that a bundle of a version may have, and those that it has to have."""
    if version != FIRST_VERSION:
        return frozenset(MEMBERS), MEMBERS
    members = tuple(name for name in MEMBERS if name not in NOT_IN_THE_FIRST)
    return frozenset(members), tuple(name for name in members if name not in MAY_BE_MISSING_IN_THE_FIRST)


def _format_in(manifest: bytes) -> str:
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


def _place_of_list(opened: IO[bytes], name: str) -> tuple[int, int]:
    """Return where the list of a zip begins and how long it is, before anything is read by what it says.

    Raises:
        BundleError: if the file does not end as a bundle does.
    """
    length = opened.seek(0, io.SEEK_END)
    opened.seek(0)
    begin = opened.read(len(LOCAL_MARK))
    tail_size = min(length, END.size + LOCATOR.size + END_64.size)
    opened.seek(length - tail_size)
    tail = opened.read(tail_size)
    if not length:
        raise BundleError(f"{name} is empty")
    if begin != LOCAL_MARK:
        raise BundleError(f"{name} is not a bundle: it does not begin as a zip")
    if len(tail) < END.size or tail[-END.size : -END.size + len(END_MARK)] != END_MARK:
        raise BundleError(f"{name} was cut off, or something was added: it does not end as a bundle. Fetch it again")
    _, disk, first_disk, here, count, size, offset, comment = END.unpack(tail[-END.size :])
    end = length - END.size
    if offset == IN_64 or tail[-END.size - LOCATOR.size :][:4] == b"PK\x06\x07":
        if len(tail) < tail_size or tail_size < END.size + LOCATOR.size + END_64.size:
            raise BundleError(f"{name} says two things of where its list of files is: it is damaged")
        *_, here, count, size, offset = END_64.unpack(tail[: END_64.size])
        end -= LOCATOR.size + END_64.size
    if comment or disk or first_disk or here != count or size > _LONGEST_LIST or offset + size != end:
        raise BundleError(f"{name} is a zip, and not a bundle: its list of files is not that of one")
    return offset, size


def _list_of(content: bytes, name: str) -> list[_Listed]:
    """Return what the list of a zip says.

    Raises:
        BundleError: if it is none.
    """
    found = []
    place = 0
    while place < len(content):
        about = LISTED.unpack_from(content, place)
        mark, _, _, flags, method, _, _, check, packed, size, *lengths, _, _, _, begin = about
        end = place + LISTED.size + sum(lengths)
        if mark != LISTED_MARK or end > len(content):
            raise BundleError(f"{name} is a zip, and not a bundle: its list of files is not that of one")
        named = content[place + LISTED.size :][: lengths[0]]
        wide = content[place + LISTED.size + lengths[0] :][4 : lengths[1]]
        numbers = iter(struct.unpack(f"<{len(wide) // 8}Q", wide[: len(wide) // 8 * 8]))
        size, packed, begin = (next(numbers, one) if one == IN_64 else one for one in (size, packed, begin))
        file = Packed(named, method, check, packed, size, begin)
        is_encrypted = bool(flags & _ENCRYPTED)
        found.append(_Listed(content[place:end], named.decode("utf-8", "replace"), file, is_encrypted))
        place = end
    return found


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
