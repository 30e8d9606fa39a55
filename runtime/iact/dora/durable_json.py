"""A JSON file that many processes change and that no crash leaves half written.

A change is made to a copy beside the file, which is forced to disk and then takes the file's place in one step
(`rename(2)` is atomic in a folder, POSIX.1-2017). A lock on the folder lets one process change it at a time, and leaves
no file behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from iact.core.errors import ConfigurationError, EnvironmentProblemError

_NEW_FILE: Final = 0o644


def read_json(path: Path) -> Any:
    """Return what a file holds, or None where there is none.

    Raises:
        EnvironmentProblemError: if it cannot be read or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        message = f"{path} is damaged: {error}. Restore it from a backup, or move it away to start a new one."
        raise EnvironmentProblemError(message) from error
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}. Check its permissions."
        raise EnvironmentProblemError(message) from error


def change_json(path: Path, change: Callable[[Any], Any]) -> None:
    """Replace what a file holds by what `change` makes of it; a crash leaves the old or the new, never half.

    Args:
        path: the file; where it is a link, what it leads to.
        change: is handed the content, None where there is no file, and returns the new content.

    Raises:
        EnvironmentProblemError: if the file is damaged, or cannot be read or written.
        ConfigurationError: if the new content is nothing that JSON can hold.
    """
    target = path.resolve()
    try:
        with _locked(target.parent) as folder:
            content = _dump(change(read_json(target)))
            _write(target.with_name(f"{target.name}.tmp"), content, like=target)
            os.replace(f"{target.name}.tmp", target.name, src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
    except OSError as error:
        message = f"{path} cannot be written: {error.strerror}. Check the folder, its permissions and the free space."
        raise EnvironmentProblemError(message) from error


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        # Closing gives the lock back; so does the kernel when the process dies.
        os.close(descriptor)


def _write(path: Path, content: bytes, *, like: Path) -> None:
    # What a crash left behind under this name is overwritten: whoever holds the lock is the only one to write it.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _NEW_FILE)
    with os.fdopen(descriptor, "wb") as file:
        if like.exists():
            os.fchmod(file.fileno(), stat.S_IMODE(like.stat().st_mode))
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _dump(content: Any) -> bytes:
    try:
        return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n"
    except (TypeError, ValueError, RecursionError) as error:
        message = f"this cannot be written as JSON: {error}"
        raise ConfigurationError(message) from error


def _refuse(constant: str) -> Any:
    message = f"{constant} is no number that JSON has"
    raise ValueError(message)
