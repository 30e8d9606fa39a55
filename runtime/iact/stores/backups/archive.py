"""The file: a ZIP archive (APPNOTE 6.3) whose comment is the SHA-256 of every byte before it.

`iact-backup.json` comes first and uncompressed, so that the beginning says what the file is; then the rows of each
table as JSON lines; then `manifest.json`, which says how many there are and their digests. Any tool for ZIP archives
opens it, and not one byte of it can change unnoticed.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import json
import os
import zipfile
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, TYPE_CHECKING, Any, Final, cast

from iact.core.errors import ConfigurationError, EnvironmentProblemError, FindingError
from iact.stores.backups.encryption import INTRO, Decrypted, Encrypting, EncryptionError, FileKey, OtherKeyError
from iact.stores.backups.lines import Tally
from iact.stores.backups.model import FORMAT, VERSION, Manifest, Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from iact.stores.backups.keys import SecretKey

ABOUT: Final = "iact-backup.json"
MANIFEST: Final = "manifest.json"
PART: Final = ".iact-part"
"""How the names of files end that are being written."""
_SEAL: Final = len("sha256:") + 64
_PIECE: Final = 1 << 20
_BEGINNING: Final = 4096
_DAMAGE: Final = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, EncryptionError)
"""What Python's `zipfile` raises for an archive that was altered; `OSError` and `ValueError` besides."""


class Archive:
    """A backup that is being written, front to back."""

    def __init__(self, file: IO[bytes] | Encrypting, moment: datetime) -> None:
        """Begin it.

        Args:
            file: an empty file, which is only written.
            moment: that it shows, in UTC.
        """
        self._written = _Sealed(file)
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._written), "w", zipfile.ZIP_DEFLATED)
        self._moment = moment
        self._add(ABOUT, {"format": FORMAT, "version": VERSION}, zipfile.ZIP_STORED)

    def add_rows(self, table: Table, pieces: Iterable[bytes]) -> None:
        """Add the rows of a table, as pieces of its lines."""
        with self._zip.open(self._member(table.member), "w", force_zip64=True) as member:
            for piece in pieces:
                member.write(piece)

    def finish(self, manifest: Manifest) -> str:
        """Add the manifest and the seal; return the digest of the whole archive."""
        self._add(MANIFEST, manifest.to_data(), zipfile.ZIP_DEFLATED)
        self._zip.comment = b" " * _SEAL
        self._zip.close()
        return self._written.finish()

    def _add(self, name: str, data: Any, how: int) -> None:
        member = self._member(name)
        member.compress_type = how
        self._zip.writestr(member, json.dumps(data, ensure_ascii=False, indent=2) + "\n")

    def _member(self, name: str) -> zipfile.ZipInfo:
        found = zipfile.ZipInfo(name, date_time=self._moment.timetuple()[:6])
        found.compress_type = zipfile.ZIP_DEFLATED
        found.external_attr = 0o600 << 16
        return found


class _Sealed:
    """What `zipfile` writes, front to back, of which the last bytes give way to the digest of all that come before."""

    def __init__(self, file: IO[bytes] | Encrypting) -> None:
        self._file = file
        self._held = b""
        self._place = 0
        self._before = hashlib.sha256()

    def write(self, data: Any) -> int:
        piece = self._held + bytes(data)
        cut = max(0, len(piece) - _SEAL)
        self._before.update(piece[:cut])
        self._file.write(piece[:cut])
        self._held = piece[cut:]
        self._place += len(data)
        return len(data)

    def tell(self) -> int:
        return self._place

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Do nothing: whoever opened the file closes it."""

    def finish(self) -> str:
        """Write the seal instead of what is held back; return the digest of all bytes."""
        seal = f"sha256:{self._before.hexdigest()}".encode()
        self._file.write(seal)
        self._before.update(seal)
        return f"sha256:{self._before.hexdigest()}"


@dataclass(frozen=True, slots=True)
class Verified:
    """A backup of which every byte and every row was read and found to be what was written.

    Attributes:
        path: where it is.
        manifest: what is in it.
        digest: of the whole file, as `sha256sum` says it.
        size: in bytes.
        archive: the digest of the archive in it, which is the same where it is not encrypted.
        key: what it is encrypted with; None where it is not.
    """

    path: Path
    manifest: Manifest
    digest: str
    size: int
    archive: str
    key: FileKey | SecretKey | None = field(default=None, repr=False)

    def lines(self, table: Table) -> Iterator[bytes]:
        """Give the lines of a table."""
        with (
            self.path.open("rb") as raw,
            zipfile.ZipFile(_plain(self.path, raw, self.key)) as archive,
            archive.open(table.member) as member,
        ):
            yield from member

    def to_data(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "file": str(self.path),
            "digest": self.digest,
            "bytes": self.size,
            "encrypted": self.key is not None,
            **self.manifest.to_data(),
        }


def verify(path: Path, key: FileKey | SecretKey | None = None) -> Verified:
    """Read a backup as a whole, and make sure that it is what was written.

    Args:
        path: the file.
        key: by which it can be read, where it is encrypted.

    Raises:
        ConfigurationError: if it is encrypted and there is no key, or the other way round.
        EnvironmentProblemError: if it cannot be read.
        FindingError: if it is no backup, was cut off or altered, or is of a newer format.
    """
    try:
        with path.open("rb") as raw:
            file = _plain(path, raw, key)
            archive = _checked_seal(path, file)
            file.seek(0)
            manifest = _checked_content(path, file)
            raw.seek(0)
            digest = archive if key is None else f"sha256:{hashlib.file_digest(raw, 'sha256').hexdigest()}"
            return Verified(path, manifest, digest, os.fstat(raw.fileno()).st_size, archive, key)
    except OtherKeyError as error:
        message = f"the backup {path} was encrypted for other keys than this one. Name one of those by --key."
        raise FindingError(message) from error
    except _DAMAGE as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        message = f"the backup {path} cannot be read: {error.strerror or error}. Check the path and its permissions."
        raise EnvironmentProblemError(message) from error


def _plain(path: Path, raw: IO[bytes], key: FileKey | SecretKey | None) -> IO[bytes]:
    """Return what is in a file, which may be encrypted."""
    is_encrypted = raw.read(len(INTRO)) == INTRO
    raw.seek(0)
    if is_encrypted and key is None:
        message = f"the backup {path} is encrypted. Name the secret key that reads it: --key file:PATH or env:NAME."
        raise ConfigurationError(message)
    if key is None:
        return raw
    if not is_encrypted:
        message = f"{path} is not encrypted, and --key names a key. If you trust where it comes from, leave --key out."
        raise ConfigurationError(message)
    return io.BufferedReader(Decrypted(raw, key), _PIECE)


def _checked_seal(path: Path, file: IO[bytes]) -> str:
    """Return the digest of an archive whose seal is unbroken."""
    beginning = file.read(_BEGINNING)
    size = file.seek(0, os.SEEK_END)
    if ABOUT.encode() not in beginning:
        message = f"{path} is no backup of iact: it does not begin like one. `iact backup` makes them."
        raise FindingError(message)
    file.seek(0)
    hashed = hashlib.sha256()
    left = max(0, size - _SEAL)
    while left and (piece := file.read(min(left, _PIECE))):
        hashed.update(piece)
        left -= len(piece)
    seal = file.read(_SEAL)
    if seal != f"sha256:{hashed.hexdigest()}".encode():
        version = _version_at(beginning)
        if version is not None and version > VERSION:
            raise _newer(path, version)
        raise _damaged(path, _first_damage(file))
    hashed.update(seal)
    return f"sha256:{hashed.hexdigest()}"


def _version_at(beginning: bytes) -> int | None:
    """Return what the beginning of a file says of the version of its format."""
    _, found, rest = beginning.partition(ABOUT.encode())
    try:
        said, _ = json.JSONDecoder().raw_decode(rest.decode("utf-8", errors="replace")) if found else (None, 0)
    except ValueError:
        return None
    return said["version"] if isinstance(said, dict) and isinstance(said.get("version"), int) else None


def _first_damage(file: IO[bytes]) -> str:
    """Return where an altered file differs first, as far as that can be told."""
    row, name = 0, ""
    try:
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                row = 0
                with archive.open(name) as member:
                    for row, _ in enumerate(member, start=1):  # noqa: B007 - the row at which it fails is told
                        pass
    except (*_DAMAGE, OSError, ValueError, KeyError):
        return f"the first damage is in {name}, after row {row}" if name else "its end is missing or damaged"
    return "its rows can be read, but a byte beside them differs"


def _checked_content(path: Path, file: IO[bytes]) -> Manifest:
    with zipfile.ZipFile(file) as archive:
        about = json.loads(archive.read(ABOUT))
        if about.get("format") != FORMAT or about.get("version") != VERSION:
            raise _newer(path, about.get("version"))
        try:
            manifest = Manifest.from_data(json.loads(archive.read(MANIFEST)))
            for table, content in manifest.tables:
                with archive.open(table.member) as member:
                    found = _content_of(member)
                if found != content:
                    told = f"{table.member} holds {found.rows} rows {found.digest}"
                    raise _damaged(path, f"{told}, and {MANIFEST} says {content.rows} rows {content.digest}")
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, f"{MANIFEST} does not say what is in it ({error})") from error
    return manifest


def _content_of(member: IO[bytes]) -> Any:
    tally = Tally()
    while lines := member.readlines(_PIECE):
        tally.add(lines)
    return tally.content


def _damaged(path: Path, what: str) -> FindingError:
    return FindingError(
        f"the backup {path} is not what was written: {what}. Take another copy of it, or an earlier backup."
    )


def _newer(path: Path, version: Any) -> FindingError:
    return FindingError(
        f"the backup {path} is of format {version}, which is newer than what this release reads ({VERSION}). "
        "Install the release that made it, or a later one."
    )


@contextmanager
def part_of(target: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Give a file beside `target`, only its owner's, that takes that name by `put_in_place`, or is removed.

    Raises:
        EnvironmentProblemError: if it cannot be made or written.
    """
    part = target.with_name(f".{target.name}{PART}")
    sweep(target.parent)
    try:
        try:
            with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT, 0o600), "w+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.truncate()
                try:
                    yield file, part
                finally:
                    part.unlink(missing_ok=True)
        except BlockingIOError as error:
            message = f"another process is writing the backup {target} at this moment. Name another file."
            raise EnvironmentProblemError(message) from error
    except OSError as error:
        message = f"the backup {target} cannot be written: {error.strerror or error}. Free the disk, or name another."
        raise EnvironmentProblemError(message) from error


def sweep(folder: Path) -> None:
    """Remove what backups that were killed have left in a folder."""
    for left in folder.glob(f".*{PART}"):
        # Whoever writes one holds its lock.
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def put_in_place(part: Path, target: Path, taken: str) -> None:
    """Give a finished file its name, unless something has that name already.

    Args:
        part: the file, which keeps its present name as well.
        target: its name to be.
        taken: what a person is told where something has that name.

    Raises:
        EnvironmentProblemError: if something has that name.
        OSError: if it cannot be done.
    """
    try:
        os.link(part, target)
    except FileExistsError as error:
        raise EnvironmentProblemError(taken) from error
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
