"""A repository that releases now and then, rules to improve it by, and a clock: for experiments in tests."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import Engine

from iact.config.opening import open_project
from iact.core.quantities import parse
from iact.dora.repository import refresh, repository_key
from iact.engine.clocks import ManualClock
from iact.engine.runtime import Runtime
from iact.pdca.definitions import definitions_of
from iact.pdca.experiments import Experiments
from tests.support.git import PERSON, GitRepository
from tests.support.kept import open_kept
from tests.support.project import ROOT

BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When the first change is made: a Monday."""

PROJECT: Final = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop, owner: tech-lead}
spec:
  sources: {git: {failures: {reverts: true}}}
"""

SHIPPED: Final = ("agents/pdca.yaml", "catalog/metrics", "policies/people.yaml", "policies/improvement.yaml")
"""What a test's project takes over: everything but the shipped improvements."""

IMPROVEMENT: Final = """\
apiVersion: iact/v1
kind: Improvement
metadata: {name: NAME, owner: tech-lead}
spec:
  try_when: {metric: lead_time, above: 1h}
  change: CHANGE
  expect: {metric: METRIC}
  check: {first: FIRST, verdict_by: 8 weeks, if_unclear: revert}
  mode: MODE
"""

PATCH: Final = """\
diff --git a/limits.txt b/limits.txt
--- a/limits.txt
+++ b/limits.txt
@@ -1,2 +1,2 @@
 # how many
-open: 5
+open: 2
"""


def write_project(folder: Path, files: Mapping[str, str] | None = None, policy: str = "") -> None:
    """Write a project with the shipped agent, metrics and policy, and with further files by path.

    Args:
        folder: where to.
        files: their texts by path.
        policy: what the `ImprovementPolicy` says instead of the shipped one.
    """
    for name in SHIPPED:
        source = ROOT / name
        for file in sorted(source.glob("*.yaml")) if source.is_dir() else [source]:
            target = folder / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    texts = {"iact.yaml": PROJECT, **(files or {})}
    if policy:
        texts["policies/improvement.yaml"] = (
            "apiVersion: iact/v1\nkind: ImprovementPolicy\nmetadata: {name: improvement, owner: tech-lead}\n"
            f"spec: {policy}\n"
        )
    for name, text in texts.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def improvement(  # noqa: PLR0913 - the lines of the file that tests vary
    name: str = "faster",
    *,
    change: str = "{manual: Release every Tuesday}",
    metric: str = "lead_time, falls_by: 60%",
    mode: str = "propose",
    check: str = "48h",
    more: str = "",
) -> dict[str, str]:
    """Return an improvement that is worth trying wherever there is a lead time, as a file by its path."""
    parts = {"NAME": name, "CHANGE": change, "METRIC": metric, "MODE": mode, "FIRST": check}
    text = IMPROVEMENT
    for key, value in parts.items():
        text = text.replace(key, value)
    return {f"playbooks/improvements/{name}.yaml": text + "".join(f"  {line}\n" for line in more.splitlines())}


class History:
    """A repository in which weeks pass: changes are made, and released together some time later.

    It is written by `git fast-import`, a thousand times as fast as commit by commit.
    """

    def __init__(self, path: Path, seed: int = 1) -> None:
        """Make the repository with its first release."""
        self.repository = GitRepository.create(path)
        self.now = BEGIN
        self._chance = random.Random(seed)  # noqa: S311 - a history that repeats, not a secret
        self._releases = 0
        file = "# how many\nopen: 5\n"
        self._write([*self._commit(self.now, f"M 100644 inline limits.txt\n{_data(file)}"), *self._tag(self.now)])
        self.repository.git("reset", "--quiet", "--hard")

    def pass_weeks(self, count: int, *, wait: timedelta) -> None:
        """Let weeks pass, each with three changes and a release; each change waits about `wait` for it."""
        lines: list[str] = []
        for _ in range(count):
            released = self.now + timedelta(weeks=1)
            waits = [wait * self._chance.lognormvariate(0, 0.3) for _ in range(3)]
            for one in sorted(waits, reverse=True):
                lines += self._commit(max(released - one, self.now + timedelta(minutes=1)))
            lines += self._tag(released)
            self.now = released
        self._write(lines)

    def _commit(self, at: datetime, files: str = "") -> list[str]:
        first = self._releases == 0 and not self._started
        self._started = True
        begin = [] if first or self._continued else ["from refs/heads/main^0"]
        self._continued = True
        who = f"{PERSON[0]} <{PERSON[1]}> {int(at.timestamp())} +0000"
        return ["commit refs/heads/main", f"author {who}", f"committer {who}", _data("fix: change\n"), *begin, files]

    def _tag(self, at: datetime) -> list[str]:
        self._releases += 1
        who = f"{PERSON[0]} <{PERSON[1]}> {int(at.timestamp())} +0000"
        return [f"tag v1.{self._releases}.0", "from refs/heads/main", f"tagger {who}", _data("release\n")]

    def _write(self, lines: list[str]) -> None:
        self.repository.git("fast-import", "--quiet", text="\n".join(lines) + "\n")
        self._continued = False

    _started = False
    _continued = False


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}"


@dataclass(slots=True)
class Shop:
    """A project with its history, store and clock.

    Attributes:
        folder: the project's folder.
        history: its repository.
        engine: its store.
        clock: its clock; it stands where the history ends.
    """

    folder: Path
    history: History
    engine: Engine
    clock: ManualClock

    @classmethod
    def open(
        cls,
        folder: Path,
        files: Mapping[str, str] | None = None,
        *,
        policy: str = "",
        weeks: int = 20,
        opened: Callable[[Path], Engine] = open_kept,
    ) -> Shop:
        """Make a shop whose changes wait two to three days for the weekly release, and open its store by `opened`."""
        write_project(folder, files, policy)
        history = History(folder / "repository")
        history.pass_weeks(weeks, wait=timedelta(days=2, hours=12))
        return cls(folder, history, opened(folder / "iact.db"), ManualClock(history.now + timedelta(minutes=1)))

    def experiments(self, *, path: Path | None = None) -> Experiments:
        """Read what is new and return what can be done now; `path` is where patches may be tried, None nowhere else."""
        project = open_project(self.folder)
        self.clock.moment = max(self.clock.moment, self.history.now + timedelta(minutes=1))
        place = self.history.repository.path
        collected = refresh(self.engine, project, place, self.clock.moment)
        services: dict[str, Any] = {"repository": path or place}
        return Experiments(
            runtime=Runtime(self.engine, project=project.name, clock=self.clock, services=services),
            definitions=definitions_of(project, self.clock.moment),
            repository=repository_key(place),
            window=parse("48h"),
            seen=f"{collected.changes}/{collected.deployments}/{collected.failures}",
        )

    def wait(self, span: str) -> None:
        """Let time pass without any change."""
        self.clock.advance(parse(span).timedelta)
