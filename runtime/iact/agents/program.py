"""Running another program: no shell, a bounded time and output, and nothing of it left behind."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import IO, Final

from iact.agents.guard import GUARD

ERRORS_KEPT: Final = 8_192
"""Bytes of what a program says on standard error that are kept: the last, where the cause stands."""
_CHUNK: Final = 65_536
_LOOK_AGAIN: Final = 0.1
"""Seconds after which it is asked whether the program has ended, even where a child of it holds its output open."""
_GRACE: Final = 2.0
"""Seconds between asking a program to end and ending it."""


class Stopped(StrEnum):
    """Why a program was stopped."""

    NOT = ""
    TIME = "time"
    OUTPUT = "output"
    LEAVING = "leaving"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a program ended.

    Attributes:
        code: its exit code; that of a signal is negative, as in `subprocess`.
        output: what it wrote on standard output.
        errors: the last of what it wrote on standard error.
        stopped: why it was stopped; empty where it ended by itself.
    """

    code: int
    output: bytes
    errors: bytes
    stopped: Stopped

    @property
    def signal(self) -> str:
        """The signal that ended it, such as SIGKILL; empty where it ended by itself."""
        if self.code >= 0:
            return ""
        try:
            return signal.Signals(-self.code).name
        except ValueError:  # a real-time signal has a number and no name
            return f"signal {-self.code}"


@dataclass(slots=True)
class _Heard:
    output: bytearray = field(default_factory=bytearray)
    errors: bytearray = field(default_factory=bytearray)


_LEAVING: Final = threading.Event()


def end_all() -> None:
    """Let every program that this process runs come to an end, and start none any more: the process itself is ending.

    Returns at once; each program is asked to end, and ended soon afterwards, by whoever waits for it.
    """
    _LEAVING.set()


def is_leaving() -> bool:
    """Return whether this process is ending, so that it starts no programs."""
    return _LEAVING.is_set()


def run(  # noqa: PLR0913 - what a program is run with, each by its name
    command: Sequence[str],
    *,
    folder: Path,
    environment: Mapping[str, str],
    given: bytes,
    timeout: timedelta,
    most: int,
) -> Ended:
    """Run a program to its end, and then end whatever it has started and left in its process group.

    Args:
        command: the program, as a path, and its arguments.
        folder: where it runs.
        environment: all of its environment.
        given: what it reads on standard input.
        timeout: how long it may take.
        most: how many bytes it may write on standard output.

    Raises:
        OSError: if it cannot be started.
    """
    heard = _Heard()
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    ) as process:
        GUARD.begins(process.pid)
        try:
            stopped = _talk(process, heard, given, time.monotonic() + timeout.total_seconds(), most)
        finally:
            _end_group(process)
            GUARD.has_ended(process.pid)
    return Ended(
        code=process.returncode, output=bytes(heard.output[:most]), errors=bytes(heard.errors), stopped=stopped
    )


def _talk(process: subprocess.Popen[bytes], heard: _Heard, given: bytes, deadline: float, most: int) -> Stopped:
    """Give a program its input and hear its output until it ends or has to be stopped."""
    left = memoryview(given)
    with selectors.DefaultSelector() as ready:
        for stream, event in _streams(process):
            os.set_blocking(stream.fileno(), False)
            ready.register(stream, event)
        while ready.get_map():
            remaining = deadline - time.monotonic()
            if stopped := _why_to_stop(remaining):
                return stopped
            has_ended = process.poll() is not None
            events = ready.select(0 if has_ended else min(remaining, _LOOK_AGAIN))
            for key, _ in events:
                if key.fileobj is process.stdin:
                    left = _give(ready, process.stdin, left)
                else:
                    _hear(ready, key.fileobj, heard, is_output=key.fileobj is process.stdout)  # type: ignore[arg-type]  # only pipes were registered
            if len(heard.output) > most:
                return Stopped.OUTPUT
            if has_ended and not [key for key, _ in events if key.fileobj is not process.stdin]:
                return Stopped.NOT  # what is still open belongs to a child that was left behind
    while process.poll() is None:
        remaining = deadline - time.monotonic()
        if stopped := _why_to_stop(remaining):
            return stopped
        with suppress(subprocess.TimeoutExpired):
            process.wait(min(remaining, _LOOK_AGAIN))
    return Stopped.NOT


def _why_to_stop(remaining: float) -> Stopped:
    """Return why a program has to be stopped that may take so many more seconds."""
    if is_leaving():
        return Stopped.LEAVING
    return Stopped.TIME if remaining <= 0 else Stopped.NOT


def _streams(process: subprocess.Popen[bytes]) -> list[tuple[IO[bytes], int]]:
    assert process.stdin is not None and process.stdout is not None and process.stderr is not None  # noqa: S101, PT018 - all three are pipes
    read, write = selectors.EVENT_READ, selectors.EVENT_WRITE
    return [(process.stdin, write), (process.stdout, read), (process.stderr, read)]


def _give(ready: selectors.BaseSelector, stream: IO[bytes], left: memoryview) -> memoryview:
    """Write what fits; a program that does not read what it is given is no error of ours."""
    try:
        left = left[os.write(stream.fileno(), left[:_CHUNK]) :] if left else left
    except BrokenPipeError:
        left = left[:0]
    if not left:
        ready.unregister(stream)
        with suppress(BrokenPipeError):
            stream.close()
    return left


def _hear(ready: selectors.BaseSelector, stream: IO[bytes], heard: _Heard, *, is_output: bool) -> None:
    chunk = os.read(stream.fileno(), _CHUNK)
    if not chunk:
        ready.unregister(stream)
    elif is_output:
        heard.output += chunk
    else:
        heard.errors += chunk
        del heard.errors[:-ERRORS_KEPT]


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the program and everything in its process group: first asking, then not."""
    if process.poll() is None:
        _signal(process, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    # A group that is gone is what is wanted; macOS says PermissionError where only zombies are left in it.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)
