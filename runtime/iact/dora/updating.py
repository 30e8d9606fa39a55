"""Reading what is new in a git history into the delivery tables, on top of what is known."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from iact.dora.recorder import Recorder
from iact.dora.recorder.changes import Delivery
from iact.sources.git.command import Git
from iact.sources.git.history import History, highest
from iact.sources.git.model import Commit, Release
from iact.sources.git.refs import Refs
from iact.sources.git.rules import GitRules
from iact.sources.git.update import Known, nearest_before, new_refs, read_new
from iact.sources.git.versions import Version
from iact.stores.chunks import CHUNK, chunks


@dataclass(slots=True)
class Update:
    """What was new.

    Attributes:
        changes: how many changes.
        deployments: how many deployments.
        touched: the commits that are new, or were merged or deployed since.
        delivered: those of them that were deployed since.
    """

    changes: int = 0
    deployments: int = 0
    touched: list[str] = field(default_factory=list)
    delivered: list[str] = field(default_factory=list)


def read_update(git: Git, refs: Refs, rules: GitRules, recorder: Recorder, known: Known) -> Update:
    """Add what is new.

    Args:
        git: the repository.
        refs: where its history ends now, and which commits of it were deployed.
        rules: what in it is a deployment.
        recorder: of the repository.
        known: what was known before.
    """
    new = new_refs(refs, known)
    history = History(new, rules)
    delivered: Counter[str] = Counter()
    update = Update()
    for part in chunks(history.commits(read_new(git, new, known)), CHUNK):
        rows = recorder.changes.known([commit.sha for commit in part])
        added = [commit for commit in part if commit.sha not in rows]
        moved = list(_moved(part, rows))
        recorder.changes.add(added)
        recorder.deliver(commit for commit, _ in moved)
        deployed = [(commit.sha, commit.release) for commit in added if commit.release is not None]
        deployed += [(commit.sha, release) for commit, release in moved if release is not None]
        delivered.update(release for _, release in deployed)
        update.changes += len(added)
        update.touched += [commit.sha for commit in (*added, *(commit for commit, _ in moved))]
        update.delivered += [sha for sha, _ in deployed]
    releases = [release for release in history.releases() if release.sha not in known.releases]
    recorder.deployments.add(_with_previous(git, refs, releases, known), delivered, rules.environment)
    update.deployments = len(releases)
    return update


def _moved(commits: Iterable[Commit], known: Mapping[str, Delivery]) -> Iterator[tuple[Commit, str | None]]:
    """Walk the known changes that were merged or deployed since, each with its new deployment.

    What was known stays: everything that is new came later.
    """
    for commit in commits:
        before = known.get(commit.sha)
        if before is None:
            continue
        deployed = commit.release if before.deployment is None else None
        merged = commit.merged_by if before.merged_by is None else None
        if deployed is not None or merged is not None:
            yield (
                commit._replace(
                    release=before.deployment or deployed,
                    merged_by=before.merged_by or merged,
                    merged_at=commit.merged_at if before.merged_by is None else before.merged_at,
                ),
                deployed,
            )


def _with_previous(git: Git, refs: Refs, releases: list[Release], known: Known) -> Iterator[Release]:
    shas = [release.sha for release in releases]
    nearest = nearest_before(git, shas, known.releases)
    by_sha = {release.sha: release for release in (*refs.releases, *releases)}
    for release in releases:
        before = [by_sha.get(sha) or _known_release(sha, known) for sha in nearest[release.sha]]
        yield dataclasses.replace(release, previous=highest(before).sha if before else None)


def _known_release(sha: str, known: Known) -> Release:
    names, deployed_at = known.releases[sha]
    return Release(sha=sha, name=names[0], names=names, deployed_at=deployed_at, version=Version.parse(names[0]))
