"""What a fact source and an action are handed by the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from iact.core.facts import FactSet

if TYPE_CHECKING:
    # Whatever declares facts and actions imports this module, and declaring needs no store.
    from sqlalchemy.engine import Connection, Engine

    from iact.engine.definitions import Definition


@dataclass(frozen=True, slots=True, kw_only=True)
class FactContext:
    """What a fact source may look at. It reads, and changes nothing.

    Attributes:
        connection: reads the store as of one moment.
        project: the project that every key starts with.
        run: the run that wants to decide.
        subject: what the run is about.
        now: the moment for which the facts are wanted, UTC.
        inputs: what the run was started with, as facts named `input.…`.
        remembered: the facts that the run carries on with.
        definitions: what the run pinned when it started, by `Kind/name`.
        services: what the host supplies, such as the folder of the project.
    """

    connection: Connection
    project: str
    run: str
    subject: str
    now: datetime
    inputs: FactSet
    remembered: FactSet
    definitions: Mapping[str, Definition]
    services: Mapping[str, Any]


def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionContext:
    """What an action may use.

    Attributes:
        engine: the store, for short transactions of the action's own: a server takes back one that waits for something
            else than the store, and it is tried again (ADR 0059).
        project: the project that every key starts with.
        key: the same for every attempt of this one action, and for no other: its idempotency key.
        run: the run that decided it.
        subject: what the run is about.
        now: the moment of this attempt, UTC.
        inputs: what the run was started with, as facts named `input.…`.
        remembered: the facts that the run carries on with.
        definitions: what the run pinned when it started, by `Kind/name`.
        services: what the host supplies, such as the folder of the project.
        repeats: whether it may have been done before, which cannot be told: whoever receives it has to be told so.
        is_wanted: asks the store whether the run is still this process's to advance. An action asks right before a deed
            that cannot be undone, since the process may have been paused for hours; what it answers then, nobody reads.
            A deed that is one compare-and-swap of something that never comes back needs no such question (ADR 0058).
    """

    engine: Engine
    project: str
    key: str
    run: str
    subject: str
    now: datetime
    inputs: FactSet
    remembered: FactSet
    definitions: Mapping[str, Definition]
    services: Mapping[str, Any]
    repeats: bool = False
    is_wanted: Callable[[], bool] = _always
