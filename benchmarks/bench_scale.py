"""What a large organisation's history costs: 1,000,000 commits, 100,000 deployments and 10,000 incidents.

`bench_scale.py [COMMITS…] [--write docs/scale.md]`. *Full* is `iact ingest` of the deployments, of the incidents and a
first `iact dora report`, into a fresh store, of all ten years; *incremental* is one commit, one deployment and one
incident later: `iact ingest` of both and a report of the usual 90 days. Every command is a process of its own. How many
commits are read in a second is compared with PyDriller, which walks them and looks at the same fields of each.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks import walks
from iact.sources.git.command import environment

SIZES: Final = (10_000, 100_000, 1_000_000)
DEPLOYED_EVERY: Final = 10
"""Commits to a deployment; an incident comes with every tenth deployment, and a tag with every fiftieth."""

MOST_FULL_SECONDS: Final = 60.0
MOST_INCREMENTAL_SECONDS: Final = 2.0
MOST_MEGABYTES: Final = 1_000.0
LEAST_RATIO: Final = 3.0
"""How many times as many commits a second are read as PyDriller walks."""

WARM_UP: Final = 1_000
"""Commits of a history that is measured first and not shown, so that Python has compiled every module."""

REPEATS: Final = 3
"""Incremental runs, each after further news, of which the middle one counts, and walks, of which the quickest does."""

FROM, TO = "2016-01-01", "2026-01-02"
TOLD_FROM: Final = datetime(2017, 1, 1, tzinfo=UTC)
"""Before it only tags say what was deployed."""
DELAY: Final = timedelta(minutes=20)
SERVICES: Final = ("checkout", "search", "billing")
PERSON: Final = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "iact"), ("EMAIL", "iact@example.invalid"))
}


@dataclass(slots=True)
class Cost:
    """What commands took.

    Attributes:
        seconds: on the wall.
        cpu: seconds of processor time, of the commands and of the git programs that they ran.
        megabytes: the most memory that a command and its programs held, their peaks added up.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    megabytes: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        """Return the cost of one after the other."""
        return Cost(self.seconds + other.seconds, self.cpu + other.cpu, max(self.megabytes, other.megabytes))


@dataclass(slots=True)
class Measured:
    """What one size of history took.

    Attributes:
        commits: how many there are.
        deployments: how many deployments.
        incidents: how many incidents.
        full: everything for the first time.
        incremental: each update.
        whole: a report of the whole history when nothing is new.
        late: an update that is dated before what is known, so that everything is read again.
        reading: commits a second that are read, each with what delivered it, but not stored.
        pydriller: commits a second that PyDriller walks, without looking at any file.
    """

    commits: int
    deployments: int
    incidents: int
    full: Cost
    whole: Cost
    reading: float
    pydriller: float
    incremental: list[Cost]
    late: Cost

    @property
    def update(self) -> Cost:
        """The middle one of the updates."""
        return sorted(self.incremental, key=lambda cost: cost.seconds)[len(self.incremental) // 2]

    @property
    def reported(self) -> float:
        """Commits a second from nothing to a report."""
        return self.commits / self.full.seconds

    @property
    def megabytes(self) -> float:
        """The most memory of all commands."""
        return max(cost.megabytes for cost in (self.full, self.whole, self.late, *self.incremental))


class Bench:
    """One history with its store, and what happens to it.

    Args:
        folder: an empty folder.
        commits: how many commits the history has.
    """

    def __init__(self, folder: Path, commits: int) -> None:
        self.folder, self.commits = folder, commits
        self.repository = folder / "repository"
        self.told = {kind: folder / f"{kind}s.jsonl" for kind in ("deployment", "incident", "update")}
        # Python compiles modules the first time they are used and keeps the result, unless it is told not to.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        self.variables = kept | {"PYTHONPYCACHEPREFIX": str(folder.parent / "bytecode")}
        generator = Path(__file__).with_name("histories.py")
        tags = str(commits // (50 * DEPLOYED_EVERY))
        subprocess.run([sys.executable, str(generator), str(self.repository), str(commits), tags], check=True)
        self.deployments = self._tell_deployments()
        self.incidents = self._tell_incidents()
        self._news = 0

    def git(self, *arguments: str, **variables: str) -> list[str]:
        """Return the lines that a git command prints."""
        command = ["git", "-C", str(self.repository), *arguments]
        return subprocess.run(
            command, env=environment() | PERSON | variables, check=True, capture_output=True, text=True
        ).stdout.splitlines()

    def full(self) -> Cost:
        """Take everything in for the first time, and report on all of it."""
        told = self._ingest("deployment") + self._ingest("incident")
        return told + self.report("--from", FROM)

    def incremental(self) -> Cost:
        """Commit, deploy and break something, and return what it costs to know of it."""
        self._news += 1
        at = datetime.fromisoformat(TO).replace(tzinfo=UTC) - timedelta(hours=16 - 4 * self._news)
        sha = self._commit(at)
        deployed_at = at + DELAY
        news = [
            _deployment(f"new-{self._news}", deployed_at, sha, 0),
            _incident(f"new-{self._news}", deployed_at + timedelta(hours=1), timedelta(hours=1), 0, {}),
        ]
        _write(self.told["update"], news)
        return self._ingest("update") + self.report("--window", "90d")

    def late(self) -> Cost:
        """Be told of a deployment that all later ones were thought to have nothing to do with."""
        sha, second = self._forgotten
        _write(self.told["update"], [_deployment("late", datetime.fromtimestamp(second, UTC) + DELAY, sha, 0)])
        return self._ingest("update") + self.report("--window", "90d")

    def report(self, *window: str) -> Cost:
        """Report on a window."""
        return self._run("dora", "report", "--repo", str(self.repository), "--format", "json", "--to", TO, *window)

    def _tell_deployments(self) -> int:
        """Write the file of deployments, and return how many deployments there are, tags of the first year among them.

        The commit of every tag on the mainline is deployed, and between them as many others as it takes.
        """
        mainline = [line.split() for line in self.git("log", "--first-parent", "--reverse", "--format=%H %ct")]
        tagged = set(self.git("for-each-ref", "--format=%(*objectname)", "refs/tags"))
        told_from = int(TOLD_FROM.timestamp())
        known = [(sha, int(second)) for sha, second in mainline if int(second) >= told_from]
        wanted = self.commits // DEPLOYED_EVERY
        free = [one for one in known if one[0] not in tagged]
        others = wanted - (len(known) - len(free))
        chosen = {free[place * len(free) // others][0] for place in range(others)} | tagged
        shown = sum(sha in tagged and int(second) < told_from for sha, second in mainline)
        self._deployed = [one for one in known if one[0] in chosen]
        self._forgotten = next(one for one in known[len(known) // 2 :] if one[0] not in chosen)
        moments = [datetime.fromtimestamp(second, UTC) + DELAY for _, second in self._deployed]
        rows = (
            _deployment(str(number), moment, sha, number)
            for number, (moment, (sha, _)) in enumerate(zip(moments, self._deployed, strict=True))
        )
        _write(self.told["deployment"], rows)
        return len(self._deployed) + shown

    def _tell_incidents(self) -> int:
        """Write the file of incidents: of ten, three name a deployment, two a commit, three what ended them."""
        count = self.commits // DEPLOYED_EVERY // 10
        _write(self.told["incident"], (self._incident(number, count) for number in range(count)))
        return count

    def _incident(self, number: int, count: int) -> dict[str, Any]:
        place = number * (len(self._deployed) - 2) // count
        sha, second = self._deployed[place]
        names: dict[str, str] = {}
        if number % 10 in {0, 1, 2}:
            names["deployment"] = str(place)
        if number % 10 in {3, 4}:
            names["sha"] = sha
        if number % 10 in {4, 5, 6}:
            names["fixed_by"] = self._deployed[place + 1][0]
        opened = datetime.fromtimestamp(second, UTC) + DELAY + timedelta(minutes=number % 30)
        return _incident(str(number), opened, timedelta(minutes=30 + number % 400), place, names)

    def _commit(self, at: datetime) -> str:
        when = f"{int(at.timestamp())} +0000"
        tree, parent = self.git("rev-parse", "main^{tree}", "main")
        dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
        sha = self.git("commit-tree", tree, "-p", parent, "-m", "feat: change", **dates)[0]
        self.git("update-ref", "refs/heads/main", sha)
        return sha

    def _ingest(self, kind: str) -> Cost:
        return self._run("ingest", str(self.told[kind]), "--repo", str(self.repository))

    def _run(self, *arguments: str) -> Cost:
        command = [str(Path(sys.executable).with_name("iact")), *arguments, "--store", str(self.folder / "iact.db")]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        process = subprocess.Popen(command, cwd=self.folder, env=self.variables, stdout=subprocess.DEVNULL)
        watching = _Peak(process.pid)
        status = process.wait()
        seconds = time.perf_counter() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if status != 0:
            sys.exit(f"iact {' '.join(arguments)} ended with {status}")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(seconds, cpu, watching.megabytes())


class _Peak:
    """The most memory that a process and the programs it runs hold: looked at ten times a second, their peaks added."""

    def __init__(self, process: int) -> None:
        self._process, self._kilobytes, self._ended = process, 0, threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def megabytes(self) -> float:
        """Stop looking, and return it."""
        self._ended.set()
        self._thread.join()
        return self._kilobytes / 1024

    def _watch(self) -> None:
        while not self._ended.wait(0.1):
            self._kilobytes = max(self._kilobytes, sum(map(_peak, _tree(self._process))))


def _tree(process: int) -> Iterator[int]:
    yield process
    try:
        children = Path(f"/proc/{process}/task/{process}/children").read_text(encoding="ascii").split()
    except OSError:  # it has ended
        return
    for child in map(int, children):
        yield from _tree(child)


def _peak(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    except OSError:  # as above
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _deployment(name: str, at: datetime, sha: str, number: int) -> dict[str, Any]:
    told = {"environment": "production", "deployed_at": at.isoformat(), "sha": sha}
    return {"kind": "deployment", "id": name, "service": SERVICES[number % len(SERVICES)], **told}


def _incident(name: str, at: datetime, lasted: timedelta, number: int, names: dict[str, str]) -> dict[str, Any]:
    told = {"opened_at": at.isoformat(), "resolved_at": (at + lasted).isoformat()}
    return {"kind": "incident", "id": name, "service": SERVICES[number % len(SERVICES)], **told, **names}


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def measure(folder: Path, commits: int) -> Measured:
    """Make a history of `commits` commits, and measure everything on it."""
    bench = Bench(folder, commits)
    full = bench.full()
    whole = bench.report("--from", FROM)
    # By turns, and the best of each counts, so that what else the machine does hits neither of them alone.
    turns = [
        (walks.read(bench.repository, commits), walks.walked_by_pydriller(bench.repository, commits))
        for _ in range(REPEATS)
    ]
    reading, pydriller = zip(*turns, strict=True)
    incremental = [bench.incremental() for _ in range(REPEATS)]
    return Measured(
        commits=commits,
        deployments=bench.deployments,
        incidents=bench.incidents,
        full=full,
        whole=whole,
        reading=max(reading),
        pydriller=max(pydriller),
        incremental=incremental,
        late=bench.late(),
    )


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def costs(results: Sequence[Measured]) -> Iterator[str]:
    """Yield what everything cost as the lines of a Markdown table."""
    yield (
        "| commits | deployments | incidents | full (processor) | growth | incremental (processor) | growth | "
        "whole again | read again | memory |"
    )
    yield "|" + "--:|" * 10
    before: Measured | None = None
    for one in results:
        growth = "", ""
        if before is not None:
            growth = (
                f"{one.full.seconds / before.full.seconds:.1f} ×",
                f"{one.update.seconds / before.update.seconds:.1f} ×",
            )
        yield (
            f"| {one.commits:,} | {one.deployments:,} | {one.incidents:,} | "
            f"{one.full.seconds:.1f} s ({one.full.cpu:.1f} s) | {growth[0]} | "
            f"{one.update.seconds:.2f} s ({one.update.cpu:.2f} s) | {growth[1]} | {one.whole.seconds:.1f} s | "
            f"{one.late.seconds:.1f} s | {one.megabytes:,.0f} MB |"
        )
        before = one


def rates(results: Iterable[Measured]) -> Iterator[str]:
    """Yield how many commits went by in a second as the lines of a Markdown table."""
    yield "| commits | PyDriller | reading | ratio | full | ratio |"
    yield "|" + "--:|" * 6
    for one in results:
        yield (
            f"| {one.commits:,} | {one.pydriller:,.0f}/s | "
            f"{one.reading:,.0f}/s | {one.reading / one.pydriller:.1f} × | "
            f"{one.reported:,.0f}/s | {one.reported / one.pydriller:.1f} × |"
        )


def missed(one: Measured) -> Iterator[str]:
    """Yield each bar that the largest history misses."""
    if one.full.seconds > MOST_FULL_SECONDS:
        yield f"full: {one.full.seconds:.1f} s, at most {MOST_FULL_SECONDS:.0f} s"
    if one.update.seconds > MOST_INCREMENTAL_SECONDS:
        yield f"incremental: {one.update.seconds:.2f} s, at most {MOST_INCREMENTAL_SECONDS:.0f} s"
    if one.megabytes > MOST_MEGABYTES:
        yield f"memory: {one.megabytes:,.0f} MB, at most {MOST_MEGABYTES:,.0f} MB"
    if one.reading < LEAST_RATIO * one.pydriller:
        yield f"commits a second: {one.reading / one.pydriller:.1f} × PyDriller's, at least {LEAST_RATIO:.0f} ×"


def machine() -> str:
    """Return what was measured on."""
    processor = platform.processor() or platform.machine()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.system()}, {cores} cores ({processor}), "
        f"Python {platform.python_version()}, load average {load:.1f} at the end"
    )


def main() -> None:
    """Print the table, and fail where the largest history misses a bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("commits", nargs="*", type=int, default=SIZES)
    parser.add_argument("--write", type=Path, help="a document whose tables, at its end, are replaced by these")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        measure(_made(Path(temporary) / "warm-up"), WARM_UP)
        results = []
        for commits in asked.commits:
            folder = _made(Path(temporary) / str(commits))
            results.append(measure(folder, commits))
            shutil.rmtree(folder)
    lines = [*costs(results), "", *rates(results), "", machine()]
    print("\n".join(lines))
    if asked.write is not None:
        head, _, _ = asked.write.read_text(encoding="utf-8").partition("| commits |")
        asked.write.write_text(head + "\n".join(lines) + ".\n", encoding="utf-8")
    bars = list(missed(results[-1]))
    for bar in bars:
        print(f"missed: {bar}")
    sys.exit(bool(bars))


if __name__ == "__main__":
    main()
