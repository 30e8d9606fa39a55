"""What a kind of server has to know about itself, and the list of those there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

HOST: Final = "127.0.0.1"
"""No server listens to anybody but this machine."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What one server is started with.

    Attributes:
        folder: all its files are below it.
        ports: a free port for every name in `Service.ports`; the first is the one that clients use.
        options: further options of its command line, after ours, so that they win.
    """

    folder: Path
    ports: Mapping[str, int]
    options: tuple[str, ...] = ()

    @property
    def port(self) -> int:
        """The port that clients use."""
        return next(iter(self.ports.values()))

    @property
    def data(self) -> Path:
        """Where the server keeps what it is told."""
        return self.folder / "data"


class Service(ABC):
    """A kind of server: how it is installed, prepared, started and asked whether it is there.

    Attributes:
        name: what it is called here, and in `compose.yaml`.
        ports: what its ports are for; the first is the one that clients use.
        container_ports: the same ports within its container.
        start_seconds: how long it may take until it answers.
    """

    name: ClassVar[str]
    ports: ClassVar[tuple[str, ...]] = ("port",)
    container_ports: ClassVar[tuple[int, ...]]
    start_seconds: ClassVar[int] = 60

    @abstractmethod
    def install(self, cache: Path) -> None:
        """Bring its programs into a folder below `cache`; where they are, do nothing.

        Raises:
            ServiceError: if they cannot be had.
        """

    @abstractmethod
    def prepare(self, cache: Path, settings: Settings) -> None:
        """Make the files that it needs before its first start; where they are, do nothing."""

    @abstractmethod
    def command(self, cache: Path, settings: Settings) -> list[str]:
        """Return the command that runs it in the foreground."""

    @abstractmethod
    def answers(self, port: int) -> bool:
        """Tell whether it takes clients on `port`."""

    @abstractmethod
    def url(self, port: int) -> str:
        """Return how to connect to it as its administrator."""

    @abstractmethod
    def client(self, port: int) -> str:
        """Return a command that a person may type to look into it."""


SERVICES: Final[dict[str, Service]] = {}
"""Every kind of server, by its name; filled by importing `services.servers`."""


def service(name: str) -> Callable[[type[Service]], type[Service]]:
    """Register a kind of server under `name`."""

    def register(kind: type[Service]) -> type[Service]:
        kind.name = name
        SERVICES[name] = kind()
        return kind

    return register
