"""The payloads that are understood: one class each, found in this package's folders and registered by decorator.

A parser is a pure function of one JSON object, so that a file, an archive and a webhook are read alike.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, TypeVar

from iact.core.registry import Registry
from iact.sources.events.model import Event

T = TypeVar("T")


class Payload(Protocol):
    """One sort of payload."""

    def recognises(self, document: Mapping[str, Any]) -> bool:
        """Return whether a JSON object has the shape of this payload; of all sorts, at most one recognises it."""

    def events(self, document: Mapping[str, Any]) -> Iterable[Event]:
        """Return what it tells; nothing where it says nothing about delivery.

        Raises:
            EventError: if it lacks what it must have.
        """

    def repository(self, document: Mapping[str, Any]) -> str | None:
        """Return the full name of the repository that it is about, such as `shop/web`; None where it says none."""


PAYLOADS: Final[Registry[type[Payload]]] = Registry("payload")
_FOLDERS: Final = ("iact.sources.events.github", "iact.sources.events.gitlab")


def payload(name: str) -> Callable[[type[T]], type[T]]:
    """Declare a class as the parser of the payload called `name`, such as `github/deployment`."""

    def declare(cls: type[T]) -> type[T]:
        PAYLOADS.add(name, cls)  # type: ignore[arg-type]  # a class decorator cannot say "any class that fits"
        return cls

    return declare


def recognised(document: Mapping[str, Any]) -> Payload | None:
    """Return the parser that recognises a JSON object; None where none does."""
    return next((parser for parser in _parsers() if parser.recognises(document)), None)


@functools.cache
def _parsers() -> tuple[Payload, ...]:
    for folder in _FOLDERS:
        package = importlib.import_module(folder)
        for module in pkgutil.iter_modules(package.__path__, f"{folder}."):
            importlib.import_module(module.name)
    return tuple(PAYLOADS[name]() for name in PAYLOADS)
