"""Random git histories, and what plain git commands say of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from hypothesis import strategies as st

from iact.sources.git.model import Release
from iact.sources.git.versions import Version
from iact.sources.git.writer import HistoryWriter
from tests.support.git import run_git

MONDAY: Final = datetime(2026, 3, 2, 9, tzinfo=UTC)
_MOST_PARENTS: Final = 3


@dataclass(frozen=True, slots=True)
class Step:
    """A commit: the numbers of its parents, and at which hour it was made."""

    parents: tuple[int, ...]
    hour: int


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: its name, the number of its commit, and its hour when it is annotated."""

    name: str
    commit: int
    hour: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """A whole history: its commits, its tags, and where its two branches end."""

    commits: tuple[Step, ...]
    tags: tuple[Tag, ...]
    main: int
    production: int

    def write(self, path: Path) -> list[str]:
        """Write it to a new repository, and return the ids of its commits."""
        shas: list[str] = []
        with HistoryWriter(path) as writer:
            for number, step in enumerate(self.commits):
                parents = [shas[parent] for parent in step.parents]
                shas.append(writer.commit(f"change {number}", at=_at(step.hour), parents=parents))
            for tag in self.tags:
                writer.tag(tag.name, shas[tag.commit], at=None if tag.hour is None else _at(tag.hour))
            writer.end(shas[self.main])
        run_git(path, "branch", "production", shas[self.production])
        return shas

    def containing(self, commits: Iterable[int]) -> set[int]:
        """Return these commits and all their ancestors."""
        seen: set[int] = set()
        waiting = list(commits)
        while waiting:
            number = waiting.pop()
            if number not in seen:
                seen.add(number)
                waiting += self.commits[number].parents
        return seen

    @property
    def last_hour(self) -> int:
        """The latest hour that anything in it happened."""
        return max([step.hour for step in self.commits] + [tag.hour or 0 for tag in self.tags])


def _at(hour: int) -> datetime:
    return MONDAY + timedelta(hours=hour)


def hours() -> st.SearchStrategy[int]:
    """Few different hours, so that clocks often disagree and often tie."""
    return st.integers(0, 12)


@st.composite
def stories(draw: st.DrawFn, most: int = 10) -> Story:
    """Histories with merges, octopus merges, several roots, tags on side branches, and any dates."""
    commits: list[Step] = []
    for number in range(draw(st.integers(1, most))):
        parents = draw(
            st.lists(
                st.integers(0, number - 1), unique=True, min_size=0 if number % 5 == 4 else 1, max_size=_MOST_PARENTS
            )
            if number
            else st.just([])
        )
        commits.append(Step(tuple(parents), draw(hours())))
    tags = [
        Tag(f"v{major}.{minor}", draw(st.integers(0, len(commits) - 1)), draw(st.none() | hours()))
        for major, minor in draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), unique=True, max_size=5))
    ]
    numbers = st.integers(0, len(commits) - 1)
    return Story(tuple(commits), tuple(tags), draw(numbers), draw(numbers))


@st.composite
def changed(draw: st.DrawFn, before: Story) -> Story:
    """What a repository may be after anything happened to it: pushes, forced pushes, tags made, moved and deleted."""
    grown = draw(grown_from(before))
    tags = list(grown.tags)
    if draw(st.booleans()):
        tags = [tag for tag in tags if draw(st.integers(0, 3))]
    names = {tag.name for tag in tags}
    if draw(st.booleans()) and "v1.9" not in names:
        tags.append(Tag("v1.9", draw(st.integers(0, len(grown.commits) - 1)), draw(st.none() | hours())))
    numbers = st.integers(0, len(grown.commits) - 1)
    main, production = (draw(st.just(end) | numbers) for end in (grown.main, grown.production))
    return replace(grown, tags=tuple(tags), main=main, production=production)


@st.composite
def grown_from(draw: st.DrawFn, before: Story) -> Story:
    """What a repository is after nothing but pushes and new releases, each later than everything known."""
    commits, main, production = list(before.commits), before.main, before.production
    for _ in range(draw(st.integers(0, 5))):
        others = draw(st.lists(st.integers(0, len(commits) - 1), unique=True, max_size=_MOST_PARENTS - 1))
        branch = draw(st.sampled_from(["main", "production", "topic"]))
        first = {"main": [main], "production": [production], "topic": []}[branch]
        parents = (*first, *(other for other in others if other not in first))
        commits.append(Step(parents, draw(hours() | st.integers(13, 20))))
        main = len(commits) - 1 if branch == "main" else main
        production = len(commits) - 1 if branch == "production" else production
    after = Story(tuple(commits), before.tags, main, production)
    deployed = before.containing(tag.commit for tag in before.tags)
    free = [number for number in range(len(commits)) if number not in deployed]
    tags = list(before.tags)
    for number in draw(st.lists(st.integers(0, 9), unique=True, max_size=3)) if free else ():
        later = before.last_hour + 1 + draw(st.integers(0, 3))
        tags.append(Tag(f"v8.{number}", draw(st.sampled_from(free)), later))
    return replace(after, tags=tuple(tags))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What becomes of one commit."""

    merged_by: str | None
    deployment: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What is right, by the longest and plainest way."""

    changes: dict[str, Delivered]
    previous: dict[str, str | None]


def plain_git(path: Path, *, merges_to: str | None = None) -> Answer:
    """Ask plain git commands: `rev-list` of every release and of every mainline commit, and nothing clever."""
    releases = _tagged(path) if merges_to is None else _merges(path, merges_to)
    inside = {release.sha: set(run_git(path, "rev-list", release.sha).split()) for release in releases}
    mainline = run_git(path, "rev-list", "--first-parent", "main").split()
    merged_by: dict[str, str] = {}
    for commit in mainline:  # the newest first, so the oldest that contains a change wins
        merged_by |= dict.fromkeys(run_git(path, "rev-list", commit).split(), commit)
    scope = set(run_git(path, "rev-list", "main", merges_to or "main", *inside).split())
    changes = {sha: Delivered(merged_by.get(sha), _first(sha, releases, inside)) for sha in scope}
    return Answer(changes, {release.sha: _previous(release, releases, inside) for release in releases})


def _first(sha: str, releases: list[Release], inside: dict[str, set[str]]) -> str | None:
    containing = [release for release in releases if sha in inside[release.sha]]
    return containing[0].sha if containing else None


def _previous(release: Release, releases: list[Release], inside: dict[str, set[str]]) -> str | None:
    before = [one for one in releases if one.sha != release.sha and one.sha in inside[release.sha]]
    nearest = [
        one for one in before if not any(other.sha != one.sha and one.sha in inside[other.sha] for other in before)
    ]
    highest = max(nearest, key=lambda one: (Version.parse(one.name) or _NO_VERSION, one.deployed_at), default=None)
    return None if highest is None else highest.sha


_NO_VERSION: Final = Version((), (0, 0), "")


def _tagged(path: Path) -> list[Release]:
    """Return the tagged commits, the first deployed first."""
    fields = "%(refname:short) %(objectname) %(*objectname) %(creatordate:unix)"
    dates: dict[str, list[tuple[int, str]]] = {}
    for line in run_git(path, "for-each-ref", f"--format={fields}", "refs/tags").splitlines():
        name, *shas, date = line.split()
        dates.setdefault(shas[-1], []).append((int(date), name))
    releases = [
        Release(
            sha=sha,
            name=max((name for _, name in tags), key=_version),
            names=tuple(name for _, name in tags),
            deployed_at=datetime.fromtimestamp(min(date for date, _ in tags), UTC),
        )
        for sha, tags in dates.items()
    ]
    return sorted(releases, key=lambda release: (release.deployed_at, _version(release.name)))


def _merges(path: Path, branch: str) -> list[Release]:
    """Return the merges on the first-parent chain of a branch, the first deployed first."""
    lines = run_git(path, "log", "--first-parent", "--merges", "--format=%H %ct", branch).splitlines()
    releases = [
        Release(sha=sha, name=sha, names=(sha,), deployed_at=datetime.fromtimestamp(int(date), UTC))
        for sha, date in (line.split() for line in reversed(lines))
    ]
    return sorted(releases, key=lambda release: release.deployed_at)


def _version(name: str) -> Version:
    return Version.parse(name) or _NO_VERSION
