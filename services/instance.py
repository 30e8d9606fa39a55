"""One server in one folder: started, found again by a later process, stopped, and broken on purpose."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services import processes
from services.errors import ServiceError
from services.locking import locked
from services.processes import Process
from services.service import HOST, Service, Settings

_STOP_SECONDS: Final = 60
_SHOWN_LINES: Final = 30


@dataclass(frozen=True, slots=True)
class Running:
    """What is remembered of a server that was started.

    Attributes:
        process: the server.
        ports: the ports that it was given, by name.
        owner: the process at whose end the server is to be stopped; None keeps it until somebody asks.
    """

    process: Process
    ports: Mapping[str, int]
    owner: Process | None


@dataclass(frozen=True, slots=True)
class Instance:
    """A server of one kind whose files are all in one folder.

    Attributes:
        service: what kind of server.
        folder: its files; made where it is missing.
        cache: where the programs of all servers are.
        options: further options of its command line.
    """

    service: Service
    folder: Path
    cache: Path
    options: tuple[str, ...] = ()

    @property
    def log(self) -> Path:
        """What the server says."""
        return self.folder / "server.log"

    @property
    def _state(self) -> Path:
        return self.folder / "state.json"

    def start(self, *, owner: Process | None = None) -> Running:
        """Start the server, unless it runs, and return when it answers.

        Args:
            owner: the process at whose end it is to be stopped. A server that already runs keeps its owner, unless that
                one is gone; None keeps it running in any case.

        Raises:
            ServiceError: if it cannot be installed, or does not answer in time; its log is in the text.
        """
        with locked(self.folder / "lock"):
            running = self.running()
            if running is None:
                running = self._start(owner)
            elif running.owner is not None and (owner is None or not running.owner.is_alive):
                running = self._remember(Running(running.process, running.ports, owner))
        return running

    def stop(self, *, owner: Process | None = None) -> bool:
        """Stop the server in order; return whether there was one.

        Args:
            owner: stop it only if it was started for this process.
        """
        with locked(self.folder / "lock"):
            running = self.running()
            if running is None or (owner is not None and running.owner != owner):
                return False
            running.process.send(signal.SIGCONT)
            running.process.send(signal.SIGTERM)
            if not running.process.ended_within(_STOP_SECONDS):
                running.process.send(signal.SIGKILL)
                running.process.ended_within(_STOP_SECONDS)
            return True

    def kill(self) -> None:
        """End the server at once (`kill -9`), as a crash does; its files stay as they are."""
        process = self._process()
        process.send(signal.SIGKILL)
        if not process.ended_within(_STOP_SECONDS):
            message = f"{self.service.name} (process {process.pid}) outlives SIGKILL"
            raise ServiceError(message)

    def restart(self) -> Running:
        """Stop the server in order if it runs, and start it on the same ports."""
        self.stop()
        return self.start()

    def freeze(self) -> None:
        """Let the server do nothing from now on, with its connections open (`SIGSTOP`)."""
        self._process().send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        self._process().send(signal.SIGCONT)

    def running(self) -> Running | None:
        """Return what runs in this folder; None where nothing does, or what did has died."""
        try:
            kept = json.loads(self._state.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        owner = kept["owner"]
        running = Running(Process(**kept["process"]), kept["ports"], None if owner is None else Process(**owner))
        return running if running.process.is_alive else None

    @property
    def port(self) -> int:
        """The port that clients use, of the server that runs or ran last."""
        kept: dict[str, int] = json.loads(self._state.read_text(encoding="utf-8"))["ports"]
        return next(iter(kept.values()))

    @property
    def url(self) -> str:
        """How to connect to the server as its administrator."""
        return self.service.url(self.port)

    def last_lines(self) -> str:
        """Return the end of what the server said."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_SHOWN_LINES:])

    def _process(self) -> Process:
        running = self.running()
        if running is None:
            message = f"{self.service.name} does not run in {self.folder}"
            raise ServiceError(message)
        return running.process

    def _start(self, owner: Process | None) -> Running:
        settings = Settings(self.folder, self._ports(), self.options)
        self.service.install(self.cache)
        self.service.prepare(self.cache, settings)
        process = processes.start(self.service.command(self.cache, settings), log=self.log, folder=self.folder)
        running = self._remember(Running(process, settings.ports, owner))
        self._wait_until_it_answers(process, settings.port)
        return running

    def _wait_until_it_answers(self, process: Process, port: int) -> None:
        deadline = time.monotonic() + self.service.start_seconds
        while not self.service.answers(port):
            if process.is_alive and time.monotonic() < deadline:
                time.sleep(0.05)
                continue
            failing = "did not answer in time" if process.is_alive else "ended instead of answering"
            process.send(signal.SIGKILL)
            message = f"{self.service.name} {failing}. The end of {self.log}:\n{self.last_lines()}"
            raise ServiceError(message)

    def _remember(self, running: Running) -> Running:
        owner = running.owner
        kept = {
            "service": self.service.name,
            "process": {"pid": running.process.pid, "started": running.process.started},
            "ports": dict(running.ports),
            "owner": None if owner is None else {"pid": owner.pid, "started": owner.started},
        }
        writing = self._state.with_name("state.json.new")
        writing.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        writing.replace(self._state)
        return running

    def _ports(self) -> dict[str, int]:
        """Return a free port for every name: those of the last time where they are still free."""
        try:
            kept: dict[str, int] = json.loads(self._state.read_text(encoding="utf-8"))["ports"]
        except FileNotFoundError:
            kept = {}
        return {name: _free_port(kept.get(name, 0)) for name in self.service.ports}

    def remove(self) -> None:
        """Stop the server and remove its files."""
        self.stop()
        shutil.rmtree(self.folder)


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    message = f"there is no free port on {HOST}"
    raise ServiceError(message)


def cache_folder() -> Path:
    """Return where programs are kept for every checkout of this user (XDG base directories)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "iact-services"
