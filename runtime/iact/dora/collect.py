"""From a git history to the delivery tables: everything the first time, afterwards only what is new.

What an update leaves in the tables is what reading everything again would leave there; where that cannot be had by
adding, everything is read again, in the same transaction.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Final

from sqlalchemy.engine import Connection

from iact.dora import news, store, told_deployments, unattributed
from iact.dora.additions import Place, add, to_remember
from iact.dora.attribution import KIND as INCIDENT
from iact.dora.attribution import Delivered, attribute
from iact.dora.events import deployed, deploying_digest, first_deployments, read_told
from iact.dora.events import version as told_version
from iact.dora.failures import Revert, failures_by_hotfix, failures_by_revert, without_doubles
from iact.dora.ingest import is_told
from iact.dora.recorder import Recorder
from iact.dora.recorder.ending import Cursor
from iact.dora.records import Deployment, Failure
from iact.dora.updating import read_update
from iact.sources.events.rules import EventRules
from iact.sources.git.command import Git
from iact.sources.git.commit_ids import CommitIds
from iact.sources.git.history import History
from iact.sources.git.log import read_log
from iact.sources.git.model import Commit
from iact.sources.git.refs import Refs, read_refs
from iact.sources.git.rules import GitRules
from iact.sources.git.update import Known, new_refs, why_reread
from iact.sources.git.versions import Version
from iact.stores.background import Background
from iact.stores.chunks import CHUNK, chunks

_NO_EVENT_RULES: Final = EventRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What a reading of a repository found.

    Attributes:
        repository: the key by which the repository is found in the store.
        new_changes: how many changes were not known before.
        new_deployments: how many deployments were not.
        changes: how many changes there are now.
        deployments: how many deployments.
        reverts: how many changes revert another.
        failures: how many failures the rules see.
        rebuilt: why everything was read again; None when only what is new was read, or everything for the first time.
        lost_changes: how many known changes are no longer part of the history.
        notes: what was left out and why, for people.
    """

    repository: str
    new_changes: int
    new_deployments: int
    changes: int
    deployments: int
    reverts: int
    failures: int
    rebuilt: str | None
    lost_changes: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """How a repository was read, before failures are judged."""

    new_changes: int = 0
    new_deployments: int = 0
    rebuilt: str | None = None
    lost_changes: int = 0


def collect(  # noqa: PLR0913, PLR0917 - where to, from where, how and when: a caller knows these and no object of them
    connection: Connection,
    project: str,
    repository: str,
    path: Path,
    rules: GitRules,
    now: datetime,
    *,
    events: EventRules = _NO_EVENT_RULES,
) -> Collected:
    """Bring the delivery tables up to what a git repository holds and what was told of it.

    Args:
        connection: in a transaction; the caller commits it as a whole or not at all.
        project: the project.
        repository: the repository's name in it.
        path: where the repository is.
        rules: what in it is a deployment, a failure and the work of an agent.
        now: the present moment.
        events: what of the told counts.

    Raises:
        SourceError: the repository cannot be read; the error says what to do.
    """
    git = Git.open(path)
    shown = read_refs(git, rules)
    recorder = Recorder(connection, project, repository)
    before = recorder.ending.cursor()
    version = told_version(connection, project, repository, events)
    after = _cursor(shown, rules, events, version)
    close = partial(
        recorder.close,
        mainline=shown.mainline.name,
        failure_sources=_failure_sources(connection, project, repository, rules, events),
        now=now,
    )
    if before is not None and before == after and version:
        notes = recorder.ending.notes()
        close(before, recorder.ending.counts(), notes=notes)
        return _collected(connection, project, repository, _Reading(), notes)
    where = Place(
        connection=connection, project=project, repository=repository, git=git, shown=shown, rules=rules, events=events
    )
    added = add(where, before, after)
    if added is not None:
        notes, counts = recorder.ending.notes(), recorder.ending.counts()
        found = added.update
        counts = counts._replace(
            changes=counts.changes + found.changes, deployments=counts.deployments + found.deployments
        )
        close(added.cursor, counts, notes=notes)
        reading = _Reading(new_changes=found.changes, new_deployments=found.deployments)
        return _collected(connection, project, repository, reading, notes)
    return _put_together(where, recorder, (before, after), version, close)


def _put_together(
    place: Place, recorder: Recorder, cursors: tuple[Cursor | None, Cursor], version: str, close: Callable[..., None]
) -> Collected:
    """Read what is new in the history, and put everything that was told and judged together again."""
    (before, after), git, rules, events = cursors, place.git, place.rules, place.events
    of = place.connection, place.project, place.repository
    told = read_told(*of, events, rules.environment) if version else None
    refs, deploying = (place.shown, None) if told is None else deployed(git, place.shown, told, events)
    if told is not None:
        # They are many, what became of them is in `deploying`, and reading the history needs memory.
        told = dataclasses.replace(told, deployments=())
    if told is not None:
        # They are many, what became of them is in `deploying`, and reading the history needs memory.
        told = dataclasses.replace(told, deployments=())
    reading = _read(git, refs, rules, recorder, cursors)
    if deploying is not None:
        if before is not None and reading.rebuilt is not None and not before.refs.endswith(f" {version}"):
            reading = dataclasses.replace(reading, rebuilt="events told of deployments before known ones")
        recorder.deployments.set_repeated(deploying.repeated, rules.environment)
    reverts, unknown = recorder.changes.reverts() if rules.failed_by_revert else ([], 0)
    notes = (*refs.notes, *_reverts_note(unknown))
    if before != after:
        deployments = {one.key: one for one in store.deployments(*of)}
        found, hotfixes = _judge_failures(reverts, deployments, rules)
        if told is not None and deploying is not None:
            first = first_deployments(git, told, deploying, recorder.changes.first_deployments)
            delivered = Delivered(
                deployments=deployments, services=deploying.services, told=deploying.keys, first=first.get
            )
            attributed = attribute(told.incidents, found, delivered, events.incidents_within)
            found = list(attributed.failures)
            unattributed.keep(*of, attributed.unattributed)
            told_deployments.replace(place.connection, place.key, deploying)
            after = dataclasses.replace(after, **to_remember(told, deploying, first))
        recorder.judge(found, hotfixes)
    news.forget(place.connection, place.key)
    close(after, recorder.ending.counted(), notes=notes)
    return _collected(*of, reading, (*notes, *_reading_notes(reading)))


def _cursor(refs: Refs, rules: GitRules, events: EventRules, version: str) -> Cursor:
    merges_to = None if refs.merges_to is None else refs.merges_to.tip
    failures = f"{rules.failed_by_revert} {rules.hotfix_within}"
    if not version:
        return Cursor(
            rules=rules.digest,
            refs=refs.digest,
            mainline=refs.mainline.tip,
            merges_to=merges_to,
            tags=refs.tags_digest,
            failures=failures,
        )
    # With events every deployment is named beforehand, merges among them, so no branch is followed for them.
    return Cursor(
        rules=f"{rules.digest} {deploying_digest(events)}",
        refs=f"{refs.digest} {version}",
        mainline=refs.mainline.tip,
        merges_to=None,
        tags=refs.tags_digest,
        failures=f"{failures} {events.incidents_within} {events.incidents_told}",
    )


def _failure_sources(
    connection: Connection, project: str, repository: str, rules: GitRules, events: EventRules
) -> tuple[str, ...]:
    """Return the kinds of failure that are looked for; incidents are, as soon as one was told."""
    told = events.incidents_told or is_told(connection, project, repository, INCIDENT)
    return (*rules.failure_sources, *((INCIDENT,) if told else ()))


def _read(git: Git, refs: Refs, rules: GitRules, recorder: Recorder, cursors: tuple[Cursor | None, Cursor]) -> _Reading:
    before, after = cursors
    if before is None:
        return _read_everything(git, refs, rules, recorder)
    if (before.rules, before.refs) == (after.rules, after.refs):
        return _Reading()
    if before.rules != after.rules:
        return _read_everything(git, refs, rules, recorder, because="the rules changed")
    read = _read_new(git, refs, rules, recorder, before)
    return read if isinstance(read, _Reading) else _read_everything(git, refs, rules, recorder, because=read)


def _read_new(git: Git, refs: Refs, rules: GitRules, recorder: Recorder, before: Cursor) -> _Reading | str:
    """Read only what is new; where that cannot be had by adding, return why everything is to be read again."""
    deployments = recorder.deployments.known()
    known = Known(
        mainline=before.mainline,
        merges_to=before.merges_to,
        releases=deployments,
        delivered=recorder.changes.delivered(list(deployments)),
    )
    because = why_reread(git, refs, known) or _already_deployed(new_refs(refs, known), recorder)
    if because is not None:
        return because
    update = read_update(git, refs, rules, recorder, known)
    return _Reading(new_changes=update.changes, new_deployments=update.deployments)


def _already_deployed(new: Refs, recorder: Recorder) -> str | None:
    """Return the reason to read again that a new tag lies behind a known deployment: it comes between known ones."""
    known = recorder.changes.known([release.sha for release in new.releases])
    for release in new.releases:
        if release.sha in known and known[release.sha].deployment is not None:
            return f"the tag `{release.name}` is new, and a known deployment contains it"
    return None


def _read_everything(
    git: Git, refs: Refs, rules: GitRules, recorder: Recorder, *, because: str | None = None
) -> _Reading:
    known = recorder.forget()
    read, changes = CommitIds(), 0
    history = History(refs, rules)
    delivered: Counter[str] = Counter()
    oldest: dict[str, datetime] = {}
    with Background() as background:
        for part in chunks(history.commits(read_log(git, refs.tips)), CHUNK):
            background.call(recorder.changes.adding(part))
            if known:
                read.add([commit.sha for commit in part])
            changes += len(part)
            delivered.update(commit.release for commit in part if commit.release is not None)
            _note_oldest(oldest, part)
    releases = history.releases()
    recorder.deployments.add(releases, delivered, rules.environment, oldest)
    lost = known.missing_from(read)
    return _Reading(
        new_changes=changes - (len(known) - lost),
        new_deployments=len(releases),
        rebuilt=because,
        lost_changes=lost,
    )


def _note_oldest(oldest: dict[str, datetime], commits: Iterable[Commit]) -> None:
    """Note of each release when the first of the changes that it was the first to contain was merged."""
    for commit in commits:
        if commit.release is not None and commit.merged_at is not None:
            known = oldest.get(commit.release)
            if known is None or commit.merged_at < known:
                oldest[commit.release] = commit.merged_at


def _judge_failures(
    reverts: Collection[Revert], deployments: Mapping[str, Deployment], rules: GitRules
) -> tuple[list[Failure], list[str]]:
    """Return all failures by the rules, and the keys of the deployments that are hot fixes."""
    hotfixes: list[Failure] = []
    if rules.hotfix_within is not None:
        hotfixes = failures_by_hotfix(deployments, rules.hotfix_within, _only_patch_grew(cache(Version.parse)))
    found = without_doubles(failures_by_revert(reverts, deployments), hotfixes)
    return found, [one.restored_by for one in hotfixes if one.restored_by is not None]


def _only_patch_grew(parse: Callable[[str], Version | None]) -> Callable[[str, str], bool]:
    def only_patch_grew(newer: str, older: str) -> bool:
        new, old = parse(newer), parse(older)
        return new is not None and old is not None and new.only_patch_grew_from(old)

    return only_patch_grew


def _reverts_note(unknown: int) -> Iterator[str]:
    if unknown:
        yield f"{unknown} reverts name a commit that is not part of the history; they say nothing."


def _reading_notes(reading: _Reading) -> Iterator[str]:
    if reading.rebuilt is not None:
        yield f"Everything was read again: {reading.rebuilt}."
    if reading.lost_changes:
        yield f"The history was rewritten: {reading.lost_changes} known commits are no longer reachable."


def _collected(
    connection: Connection, project: str, repository: str, reading: _Reading, notes: tuple[str, ...]
) -> Collected:
    known = store.repository(connection, project, repository)
    counted = (0, 0, 0) if known is None else (known.changes, known.deployments, known.reverts)
    return Collected(
        repository=repository,
        new_changes=reading.new_changes,
        new_deployments=reading.new_deployments,
        changes=counted[0],
        deployments=counted[1],
        reverts=counted[2],
        failures=store.count_failures(connection, project, repository),
        rebuilt=reading.rebuilt,
        lost_changes=reading.lost_changes,
        notes=notes,
    )
