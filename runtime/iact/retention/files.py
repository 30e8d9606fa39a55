"""Looking for somebody in files: in their names, their bytes, and in what is packed in them."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from iact.core.errors import IactError
from iact.retention.redaction import Redaction
from iact.stores.backups.archive import ABOUT, verify
from iact.stores.backups.encryption import INTRO
from iact.stores.backups.keys import SecretKey

PIECE: Final = 16 << 20
"""Bytes that are looked at together."""
OVERLAP: Final = 4096
"""Bytes of a piece that are looked at again with the next: more than a name is long."""
DEEPEST: Final = 4
"""How many times packed something is looked into."""
_PACKED_BY_GIT: Final = (".git", "objects")
_UNPACK: Final[dict[bytes, Callable[[Any], Any]]] = {
    b"\x1f\x8b": lambda opened: gzip.GzipFile(fileobj=opened),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}
"""What a packed file begins with, and what reads it."""
_OTHERS: Final = (b"PK\x03\x04", b"7z\xbc\xaf'\x1c", b"(\xb5/\xfd", b"Rar!", b"\x1f\x9d", b"%PDF-")
"""What files begin with that are packed in ways which nobody reads here: zips that are damaged or not finished, 7z,
Zstandard, RAR, compress, PDF."""
_DAMAGES: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    EOFError,
    ValueError,
    OSError,
)


class UnseenError(Exception):
    """Something cannot be looked into; the message says why."""


@dataclass(frozen=True, slots=True)
class Search:
    """Where somebody is looked for, and how.

    Attributes:
        folders: whose files.
        store: the file of the store, which was looked through row by row and written anew; None for one on a server.
        archive: the folder of the log's archive.
        key: by which encrypted backups are looked into.
    """

    folders: Sequence[Path]
    store: Path | None = None
    archive: Path | None = None
    key: SecretKey | None = field(default=None, repr=False)

    def findings(self, them: Redaction, *, rewrites: bool = False) -> Iterator[str]:
        """Say of each file that names them, or that cannot be looked into, what can be done about it.

        Args:
            them: who.
            rewrites: whether backups are still to be written anew, rather than written anew already.
        """
        for file in self.files():
            if isinstance(file, OSError):
                yield f"{file.filename} cannot be looked into: {file.strerror}"
                continue
            if them.found_in(os.fsencode(file.name)):
                yield f"{file} is called like them: give it another name"
            if file == self.store or (
                self.store and file.name in _beside(self.store) and file.parent == self.store.parent
            ):
                if not them.has_short_name and _is_in(them, file):
                    yield (
                        f"{file}, the store, still has them in it: run this again, and where it says so once more, a "
                        "run was started with their name in its inputs or as what it is about, which nobody exchanges"
                    )
                continue
            try:
                found = self._within(them, file)
            except UnseenError as error:
                yield f"{file} cannot be looked into: {error}"
                continue
            if found is not None:
                yield f"{file} names them{f' in {found}' if found else ''}: {self._advice(file, rewrites=rewrites)}"

    def files(self) -> Iterator[Path | OSError]:
        """Walk every file but those that git has packed, each once, and what went wrong where one cannot be read."""
        seen: set[tuple[int, int]] = set()
        for folder in self.folders:
            problems: list[OSError] = []
            for at, folders, names in os.walk(folder, onerror=problems.append):
                place = Path(at)
                folders[:] = sorted(one for one in folders if (place.name, one) != _PACKED_BY_GIT)
                for name in sorted(names):
                    file = place / name
                    try:
                        about = file.lstat()
                    except OSError as error:
                        problems.append(error)
                        continue
                    is_new = (about.st_dev, about.st_ino) not in seen
                    seen.add((about.st_dev, about.st_ino))
                    if is_new and os.path.isfile(file) and not file.is_symlink():  # noqa: PTH113 - raises nothing
                        yield file
            yield from problems

    def own_backups(self) -> Iterator[Path]:
        """Walk the backups that are not encrypted and lie in no other project within this one."""
        for file in self.files():
            if isinstance(file, Path) and is_plain_backup(file) and not self._is_of_another(file):
                yield file

    def _is_of_another(self, file: Path) -> bool:
        for folder in self.folders:
            if file.is_relative_to(folder):
                between = file.relative_to(folder).parents
                return any((folder / one / "iact.yaml").exists() for one in between if one != Path())
        return False

    def _within(self, them: Redaction, file: Path) -> str | None:
        """Return where in a file they are named, empty for in itself; None where they are not."""
        try:
            with file.open("rb") as opened:
                if opened.read(len(INTRO)) == INTRO:
                    return self._in_encrypted(them, file)
                opened.seek(0)
                return where_named(them, opened)
        except OSError as error:
            raise UnseenError(error.strerror or str(error)) from error

    def _in_encrypted(self, them: Redaction, file: Path) -> str | None:
        if self.key is None:
            raise UnseenError("it is an encrypted backup. Name its secret key by --key, or delete it")
        try:
            backup = verify(file, self.key)
        except IactError as error:
            raise UnseenError(str(error)) from error
        named = (table.name for table, _ in backup.manifest.tables if any(map(them.found_in, backup.lines(table))))
        return next(named, None)

    def _advice(self, file: Path, *, rewrites: bool) -> str:
        if self.archive is not None and file.is_relative_to(self.archive):
            return (
                "it is a part of the archive, which proofs rest on: a run was started with their name in its inputs or "
                "as what it is about, or its entries are of a release without pseudonyms"
            )
        if is_plain_backup(file):
            if rewrites and not self._is_of_another(file):
                return "it is a backup, which `iact audit person erase` writes anew without them"
            return "it is a backup that has them where nothing can be exchanged; delete it once you have a newer one"
        return "change or delete it; what is in git stays in its history"


def is_plain_backup(file: Path) -> bool:
    """Return whether a file is a backup that is not encrypted."""
    try:
        with zipfile.ZipFile(file) as archive:
            return ABOUT in archive.namelist()
    except _DAMAGES:
        return False


def where_named(them: Redaction, opened: IO[bytes], depth: int = 0) -> str | None:
    """Return the name of what in a file names them, empty for the file itself; None where nothing does.

    Raises:
        UnseenError: if it is packed, and cannot be looked into.
    """
    begin = opened.read(8)
    opened.seek(0)
    if zipfile.is_zipfile(opened) and begin.startswith(b"PK"):
        return _in_zip(them, opened, depth)
    opened.seek(0)
    unpack = next((unpack for magic, unpack in _UNPACK.items() if begin.startswith(magic)), None)
    if unpack is not None:
        _expect_shallow(depth)
        try:
            with unpack(opened) as unpacked:
                return where_named(them, io.BufferedReader(unpacked), depth + 1)
        except _DAMAGES as error:
            raise UnseenError(f"it is damaged ({error})") from error
    if any(map(them.found_in, _pieces(opened))):
        return ""
    if begin.startswith(_OTHERS):
        raise UnseenError("it is packed in a way that nobody reads here, or not finished. Unpack or delete it")
    return None


def _in_zip(them: Redaction, opened: IO[bytes], depth: int) -> str | None:
    _expect_shallow(depth)
    try:
        with zipfile.ZipFile(opened) as archive:
            for name in archive.namelist():
                if them.found_in(name.encode("utf-8", "surrogateescape")):
                    return f"the name of {name}"
                with archive.open(name) as member:
                    found = where_named(them, member, depth + 1)
                if found is not None:
                    return f"{name}/{found}" if found else name
    except _DAMAGES as error:
        raise UnseenError(f"it is damaged ({error})") from error
    return None


def _expect_shallow(depth: int) -> None:
    if depth == DEEPEST:
        raise UnseenError(f"it is packed more than {DEEPEST} times. Unpack or delete it")


def _is_in(them: Redaction, file: Path) -> bool:
    try:
        with file.open("rb") as opened:
            return any(map(them.found_in, _pieces(opened)))
    except OSError:
        return False


def _beside(store: Path) -> tuple[str, ...]:
    return tuple(f"{store.name}{suffix}" for suffix in ("-wal", "-shm", "-journal"))


def _pieces(opened: IO[bytes]) -> Iterator[bytes]:
    last = b""
    while piece := opened.read(PIECE):
        yield last + piece
        last = piece[-OVERLAP:]
