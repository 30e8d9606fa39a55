"""What a fact source and an action are handed by the engine."""

from __future__ import annotations

from collections.abc import Mapping
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionContext:
    """What an action may use.

    Attributes:
        engine: the store, for short transactions of the action's own.
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
