"""Which release came before another, by ancestry and not by date.

The previous release of a release R is the nearest release among R's ancestors: one that is not itself an ancestor of
another release among R's ancestors. Where merged branches leave several such, it is the one with the highest version,
and without versions the one deployed last. A maintenance release 1.0.1 made after 2.0.0 therefore follows 1.0.0, and
2.0.1 follows 2.0.0, even when 1.0.1 was merged into it.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Container, Iterable, Sequence

_NONE: tuple[int, ...] = ()


class Ancestry:
    """Remembers who is whose parent while a history streams by, in about 16 bytes a commit.

    Commits must come children first. Ids are forgotten as soon as their commit has gone by.
    """

    __slots__ = ("_named", "_numbers", "_order", "_parents", "_starts")

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._named = 0
        self._order = array("I")
        self._parents = array("I")
        self._starts = array("I", [0])

    def add(self, sha: str, parents: Sequence[str]) -> int:
        """Take in the next commit, and return the number by which it is known from here on."""
        number = self._numbers.pop(sha, None)
        if number is None:
            number = self._new_number()
        self._order.append(number)
        for parent in parents:
            known = self._numbers.get(parent)
            if known is None:
                known = self._numbers[parent] = self._new_number()
            self._parents.append(known)
        self._starts.append(len(self._parents))
        return number

    def nearest(self, releases: Collection[int]) -> dict[int, tuple[int, ...]]:
        """Return the nearest releases among the ancestors of each release.

        Args:
            releases: the numbers of the commits that were released.

        Returns:
            For each of them the releases that come directly before it.
        """
        wanted = frozenset(releases)
        above: list[tuple[int, ...]] = [_NONE] * self._named
        graph = ReleaseGraph()
        for position in range(len(self._order) - 1, -1, -1):
            number, start, end = self._order[position], self._starts[position], self._starts[position + 1]
            if end - start == 1:
                before = above[self._parents[start]]
            else:
                before = graph.nearest_of([above[parent] for parent in self._parents[start:end]])
            if number in wanted:
                graph.add(number, before)
                before = (number,)
            above[number] = before
        return graph.before

    def _new_number(self) -> int:
        self._named += 1
        return self._named - 1


class ReleaseGraph:
    """The releases alone: each with the nearest ones among its ancestors. Ancestors must be added first."""

    __slots__ = ("_ages", "before")

    def __init__(self) -> None:
        self.before: dict[int, tuple[int, ...]] = {}
        self._ages: dict[int, int] = {}

    def add(self, release: int, before: tuple[int, ...]) -> None:
        """Take in a release whose nearest ancestors are known."""
        self._ages[release] = len(self._ages)
        self.before[release] = before

    def nearest_of(self, groups: Iterable[tuple[int, ...]]) -> tuple[int, ...]:
        """Return the releases of all groups that are no ancestor of another of them."""
        different = set(groups)
        if len(different) <= 1:
            return different.pop() if different else _NONE
        candidates = sorted({release for group in different for release in group}, key=self._ages.__getitem__)
        kept = [
            older
            for place, older in enumerate(candidates)
            if not any(self._contains(newer, older) for newer in reversed(candidates[place + 1 :]))
        ]
        return tuple(kept)

    def _contains(self, newer: int, older: int) -> bool:
        """Return whether `older` is an ancestor of `newer`; nothing added before `older` can lead to it."""
        limit = self._ages[older]
        seen = {newer}
        waiting = [newer]
        while waiting:
            for before in self.before[waiting.pop()]:
                if before == older:
                    return True
                if before not in seen and self._ages[before] > limit:
                    seen.add(before)
                    waiting.append(before)
        return False


class NearestSearch:
    """The nearest releases before new ones, found by walking back from these until every path has met a release.

    Commits may come in any order, as they do where clocks disagree; what has gone by is remembered, but the walk ends
    long before the beginning of a history.

    Args:
        new: the commits that were released now.
        released: all commits that were released; the new ones may be left out.
    """

    __slots__ = ("_passed", "_reached", "_released", "found", "open")

    def __init__(self, new: Iterable[str], released: Container[str]) -> None:
        self._released = released
        self._passed: dict[str, Sequence[str]] = {}
        # Which new releases have a path to this commit that meets no other release.
        self._reached: dict[str, set[str]] = {sha: {sha} for sha in new}
        self.found: dict[str, set[str]] = {sha: set() for sha in self._reached}
        self.open = set(self._reached)
        """Commits that were reached and have not gone by yet; the walk is over when there are none."""

    def add(self, sha: str, parents: Sequence[str]) -> None:
        """Take in the next commit."""
        self._passed[sha] = parents
        if sha in self.open:
            self.open.discard(sha)
            self._hand_on(sha, frozenset(self._reached[sha]))

    def _hand_on(self, sha: str, seekers: frozenset[str]) -> None:
        waiting = [(sha, seekers)]
        while waiting:
            commit, arriving = waiting.pop()
            going_on = self._meet(commit, arriving)
            for parent in self._passed[commit] if going_on else ():
                reached = self._reached.setdefault(parent, set())
                fresh = going_on - reached
                reached |= fresh
                if fresh and parent in self._passed:
                    waiting.append((parent, fresh))
                elif fresh:
                    self.open.add(parent)

    def _meet(self, commit: str, arriving: frozenset[str]) -> frozenset[str]:
        """Note the release that `commit` may be, and return who has to look further."""
        if commit not in self.found and commit not in self._released:
            return arriving
        for seeker in arriving - {commit}:
            self.found[seeker].add(commit)
        return arriving & {commit}
