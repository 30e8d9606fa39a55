"""What is to be said of this machine: its git, and the file of an embedded store."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from iact.operations.doctor.findings import ADVICE, BROKEN, OK, WRONG, Finding
from iact.stores.connect import is_open, looking_connection

OLDEST_GIT: Final = (2, 31)
LEAST_FREE: Final = 64 << 20
"""Bytes that a command may need beside the file: its write-ahead log and its reports."""
NETWORK: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "davfs",
        "glusterfs",
        "gpfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "smb3",
        "smbfs",
    }
)
"""File systems of other machines, as `/proc/self/mountinfo` names them."""
_NETWORK_BY_FUSE: Final = frozenset({"sshfs", "s3fs", "rclone", "glusterfs", "gcsfuse", "curlftpfs", "davfs"})
"""The same by way of FUSE, as they are named there after `fuse.`."""


def git() -> Finding:
    """Return what is to be said of the git program."""
    try:
        said = subprocess.run(["git", "version"], capture_output=True, text=True, check=False).stdout.strip()
    except OSError as error:
        said = error.strerror or "it cannot be started"
    return git_version(said)


def git_version(said: str) -> Finding:
    """Return what is to be said of a git that answers `git version` so."""
    numbers = re.match(r"git version (\d+)\.(\d+)", said)
    if numbers is None or (int(numbers[1]), int(numbers[2])) < OLDEST_GIT:
        return Finding(
            check="git",
            level=BROKEN,
            where="this machine",
            found=f"{said or 'it says nothing'}.",
            why="delivery is read from git, in ways that older ones do not know.",
            mend=("install git 2.31 or later",),
        )
    return Finding(check="git", level=OK, where="this machine", found=f"{said}.")


def file_findings(file: Path, *, every_page: bool = True) -> Iterator[Finding]:
    """Give what is to be said of the file of an embedded store; nothing is made or changed.

    Args:
        file: the file, which may be missing.
        every_page: whether it is read as a whole.
    """
    folder = next((one for one in file.absolute().parents if one.exists()), Path("/"))
    yield writable(file, folder)
    yield free_space(shutil.disk_usage(folder).free, file.stat().st_size if file.exists() else 0, folder)
    yield file_system(_mounts(), folder)
    if file.exists():
        yield from _contents(file) if every_page else (journal_mode(file),)


def writable(file: Path, folder: Path) -> Finding:
    """Return whether the file of a store can be written, and its log beside it."""
    effective = os.access in os.supports_effective_ids
    for place, needed in ((folder, os.W_OK | os.X_OK), (file, os.R_OK | os.W_OK)):
        if place.exists() and not os.access(place, needed, effective_ids=effective):
            return Finding(
                check="file",
                level=BROKEN,
                where=str(place),
                found="this account cannot write it.",
                why="SQLite writes the file and, in the same folder, its log.",
                mend=(f"chmod u+rwX {place}", f"or, where it belongs to another account: chown $(id -un) {place}"),
            )
    there = (
        f"{file.stat().st_size:,} bytes, and it can be written."
        if file.exists()
        else "not there yet; the first command makes it."
    )
    return Finding(check="file", level=OK, where=str(file), found=there)


def free_space(free: int, size: int, folder: Path) -> Finding:
    """Return what is to be said of the disk.

    Args:
        free: bytes that are free.
        size: bytes of the store's file.
        folder: where it is.
    """
    why = "a disk that is full stops every command; nothing that was kept is lost by it."
    mend = (f"df -h {folder}", f"du -xh {folder} | sort -h | tail")
    if free < LEAST_FREE:
        return Finding(
            check="disk", level=WRONG, where=str(folder), found=f"{free >> 20:,} MiB are free.", why=why, mend=mend
        )
    if free < size:
        said = f"{free >> 20:,} MiB are free, less than the store itself has ({size >> 20:,} MiB)."
        why = "a copy of it, such as a backup beside it, does not fit."
        return Finding(check="disk", level=ADVICE, where=str(folder), found=said, why=why, mend=mend)
    return Finding(check="disk", level=OK, where=str(folder), found=f"{free >> 20:,} MiB are free.")


def file_system(mounts: str, folder: Path) -> Finding:
    """Return whether a folder is on a file system of another machine.

    Args:
        mounts: the text of `/proc/self/mountinfo` (Linux, proc(5)); empty where there is none.
        folder: the folder.
    """
    kind = _kind(mounts, folder.resolve())
    if kind in NETWORK or (kind.startswith("fuse.") and kind.removeprefix("fuse.") in _NETWORK_BY_FUSE):
        return Finding(
            check="file system",
            level=WRONG,
            where=str(folder),
            found=f"{kind}: the disk of another machine.",
            why="SQLite's log needs memory that all processes share: used from two machines, the file is damaged.",
            mend=("name a file on a disk of this machine, or a server, below `store` in iact.yaml",),
        )
    return Finding(check="file system", level=OK, where=str(folder), found=f"{kind or 'not known'}.")


def _kind(mounts: str, folder: Path) -> str:
    """Return the kind of the file system whose mount point is nearest above a folder; the later of two on one point."""
    best = (-1, "")
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(re.sub(r"\\(\d{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))
        if folder.is_relative_to(point) and len(point.parts) >= best[0]:
            best = len(point.parts), after.split()[0]
    return best[1]


def _mounts() -> str:
    try:
        return Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _contents(file: Path) -> Iterator[Finding]:
    try:
        with closing(looking_connection(file)) as connection:
            found = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(5)")]
    except (sqlite3.Error, OSError) as error:
        yield _damaged(file, str(error))
        return
    if found != ["ok"]:
        yield _damaged(file, "; ".join(found))
        return
    yield Finding(check="integrity", level=OK, where=str(file), found="every page is whole.")
    yield journal_mode(file)


def _damaged(file: Path, found: str) -> Finding:
    return Finding(
        check="integrity",
        level=BROKEN,
        where=str(file),
        found=f"{' '.join(found.split())}.",
        why="the file is damaged, by a disk, a copy made while it was written, or a program that is not SQLite.",
        mend=("restore a backup", f"or save what can be read: sqlite3 {file} .recover | sqlite3 {file}.recovered"),
    )


def _is_write_ahead(file: Path) -> bool:
    """Return whether the file has a write-ahead log.

    Where nobody has it open, byte 18 tells (SQLite, *Database File Format*), since a connection that promises to change
    nothing cannot. Where somebody has, SQLite is asked: this process may be the one, and closing a file that was opened
    beside SQLite would give away every lock that it holds on it (SQLite, *How To Corrupt An SQLite Database File*,
    2.2).
    """
    if is_open(file):
        with closing(looking_connection(file)) as connection:
            return bool(connection.execute("PRAGMA journal_mode").fetchone() == ("wal",))
    with file.open("rb") as opened:
        return opened.read(19)[18:] == b"\x02"


def journal_mode(file: Path) -> Finding:
    """Return what is to be said of how SQLite keeps its transactions."""
    if not _is_write_ahead(file):
        return Finding(
            check="journal mode",
            level=ADVICE,
            where=str(file),
            found="a rollback journal, not a write-ahead log.",
            why="reports wait for whoever writes; another program has set this.",
            mend=(f"sqlite3 {file} 'PRAGMA journal_mode = WAL'",),
        )
    said = "a write-ahead log: reports do not wait for whoever writes."
    return Finding(check="journal mode", level=OK, where=str(file), found=said)
