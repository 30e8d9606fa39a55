"""A repository that releases now and then, rules to improve it by, and a clock: for experiments in tests."""

from __future__ import annotations

import random
from collections.abc import Mapping
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
from iact.stores.connect import open_sqlite
from tests.support.git import GitRepository

BEGIN: Final = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When the first change is made: a Monday."""

PROJECT: Final = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop, owner: tech-lead}
spec:
  extends: [iact]
  sources: {git: {failures: {reverts: true}}}
"""

IMPROVEMENT: Final = """\
apiVersion: iact/v1
kind: Improvement
metadata: {name: NAME, owner: tech-lead}
spec:
  try_when: {metric: lead_time, above: 1h}
  change: CHANGE
  expect: {metric: METRIC}
  check: {first: 48h, verdict_by: 8 weeks, if_unclear: revert}
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
    """Write a project that extends the shipped rules, with further files by path and lines of its policy."""
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


def improvement(
    name: str = "faster",
    *,
    change: str = "{manual: Release every Tuesday}",
    metric: str = "lead_time, falls_by: 60%",
    mode: str = "propose",
    more: str = "",
) -> dict[str, str]:
    """Return an improvement that is worth trying wherever there is a lead time, as a file by its path."""
    text = IMPROVEMENT.replace("NAME", name).replace("CHANGE", change).replace("METRIC", metric).replace("MODE", mode)
    return {f"playbooks/improvements/{name}.yaml": text + "".join(f"  {line}\n" for line in more.splitlines())}


class History:
    """A repository in which weeks pass: changes are made, and released together some time later."""

    def __init__(self, path: Path, seed: int = 1) -> None:
        """Make the repository with its first release."""
        self.repository = GitRepository.create(path)
        self.now = BEGIN
        self.releases = 0
        self._chance = random.Random(seed)
        self.repository.commit("start", at=self.now, files={"limits.txt": "# how many\nopen: 5\n"})
        self._release()

    def pass_weeks(self, count: int, *, wait: timedelta) -> None:
        """Let weeks pass, each with three changes and a release; each change waits about `wait` for it."""
        for _ in range(count):
            released = self.now + timedelta(weeks=1)
            waits = sorted((wait * self._chance.lognormvariate(0, 0.3) for _ in range(3)), reverse=True)
            for one in waits:
                self.repository.commit("fix: change", at=max(released - one, self.now), authored=released - one)
            self.now = released
            self._release()

    def _release(self) -> None:
        self.releases += 1
        self.repository.tag(f"v1.{self.releases}.0")


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
    def open(cls, folder: Path, files: Mapping[str, str] | None = None, *, policy: str = "", weeks: int = 20) -> Shop:
        """Make a shop whose changes wait two to three days for the weekly release."""
        write_project(folder, files, policy)
        history = History(folder / "repository")
        history.pass_weeks(weeks, wait=timedelta(days=2, hours=12))
        return cls(folder, history, open_sqlite(folder / "iact.db"), ManualClock(history.now))

    def experiments(self, *, path: Path | None = None) -> Experiments:
        """Read what is new and return what can be done now; `path` is where patches may be tried, None nowhere else."""
        project = open_project(self.folder)
        self.clock.moment = max(self.clock.moment, self.history.now)
        place = self.history.repository.path
        collected = refresh(self.engine, project, place, self.clock.moment)
        services: dict[str, Any] = {"repository": path or place}
        return Experiments(
            runtime=Runtime(self.engine, project=project.name, clock=self.clock, services=services),
            definitions=definitions_of(project),
            repository=repository_key(place),
            window=parse("48h"),
            seen=f"{collected.changes}/{collected.deployments}/{collected.failures}",
        )

    def wait(self, span: str) -> None:
        """Let time pass without any change."""
        self.clock.advance(parse(span).timedelta)
