"""The data of time zones, as this machine has it."""

from __future__ import annotations

import base64
import zoneinfo
from importlib import resources
from pathlib import Path

from iact.core.pinned_calendar import UTC_DATA


def zone_record(name: str) -> dict[str, str]:
    """Return a time zone's name and data in base 64, for a pinned calendar.

    Args:
        name: such as Europe/Berlin; it was checked before.

    Raises:
        LookupError: if this machine has no data of it.
    """
    if name == "UTC":
        return {"name": name, "data": UTC_DATA}
    return {"name": name, "data": base64.b64encode(_data(name)).decode("ascii")}


def _data(name: str) -> bytes:
    """Return what `zoneinfo` itself would read: the system's data, else that of the package tzdata (PEP 615)."""
    for folder in zoneinfo.TZPATH:
        file = Path(folder, name)
        if file.is_file():
            return file.read_bytes()
    try:
        package = resources.files("tzdata.zoneinfo")
    except ModuleNotFoundError:
        message = f"this machine has no data of the time zone {name}"
        raise LookupError(message) from None
    return package.joinpath(*name.split("/")).read_bytes()
