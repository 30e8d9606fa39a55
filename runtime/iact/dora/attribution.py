"""Which deployment an incident is the fault of; decisions only.

Three ways, the surest first. (1) A revert of what the deployment brought went out while the incident was open: high
confidence. (2) Somebody named the commit or the deployment: medium, for people err. (3) It is the last deployment of
the service before the incident, and not older than a limit: low. An incident that none of them links is no change
failure: the limit is there so that a deployment of months ago is not blamed (apache/incubator-devlake#8150).

Deployments are looked up by service and moment, so that incidents are never compared with all of them
(apache/incubator-devlake#8374).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import merge
from typing import Final

from iact.core.quantities import duration
from iact.dora.failures import EVIDENCE_LENGTH
from iact.dora.records import Deployment, Failure, Unattributed
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
        unattributed: the incidents of which no deployment is known to be the fault, each with the reason.
    """

    failures: tuple[Failure, ...]
    unattributed: tuple[Unattributed, ...]


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
    unattributed: list[Unattributed] = []
    for incident in sorted(incidents, key=lambda incident: (incident.opened_at, incident.key)):
        link = linking.link(incident)
        if link is None:
            unattributed.append(_unattributed(incident, linking.why_not(incident)))
        else:
            failures.append(_failure(incident, link, delivered))
    return Attributed(failures=tuple(_without_doubles(failures, signs, delivered)), unattributed=tuple(unattributed))


class _OfServices:
    """Deployments by service and moment; one that names no service is of all of them."""

    def __init__(self, deployments: Iterable[Deployment], services: Mapping[str, frozenset[str]]) -> None:
        self._every: list[Deployment] = sorted(deployments, key=_order)
        self._of_all: list[Deployment] = []
        self._of: dict[str, list[Deployment]] = defaultdict(list)
        for one in self._every:
            own = services.get(one.key, frozenset())
            for service in own:
                self._of[service].append(one)
            if not own:
                self._of_all.append(one)

    def latest(self, service: str | None, until: datetime) -> Iterator[Deployment]:
        """Walk the deployments of a service back in time from a moment on; None for those of every service."""
        lists = (self._every,) if service is None else (self._of.get(service, ()), self._of_all)
        yield from merge(*(_back(one, until) for one in lists), key=_order, reverse=True)


def _order(deployment: Deployment) -> tuple[datetime, str]:
    return deployment.deployed_at, deployment.key


def _back(ordered: Sequence[Deployment], until: datetime) -> Iterator[Deployment]:
    for place in range(bisect_right(ordered, until, key=lambda one: one.deployed_at) - 1, -1, -1):
        yield ordered[place]


class _Linking:
    """Finds the link of one incident after the other."""

    def __init__(self, signs: Iterable[Failure], delivered: Delivered, within: timedelta) -> None:
        self._delivered = delivered
        self._within = within
        self._deployed = _OfServices(delivered.deployments.values(), delivered.services)
        self._reverted: dict[str, list[datetime]] = defaultdict(list)
        self._mended: dict[str, list[Failure]] = defaultdict(list)
        for sign in sorted(signs, key=lambda sign: (sign.restored_at is None, sign.restored_at, sign.key)):
            if sign.kind == "revert" and sign.restored_at is not None and sign.restored_by is not None:
                self._reverted[sign.deployment].append(sign.restored_at)
                self._mended[sign.restored_by].append(sign)
        taken_back = [delivered.deployments[key] for key in self._reverted]
        self._taken_back = _OfServices(taken_back, delivered.services)
        self._by_id: dict[str, set[str]] = defaultdict(set)
        for (_, id_), key in delivered.told.items():
            self._by_id[id_].add(key)

    def link(self, incident: IncidentTold) -> _Link | None:
        """Return the surest link; None where there is none."""
        return self._by_revert(incident) or self._by_name(incident) or self._by_time(incident)

    def why_not(self, incident: IncidentTold) -> str:
        """Return why nothing links an incident, in words that are the same for all incidents like it."""
        limit = duration(self._within)
        of = "" if incident.service is None else f" of `{incident.service}`"
        reason = f"incidents{of} with no deployment{of and ' of it'} in the {limit} before them"
        if incident.sha is None and incident.deployment is None:
            return reason
        found = self._named_deployment(incident)
        what = "is not known" if found is None else "went out only after them"
        return f"{reason}, whose named deployment {what}"

    def _by_revert(self, incident: IncidentTold) -> _Link | None:
        """Return the last deployment whose revert went out while the incident was open."""
        for failed in self._recent(self._taken_back, incident):
            if _ended_by_one(incident, self._reverted[failed.key]):
                return _Link(failed.key, f"what {failed.name} brought was reverted while it lasted", "high")
        fix = self._delivered.first(incident.fixed_by) if incident.fixed_by else None
        for revert in self._mended.get(fix or "", ()):
            failed = self._delivered.deployments[revert.deployment]
            if failed.deployed_at <= incident.opened_at:
                return _Link(failed.key, f"what mended it reverted what {failed.name} brought", "high")
        return None

    def _by_name(self, incident: IncidentTold) -> _Link | None:
        """Return the deployment that somebody named; not one that came only after the incident."""
        if incident.deployment is not None:
            link = _named(self._told(incident), incident, f"the deployment {incident.deployment} was named")
            if link is not None:
                return link
        if incident.sha is not None:
            return _named(self._brought(incident.sha), incident, f"the commit {incident.sha[:_SHOWN]} was named")
        return None

    def _by_time(self, incident: IncidentTold) -> _Link | None:
        """Return the last deployment of the service before the incident, if it is recent."""
        last = next(self._recent(self._deployed, incident), None)
        return None if last is None else _Link(last.key, f"{last.name} was the last deployment before it", "low")

    def _recent(self, deployed: _OfServices, incident: IncidentTold) -> Iterator[Deployment]:
        """Walk the deployments of the incident's service that are not older than the limit, the latest first."""
        for one in deployed.latest(incident.service, incident.opened_at):
            if incident.opened_at - one.deployed_at > self._within:
                return
            yield one

    def _named_deployment(self, incident: IncidentTold) -> Deployment | None:
        told = self._told(incident) if incident.deployment is not None else None
        return told or (self._brought(incident.sha) if incident.sha is not None else None)

    def _told(self, incident: IncidentTold) -> Deployment | None:
        """Return the deployment of that id, of the incident's own source or else of the only source that has it."""
        own = self._delivered.told.get((incident.source, incident.deployment or ""))
        keys = self._by_id.get(incident.deployment or "", set())
        key = own if own is not None else next(iter(keys)) if len(keys) == 1 else None
        return self._delivered.deployments.get(key or "")

    def _brought(self, sha: str) -> Deployment | None:
        return self._delivered.deployments.get(self._delivered.first(sha) or "")


def _ended_by_one(incident: IncidentTold, moments: Sequence[datetime]) -> bool:
    """Return whether one of the ordered moments lies in the time for which an incident was open."""
    place = bisect_left(moments, incident.opened_at)
    return place < len(moments) and (incident.resolved_at is None or moments[place] <= incident.resolved_at)


def _named(deployment: Deployment | None, incident: IncidentTold, because: str) -> _Link | None:
    if deployment is None or deployment.deployed_at > incident.opened_at:
        return None
    return _Link(deployment.key, because, "medium")


def _unattributed(incident: IncidentTold, reason: str) -> Unattributed:
    return Unattributed(
        key=f"{KIND}/{incident.key}", opened_at=incident.opened_at, reason=reason, source=incident.source
    )


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
        evidence=f"{title}{link.because}"[:EVIDENCE_LENGTH],
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
