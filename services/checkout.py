"""The servers of this checkout: where each keeps its files, and those that somebody forgot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import services.servers  # noqa: F401 - importing it registers the servers
from services.instance import Instance, Running, cache_folder
from services.service import SERVICES, Service

FOLDER: Final = Path(__file__).parents[1] / ".services"
"""Where the servers of this checkout keep their files; git ignores it."""


def instance(name: str, *, purpose: str = "", options: tuple[str, ...] = ()) -> Instance:
    """Return a server of this checkout.

    Args:
        name: what kind of server.
        purpose: what it is for, when it is not the one that everybody shares.
        options: further options of its command line.
    """
    folder = FOLDER / (f"{name}-{purpose}" if purpose else name)
    return Instance(SERVICES[name], folder, cache_folder(), options)


def orphans() -> list[Instance]:
    """Return the running servers whose owner is gone, as after tests that were killed."""
    found = [
        Instance(_service_of(state), state.parent, cache_folder()) for state in sorted(FOLDER.glob("*/state.json"))
    ]
    return [server for server in found if _is_orphan(server.running())]


def _is_orphan(running: Running | None) -> bool:
    return running is not None and running.owner is not None and not running.owner.is_alive


def _service_of(state: Path) -> Service:
    return SERVICES[json.loads(state.read_text(encoding="utf-8"))["service"]]
