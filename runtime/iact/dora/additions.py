"""Adding what is new to what is known, where nothing that is known changes by it.

Putting everything together again costs what there is; this costs what is new. It does for the usual day: commits were
pushed, deployments went out after all known ones, incidents opened or ended. Each check below names something known
that what is new might change; where one of them fails, what was written is taken back, and everything is put together
again (`iact.dora.collect`). So both ways leave the same rows (docs/adr/0021-adding-only-what-is-new.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, cast

from sqlalchemy.engine import Connection

from iact.core import instants
from iact.dora import known, news, store, told_deployments, unattributed
from iact.dora.attribution import KIND as INCIDENT
from iact.dora.attribution import Delivered, attribute
from iact.dora.deploying import Deploying, combine
from iact.dora.events import Told, first_deployments, incidents_seen, told_deployments_of
from iact.dora.recorder import Recorder
from iact.dora.recorder.ending import Cursor
from iact.dora.told import DeploymentTold, IncidentTold, merged_heads
from iact.dora.updating import Update, read_update
from iact.sources.events.model import ChangeEvent
from iact.sources.events.rules import EventRules, Use
from iact.sources.git.command import Git
from iact.sources.git.refs import Refs, full_ids
from iact.sources.git.rules import GitRules
from iact.sources.git.update import Known, why_branch_reread

MOST_UNFOUND: Final = 1_000
"""How many names of incidents and deployments are remembered that nothing is known of yet."""

_ID: Final = "="
"""What a deployment's id begins with among names; no commit's does."""
_LEAST: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What was added.

    Attributes:
        update: what was read of git.
        cursor: where this reading ended.
    """

    update: Update
    cursor: Cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What is read, and into what.

    Attributes:
        connection: in the transaction of the reading.
        project: the project.
        repository: the repository's key in it.
        git: the repository.
        shown: its branches, and the deployments that git shows.
        rules: what in it is a deployment and a failure.
        events: what of the told counts.
    """

    connection: Connection
    project: str
    repository: str
    git: Git
    shown: Refs
    rules: GitRules
    events: EventRules

    @property
    def key(self) -> tuple[str, str]:
        """The project and the repository's key in it."""
        return self.project, self.repository


class _ChangesWhatIsKnown(Exception):  # noqa: N818 - it is no error: it ends the attempt
    """What is new cannot just be added."""


@dataclass(frozen=True, slots=True)
class _New:
    """What was told since the last reading.

    Attributes:
        deployments: deployments of which nothing was known.
        incidents: each incident as it was told before and as it is now; None where it is none.
        heads: whether it became known, or changed, which commit merged a branch.
    """

    deployments: Sequence[DeploymentTold]
    incidents: Sequence[tuple[IncidentTold | None, IncidentTold | None]]
    heads: bool


def add(place: Place, before: Cursor | None, after: Cursor) -> Added | None:
    """Add what is new; None, and nothing written, where that is not all there is to do.

    Args:
        place: what is read, and into what.
        before: where the last reading ended.
        after: where this one ends.
    """
    if before is None or not after.goes_on_from(before):
        return None
    try:
        with place.connection.begin_nested():
            return _Adding(place, before, after).run()
    except _ChangesWhatIsKnown:
        return None


class _Adding:
    """One attempt."""

    def __init__(self, place: Place, before: Cursor, after: Cursor) -> None:
        self._place, self._before, self._after = place, before, after
        self._connection, self._key = place.connection, place.key
        self._recorder = Recorder(place.connection, place.project, place.repository)
        self._signs = place.rules.failed_by_revert or place.rules.hotfix_within is not None

    def run(self) -> Added:
        new = self._told()
        deploying = self._deploying(new.deployments)
        update = self._read(deploying)
        self._check_signs_of(deploying, update)
        self._check_names(update, new)
        told_deployments.add(self._connection, self._key, deploying)
        unfound = self._judge([pair for pair in new.incidents if pair[0] != pair[1]])
        news.forget(self._connection, self._key)
        opened = [instants.write(now.opened_at) for _, now in new.incidents if now is not None]
        latest = max((*opened, self._before.last_incident or ""), default="") or None
        cursor = dataclasses.replace(self._after, last_incident=latest, unfound=unfound, outside=self._before.outside)
        return Added(update=update, cursor=cursor)

    def _told(self) -> _New:
        """Return what is new of what was told; a known deployment of which something else is told now is too much."""
        rules, environment = self._place.events, self._place.rules.environment
        waiting = news.unread(self._connection, self._key)
        _require(waiting is not None)
        deployments: list[DeploymentTold] = []
        incidents: list[tuple[IncidentTold | None, IncidentTold | None]] = []
        heads = False
        for thing, told in (waiting or {}).items():
            if thing.kind == INCIDENT:
                was, now = (incidents_seen(events, rules, environment) for events in (told.before, told.now))
                incidents.append((next(iter(was), None), next(iter(now), None)))
            elif thing.kind == "change":
                merges = [merged_heads(cast("Iterable[ChangeEvent]", one)) for one in (told.before, told.now)]
                heads = heads or merges[0] != merges[1]
            else:
                known_before, known_now = (
                    told_deployments_of(thing.kind, events, rules, environment) for events in (told.before, told.now)
                )
                _require(not known_before or known_before == known_now)
                deployments += [] if known_before else known_now
        return _New(deployments, incidents, heads)

    def _deploying(self, deployments: Sequence[DeploymentTold]) -> Deploying:
        """Return the new deployments, each the first of its commit and later than all that is known."""
        if not deployments:
            return Deploying(releases=())
        commits = full_ids(self._place.git, (one.sha for one in deployments if one.sha is not None))
        shas = {commits[one.sha] for one in deployments if one.sha in commits}
        _require(len(shas) == len(deployments))
        _require(shas.isdisjoint(release.sha for release in self._place.shown.releases))
        _require(not known.moments(self._connection, self._key, shas))
        newest = known.newest_deployment(self._connection, self._key)
        _require(newest is not None)
        if newest is not None:
            _require(all(one.deployed_at > newest[0] for one in deployments))
            # Between the first and the last told deployment tags are only names.
            _require(self._place.events.deployments is not Use.REPLACE or "git" not in newest[1])
        delivered = self._recorder.changes.first_deployments(sorted(shas))
        _require(not any(delivered.values()))
        ids = {one.id for one in deployments}
        _require(not told_deployments.by_ids(self._connection, self._key, ids))
        _require(self._before.unfound is not None and ids.isdisjoint(_ids(self._before.unfound)))
        first = instants.write(min(one.deployed_at for one in deployments))
        _require(self._before.last_incident is None or first > self._before.last_incident)
        return combine((), deployments, commits, self._place.events.deployments)

    def _read(self, deploying: Deploying) -> Update:
        """Read what is new of git."""
        place, before = self._place, self._before
        if not deploying.releases and place.shown.mainline.tip == before.mainline:
            return Update()
        _require(why_branch_reread(place.git, place.shown.mainline, before.mainline, newest=None) is None)
        _require(before.outside is not None and not full_ids(place.git, before.outside))
        recent = known.recent_deployments(self._connection, self._key)
        earlier = Known(
            mainline=before.mainline,
            merges_to=None,
            releases=known.KnownReleases(self._recorder, self._connection, self._key),
            delivered=self._recorder.changes.delivered(recent),
        )
        refs = dataclasses.replace(place.shown, releases=deploying.releases)
        return read_update(place.git, refs, place.rules, self._recorder, earlier)

    def _check_signs_of(self, deploying: Deploying, update: Update) -> None:
        """Refuse where git shows a failure, or the end of one, by what is new."""
        rules = self._place.rules
        if rules.failed_by_revert:
            _require(not known.has_revert(self._connection, self._key, update.touched))
        if rules.hotfix_within is not None:
            _require(not deploying.releases)

    def _check_names(self, update: Update, new: _New) -> None:
        """Refuse where an incident that was told before names a commit that is deployed now."""
        unfound = self._before.unfound
        if not (update.delivered or new.heads):
            return
        _require(unfound is not None)
        names = [name for name in unfound or () if not name.startswith(_ID)]
        if not names:
            return
        _require(not known.is_change_told(self._connection, self._key))
        _require(not any(sha.startswith(name) for name in names for sha in update.delivered))

    def _judge(self, pairs: Sequence[tuple[IncidentTold | None, IncidentTold | None]]) -> Sequence[str] | None:
        """Say of which deployment each new or changed incident is the fault; return what is unfound."""
        unfound = self._before.unfound
        if not pairs:
            return unfound
        keys = [f"{INCIDENT}/{one.key}" for one in {(was or now) for was, now in pairs} if one is not None]
        for failed in known.faults(self._connection, self._key, keys):
            self._check_signs_at(failed)
        incidents = tuple(now for _, now in pairs if now is not None)
        first, delivered = self._delivered(incidents)
        attributed = attribute(incidents, (), delivered, self._place.events.incidents_within)
        for failure in attributed.failures:
            self._check_signs_at(failure.deployment)
        for incident in incidents:
            self._check_signs_while(incident, first)
        self._recorder.failures.replace(keys, attributed.failures)
        unattributed.replace(self._connection, self._key, keys, attributed.unattributed)
        missing = _unfound(incidents, first, delivered.told)
        return _remembered((*(unfound or ()), *missing)) if unfound is not None else None

    def _delivered(self, incidents: Sequence[IncidentTold]) -> tuple[dict[str, str], Delivered]:
        """Return all that decides of which deployment these incidents are the fault, but for signs in git."""
        place = self._place
        told = Told(deployments=(), incidents=tuple(incidents), heads={})
        first = first_deployments(place.git, told, Deploying(releases=()), self._recorder.changes.first_deployments)
        missing = [name for one in incidents for name in (one.sha, one.fixed_by) if name and name not in first]
        if missing:
            # A squashed branch, or the commit of a deployment that is no part of the history, may stand for it.
            _require(not known.is_change_told(self._connection, self._key))
            _require(self._before.outside is not None and not self._before.outside)
        ids = {one.deployment for one in incidents if one.deployment is not None}
        named = told_deployments.by_ids(self._connection, self._key, ids)
        wanted = {*first.values(), *named.values()}
        moments = known.moments(self._connection, self._key, wanted)
        spans = [(one.opened_at - place.events.incidents_within, one.opened_at + _LEAST) for one in incidents]
        spans += [(moment, moment + _LEAST) for moment in moments.values()]
        deployments = {
            one.key: one
            for start, end in _joined(spans)
            for one in store.deployments(self._connection, place.project, place.repository, start, end)
        }
        services = told_deployments.services(self._connection, self._key, deployments)
        return first, Delivered(deployments=deployments, services=services, told=named, first=first.get)

    def _check_signs_at(self, deployment: str) -> None:
        """Refuse where git shows as well that a deployment failed: it is counted once, as an incident."""
        rules = self._place.rules
        if rules.failed_by_revert:
            changes = known.brought(self._connection, self._key, deployment)
            _require(changes is not None and not known.is_reverted(self._connection, self._key, changes))
        if rules.hotfix_within is not None:
            at = known.moments(self._connection, self._key, [deployment])[deployment]
            _require(not known.hotfix_deployed(self._connection, self._key, at, at + rules.hotfix_within))

    def _check_signs_while(self, incident: IncidentTold, first: dict[str, str]) -> None:
        """Refuse where something was taken back while an incident lasted, or by what mended it."""
        if not self._place.rules.failed_by_revert:
            return
        spans = [(incident.opened_at, incident.resolved_at or store.LATEST)]
        if incident.fixed_by is not None and incident.fixed_by in first:
            spans += [
                (at, at) for at in known.moments(self._connection, self._key, [first[incident.fixed_by]]).values()
            ]
        _require(not any(known.revert_deployed(self._connection, self._key, *span) for span in spans))


def to_remember(told: Told, deploying: Deploying, first: dict[str, str]) -> dict[str, Any]:
    """Return what a cursor has to remember, so that the next reading can see whether what is new changes it.

    Args:
        told: all that was told.
        deploying: all that is known of deployments.
        first: the first deployment of each commit that an incident names.
    """
    known_commits = {release.sha for release in deploying.releases}
    opened = max((one.opened_at for one in told.incidents), default=None)
    return {
        "last_incident": None if opened is None else instants.write(opened),
        "unfound": _remembered(_unfound(told.incidents, first, deploying.keys)),
        "outside": _remembered(one.sha for one in deploying.repeated if one.sha and one.sha not in known_commits),
    }


def _unfound(
    incidents: Iterable[IncidentTold], first: Mapping[str, str], told: Mapping[tuple[str, str], str]
) -> list[str]:
    """Return the commits and the deployments that incidents name and of which no deployment is known."""
    ids = {id_ for _, id_ in told}
    commits = {name for one in incidents for name in (one.sha, one.fixed_by) if name and name not in first}
    deployments = {
        f"{_ID}{one.deployment}" for one in incidents if one.deployment is not None and one.deployment not in ids
    }
    return sorted(commits | deployments)


def _remembered(names: Iterable[str]) -> list[str] | None:
    """Return names in order; None where they are too many to be looked at with every reading."""
    found = sorted(set(names))
    return found if len(found) <= MOST_UNFOUND else None


def _joined(spans: Iterable[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Return spans of time as ones that do not overlap, the earliest first."""
    joined: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _ids(names: Iterable[str]) -> set[str]:
    return {name.removeprefix(_ID) for name in names if name.startswith(_ID)}


def _require(condition: bool) -> None:  # noqa: FBT001 - the condition is what it is about
    if not condition:
        raise _ChangesWhatIsKnown
