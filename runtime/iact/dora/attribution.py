"""Which deployment an incident is the fault of; decisions only.

Three ways, the surest first. (1) A revert of what the deployment brought went out while the incident was open: high
confidence. (2) Somebody named the commit or the deployment: medium, for people err. (3) It is the last deployment of
the service before the incident, and not older than a limit: low. An incident that none of them links is no change
failure: the limit is there so that a deployment of months ago is not blamed (apache/incubator-devlake#8150).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from iact.dora.failures import EVIDENCE_LENGTH
from iact.dora.records import Deployment, Failure
from iact.dora.told import IncidentTold

KIND: Final = "incident"
_SHOWN: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What was deployed, as attribution needs it.

    Attributes:
        deployments: all deployments by key.
        services: which services each deployed; none: all of the repository.
        told: the key of each deployment that was told, by source and id.
        first: returns the key of the first deployment that contains a commit, which may be abbreviated.
    """

    deployments: Mapping[str, Deployment]
    services: Mapping[str, frozenset[str]]
    told: Mapping[tuple[str, str], str]
    first: Callable[[str], str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """What became of the incidents.

    Attributes:
        failures: those of which a deployment is the fault, and the signs in git that tell of none of them.
        unlinked: the incidents of which no deployment is known to be the fault.
    """

    failures: tuple[Failure, ...]
    unlinked: tuple[IncidentTold, ...]


@dataclass(frozen=True, slots=True)
class _Link:
    """Why a deployment is the fault of an incident."""

    deployment: str
    because: str
    confidence: str


def attribute(
    incidents: Iterable[IncidentTold], signs: Sequence[Failure], delivered: Delivered, within: timedelta
) -> Attributed:
    """Link each incident to the deployment that is its fault.

    A failure never counts twice: a revert or hot fix of a deployment that an incident tells of is that incident's end,
    and no failure of its own.

    Args:
        incidents: those of the environment that is deployed to.
        signs: the failures that git shows.
        delivered: what was deployed.
        within: how long after a deployment an incident opens that only time and service link to it.
    """
    linking = _Linking(signs, delivered, within)
    failures: list[Failure] = []
    unlinked: list[IncidentTold] = []
    for incident in sorted(incidents, key=lambda incident: (incident.opened_at, incident.key)):
        link = linking.link(incident)
        if link is None:
            unlinked.append(incident)
        else:
            failures.append(_failure(incident, link, delivered))
    return Attributed(failures=tuple(_without_doubles(failures, signs, delivered)), unlinked=tuple(unlinked))


class _Linking:
    """Finds the link of one incident after the other."""

    def __init__(self, signs: Iterable[Failure], delivered: Delivered, within: timedelta) -> None:
        self._delivered = delivered
        self._within = within
        self._ordered = sorted(delivered.deployments.values(), key=lambda one: (one.deployed_at, one.key))
        self._moments = [one.deployed_at for one in self._ordered]
        reverts = [sign for sign in signs if sign.kind == "revert" and sign.restored_by is not None]
        ended = sorted((sign.restored_at, sign.key, sign) for sign in reverts if sign.restored_at is not None)
        self._restored = [restored_at for restored_at, _, _ in ended]
        self._reverts = [sign for _, _, sign in ended]
        self._mended: dict[str, list[Failure]] = {}
        for sign in self._reverts:
            self._mended.setdefault(sign.restored_by or "", []).append(sign)
        self._by_id: dict[str, set[str]] = {}
        for (_, id_), key in delivered.told.items():
            self._by_id.setdefault(id_, set()).add(key)

    def link(self, incident: IncidentTold) -> _Link | None:
        """Return the surest link; None where there is none."""
        return self._by_revert(incident) or self._by_name(incident) or self._by_time(incident)

    def _by_revert(self, incident: IncidentTold) -> _Link | None:
        """Return the last deployment whose revert went out while the incident was open."""
        while_open = [
            failed
            for revert in self._ended_while_open(incident)
            if self._is_recent(failed := self._delivered.deployments[revert.deployment], incident)
            and self._serves(failed, incident)
        ]
        last = max(while_open, key=lambda failed: (failed.deployed_at, failed.key), default=None)
        if last is not None:
            return _Link(last.key, f"what {last.name} brought was reverted while it lasted", "high")
        fix = self._delivered.first(incident.fixed_by) if incident.fixed_by else None
        for revert in self._mended.get(fix or "", ()):
            failed = self._delivered.deployments[revert.deployment]
            if failed.deployed_at <= incident.opened_at:
                return _Link(failed.key, f"what mended it reverted what {failed.name} brought", "high")
        return None

    def _ended_while_open(self, incident: IncidentTold) -> Sequence[Failure]:
        first = bisect_left(self._restored, incident.opened_at)
        if incident.resolved_at is None:
            return self._reverts[first:]
        return self._reverts[first : bisect_right(self._restored, incident.resolved_at)]

    def _by_name(self, incident: IncidentTold) -> _Link | None:
        """Return the deployment that somebody named; not one that came only after the incident."""
        if incident.deployment is not None:
            link = self._named(self._told(incident), incident, f"the deployment {incident.deployment} was named")
            if link is not None:
                return link
        if incident.sha is not None:
            key = self._delivered.first(incident.sha)
            return self._named(key, incident, f"the commit {incident.sha[:_SHOWN]} was named")
        return None

    def _told(self, incident: IncidentTold) -> str | None:
        """Return the deployment of that id, of the incident's own source or else of the only source that has it."""
        own = self._delivered.told.get((incident.source, incident.deployment or ""))
        if own is not None:
            return own
        keys = self._by_id.get(incident.deployment or "", set())
        return next(iter(keys)) if len(keys) == 1 else None

    def _named(self, key: str | None, incident: IncidentTold, because: str) -> _Link | None:
        deployment = self._delivered.deployments.get(key or "")
        if deployment is None or deployment.deployed_at > incident.opened_at:
            return None
        return _Link(deployment.key, because, "medium")

    def _by_time(self, incident: IncidentTold) -> _Link | None:
        """Return the last deployment of the service before the incident, if it is recent."""
        for place in range(bisect_right(self._moments, incident.opened_at) - 1, -1, -1):
            deployment = self._ordered[place]
            if not self._is_recent(deployment, incident):
                return None
            if self._serves(deployment, incident):
                return _Link(deployment.key, f"{deployment.name} was the last deployment before it", "low")
        return None

    def _is_recent(self, deployment: Deployment, incident: IncidentTold) -> bool:
        return timedelta(0) <= incident.opened_at - deployment.deployed_at <= self._within

    def _serves(self, deployment: Deployment, incident: IncidentTold) -> bool:
        services = self._delivered.services.get(deployment.key, frozenset())
        return incident.service is None or not services or incident.service in services


def _failure(incident: IncidentTold, link: _Link, delivered: Delivered) -> Failure:
    mended_by = delivered.first(incident.fixed_by) if incident.fixed_by else None
    title = f"{incident.title}: " if incident.title else ""
    return Failure(
        key=f"{KIND}/{incident.key}",
        kind=KIND,
        deployment=link.deployment,
        started_at=incident.opened_at,
        restored_at=incident.resolved_at,
        restored_by=mended_by,
        evidence=f"{title}{link.because} ({link.confidence} confidence)"[:EVIDENCE_LENGTH],
        source=incident.source,
        confidence=link.confidence,
    )


def _without_doubles(incidents: Sequence[Failure], signs: Iterable[Failure], delivered: Delivered) -> Iterator[Failure]:
    """Yield the incidents, each with the deployment that mended it, and the signs that tell of none of them."""
    of_deployment: dict[str, list[int]] = {}
    for place, failure in enumerate(incidents):
        of_deployment.setdefault(failure.deployment, []).append(place)
    told = list(incidents)
    for sign in signs:
        absorbing = _absorbing(sign, [(place, incidents[place]) for place in of_deployment.get(sign.deployment, ())])
        if absorbing is None:
            yield sign
        elif told[absorbing].restored_by is None and sign.restored_by in delivered.deployments:
            told[absorbing] = replace(told[absorbing], restored_by=sign.restored_by)
    yield from told


def _absorbing(sign: Failure, incidents: Sequence[tuple[int, Failure]]) -> int | None:
    """Return the place of the last incident that opened before the sign's repair went out."""
    before = [
        (failure.started_at, place)
        for place, failure in incidents
        if sign.restored_at is None or failure.started_at <= sign.restored_at
    ]
    return max(before)[1] if before else None
