"""Events as tests tell them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from iact.dora.records import Deployment
from iact.dora.told import DeploymentTold, IncidentTold
from iact.sources.git.model import Release
from tests.support.histories import MONDAY

SHA = "a" * 40
OTHER = "b" * 40


def hours(count: float) -> datetime:
    """Return the moment so many hours after Monday."""
    return MONDAY + timedelta(hours=count)


def told(id_: str = "1", hour: float = 0, **fields: Any) -> DeploymentTold:
    """Return a deployment that was told."""
    usual: dict[str, Any] = {"source": "github", "environment": "production", "sha": SHA, "name": None, "service": None}
    return DeploymentTold(id=id_, deployed_at=hours(hour), **(usual | fields))


def incident(id_: str = "7", opened: float = 1, resolved: float | None = 2, **fields: Any) -> IncidentTold:
    """Return an incident that was told."""
    usual: dict[str, Any] = dict.fromkeys(("title", "environment", "service", "deployment", "sha", "fixed_by"))
    return IncidentTold(
        id=id_,
        opened_at=hours(opened),
        resolved_at=None if resolved is None else hours(resolved),
        **({"source": "github"} | usual | fields),
    )


def release(sha: str = SHA, hour: float = 0, name: str = "v1.0.0") -> Release:
    """Return what a tag shows."""
    return Release(sha=sha, name=name, names=(name,), deployed_at=hours(hour))


def deployment(key: str = SHA, hour: float = 0) -> Deployment:
    """Return a deployment of the store."""
    return Deployment(
        key=key,
        name=key[:4],
        names=(key[:4],),
        sha=key,
        deployed_at=hours(hour),
        previous=None,
        environment="production",
        source="github",
        changes=1,
        is_hotfix=False,
        first_known=False,
    )
