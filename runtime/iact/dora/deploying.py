"""Which deployments there are, of those that git shows and those that events tell of; decisions only.

A tag and the event of its deployment are one deployment, and so are the events in which two tools tell of it: the same
commit, from different sources, at most a week apart. The same commit told twice by one source is two deployments, such
as going back to it; only the first of them brought its changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from iact.dora.failures import SOURCE
from iact.dora.told import DeploymentTold
from iact.sources.events.rules import Use
from iact.sources.git.model import Release
from iact.sources.git.versions import Version

SAME_WITHIN: Final = timedelta(days=7)
_ABBREVIATED: Final = 12
_NAMES: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeated:
    """A deployment that brought nothing new, or of which it is not known what it brought.

    Attributes:
        key: what names it.
        name: what people call it.
        names: all its names.
        sha: the commit; empty where it is not known.
        deployed_at: when.
        source: who tells of it.
    """

    key: str
    name: str
    names: tuple[str, ...]
    sha: str
    deployed_at: datetime
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deploying:
    """All deployments.

    Attributes:
        releases: the first deployment of each commit of the history, the earliest first; its key is the commit.
        repeated: the others.
        keys: the key of each deployment that was told, by source and id.
        services: which services each deployed, by key; none: all of the repository.
        notes: what was left out, for people.
    """

    releases: tuple[Release, ...]
    repeated: tuple[Repeated, ...] = ()
    keys: Mapping[tuple[str, str], str] = field(default_factory=dict)
    services: Mapping[str, frozenset[str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Group:
    """One deployment: what is told of it, and the tag on its commit."""

    told: list[DeploymentTold] = field(default_factory=list)
    release: Release | None = None

    @property
    def deployed_at(self) -> datetime:
        """When: as the first event says, and without any as git shows."""
        if self.told:
            return self.told[0].deployed_at
        assert self.release is not None  # noqa: S101 - a group is made for an event or a release
        return self.release.deployed_at

    @property
    def key(self) -> str:
        """What names it where its commit does not."""
        if self.told:
            return self.told[0].key
        assert self.release is not None  # noqa: S101 - as above
        return f"{SOURCE}/{self.release.sha}"

    @property
    def order(self) -> tuple[datetime, str]:
        """What says which of two was first."""
        return self.deployed_at, self.key


def combine(
    releases: Sequence[Release], told: Iterable[DeploymentTold], commits: Mapping[str, str], use: Use
) -> Deploying:
    """Put together what git shows and what events tell.

    Args:
        releases: what git shows.
        told: the deployments to the project's environment.
        commits: the full id of each commit that is told and is part of the history.
        use: what the told deployments are to the shown ones.
    """
    by_commit: dict[str, list[DeploymentTold]] = {}
    for one in sorted(told, key=lambda one: (one.deployed_at, one.key)):
        # A deployment without a commit is only itself.
        by_commit.setdefault(commits.get(one.sha or "") or one.sha or f"={one.key}", []).append(one)
    groups = {sha: _groups(found) for sha, found in by_commit.items()}
    dropped = _join(groups, releases, use)
    known = set(commits.values()) | {release.sha for release in releases}
    return _deploying(groups, known, dropped)


def _groups(told: Iterable[DeploymentTold]) -> list[_Group]:
    """Return the deployments of one commit: each source tells of a deployment once."""
    groups: list[_Group] = []
    for one in told:
        last = groups[-1] if groups else None
        joins = (
            last is not None
            and one.deployed_at - last.deployed_at <= SAME_WITHIN
            and all(one.source != other.source for other in last.told)
        )
        if joins and last is not None:
            last.told.append(one)
        else:
            groups.append(_Group(told=[one]))
    return groups


def _join(groups: dict[str, list[_Group]], releases: Iterable[Release], use: Use) -> list[Release]:
    """Add what git shows to the groups; return what is left out because events tell of that time."""
    moments = [group.deployed_at for found in groups.values() for group in found]
    span = (min(moments), max(moments)) if moments and use is Use.REPLACE else None
    dropped = []
    for release in releases:
        near = _nearest(groups.get(release.sha, ()), release.deployed_at)
        if near is not None:
            near.release = release
        elif span is not None and span[0] <= release.deployed_at <= span[1]:
            dropped.append(release)
        else:
            groups.setdefault(release.sha, []).append(_Group(release=release))
    return dropped


def _nearest(groups: Iterable[_Group], moment: datetime) -> _Group | None:
    near = [group for group in groups if abs(group.deployed_at - moment) <= SAME_WITHIN]
    return min(near, key=lambda group: (abs(group.deployed_at - moment), group.order), default=None)


def _deploying(groups: Mapping[str, list[_Group]], known: set[str], dropped: Sequence[Release]) -> Deploying:
    releases: list[Release] = []
    repeated: list[Repeated] = []
    keys: dict[tuple[str, str], str] = {}
    services: dict[str, frozenset[str]] = {}
    unknown = 0
    for sha, found in groups.items():
        for place, group in enumerate(sorted(found, key=lambda group: group.order)):
            is_release = place == 0 and sha in known
            key = sha if is_release else group.key
            if is_release:
                releases.append(_release(sha, group))
            else:
                repeated.append(_repeated(key, sha, group))
                unknown += sha not in known
            keys.update({(one.source, one.id): key for one in group.told})
            named = [one.service for one in group.told if one.service is not None]
            services[key] = frozenset(named)
    return Deploying(
        releases=tuple(sorted(releases, key=lambda release: release.order)),
        repeated=tuple(sorted(repeated, key=lambda one: (one.deployed_at, one.key))),
        keys=keys,
        services=services,
        notes=tuple(_notes(unknown, dropped)),
    )


def _names(group: _Group, otherwise: str) -> tuple[str, ...]:
    """Return all names, the one that people use first: of the tag, else of the event."""
    shown = group.release.names if group.release is not None else ()
    told = [one.name for one in group.told if one.name is not None]
    return tuple(dict.fromkeys((*shown, *told)))[:_NAMES] or (otherwise,)


def _release(sha: str, group: _Group) -> Release:
    if group.release is not None and not group.told:
        return group.release
    names = _names(group, sha[:_ABBREVIATED])
    if group.release is not None:
        return replace(group.release, names=names, deployed_at=group.deployed_at, source=group.told[0].source)
    return Release(
        sha=sha,
        name=names[0],
        names=names,
        deployed_at=group.deployed_at,
        version=Version.parse(names[0]),
        source=group.told[0].source,
    )


def _repeated(key: str, sha: str, group: _Group) -> Repeated:
    commit = "" if sha.startswith("=") else sha
    names = _names(group, commit[:_ABBREVIATED] or key)
    source = group.told[0].source if group.told else SOURCE
    return Repeated(key=key, name=names[0], names=names, sha=commit, deployed_at=group.deployed_at, source=source)


def _notes(unknown: int, dropped: Sequence[Release]) -> Iterator[str]:
    if unknown:
        yield f"{unknown} deployments name no commit of the history; they count, but have no lead time."
    if dropped:
        names = ", ".join(f"`{release.name}`" for release in dropped[:3])
        more = f" and {len(dropped) - 3} more" if len(dropped) > 3 else ""  # noqa: PLR2004 - as many as are named
        yield f"{len(dropped)} tags or merges were never deployed, as events tell of that time: {names}{more}."
