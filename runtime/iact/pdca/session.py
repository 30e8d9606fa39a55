"""A repository with its store, opened for one command: to act, or only to look.

Looking happens on a copy in memory, without the folder of the repository among what actions are supplied with: nothing
that is done there can reach a file, a branch or the store.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy.engine import Engine

from iact.agents.modes import modes_in_force, modes_of
from iact.audit.identity import identity_of
from iact.audit.keeping import keeping_up
from iact.config.project import Project
from iact.core.canonical import digest_of
from iact.core.errors import EnvironmentProblemError
from iact.core.facts import EMPTY
from iact.core.quantities import Quantity
from iact.dora.collect import Collected
from iact.dora.figures import Window
from iact.dora.repository import git_rules, open_store, open_told, refresh, repository_name
from iact.engine.clocks import DatabaseClock, ManualClock
from iact.engine.context import FactContext
from iact.engine.definitions import Definition
from iact.engine.runtime import Run, Runtime
from iact.pdca.definitions import definitions_of
from iact.pdca.experiments import Experiments
from iact.pdca.pinned import policy_of
from iact.pdca.report import Subject
from iact.stores.connect import open_memory, reading

NAME: Final = "iact"
THIN: Final = 2
"""With fewer deployments than this, a history shows nothing of how an improvement is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a command was asked for.

    Attributes:
        repo: the repository's folder.
        window: the recent time to look at first; None for the policy's.
        as_of: the past moment to look at; None for now.
        dry_run: whether to look only.
    """

    repo: Path
    window: Quantity | None = None
    as_of: datetime | None = None
    dry_run: bool = False

    @property
    def looks_only(self) -> bool:
        """Whether nothing may be changed."""
        return self.dry_run or self.as_of is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A repository that was read, ready to be planned for.

    Attributes:
        experiments: what can be done with it.
        collected: what the reading found.
        asked: what the command was asked for.
        now: the moment at which the figures end, UTC.
        name: what people call the repository.
        demo: whether the history was thought up.
    """

    experiments: Experiments
    collected: Collected
    asked: Asked
    now: datetime
    name: str
    demo: bool = False

    @property
    def is_thin(self) -> bool:
        """Whether the history holds too few deployments to show anything by."""
        return self.collected.deployments < THIN

    def subject(self, run: Run, others: tuple[Run, ...] = ()) -> Subject:
        """Return what a report about `run` is made from; `others` go on beside it."""
        return Subject(
            runtime=self.experiments.runtime,
            definitions=self.experiments.definitions,
            repository=self.experiments.repository,
            name=self.name,
            window=Window.ending(self.now, self.experiments.window.timedelta),
            run=run,
            others=others,
            demo=self.demo,
            dry_run=self.asked.looks_only,
            options="" if self.demo or self.asked.repo == Path() else f" --repo {shlex.quote(str(self.asked.repo))}",
            program=_program(),
            past=self.asked.as_of is not None,
        )

    @contextmanager
    def looking(self, **inputs: Any) -> Iterator[FactContext]:
        """Give what a fact source is handed, without any run."""
        from iact.core.facts import Fact, FactSet  # noqa: PLC0415 - beside its one use

        given = {"repository": self.experiments.repository, "window": self.experiments.window, **inputs}
        runtime = self.experiments.runtime
        with reading(runtime.engine) as connection:
            yield FactContext(
                connection=connection,
                project=runtime.project,
                run="",
                subject=self.experiments.repository,
                now=self.now,
                inputs=FactSet.of(
                    Fact(name=f"input.{name}", value=value, source="input") for name, value in given.items()
                ),
                remembered=EMPTY,
                definitions={definition.pin: definition for definition in self.experiments.definitions},
                services={},
            )


@contextmanager
def opened(project: Project, asked: Asked) -> Iterator[Session]:
    """Read what is new in a repository and give it, ready to be planned for.

    Raises:
        ConfigurationError: if the rules cannot be carried out.
        EnvironmentProblemError: if the repository or the store cannot be read.
    """
    now = asked.as_of or datetime.now(UTC)
    definitions = definitions_of(project, now)
    engine = _store(project, asked)
    try:
        clock = ManualClock(asked.as_of) if asked.as_of else DatabaseClock()
        services: dict[str, Any] = {"pretend": True}
        if not asked.looks_only:
            services = {"repository": asked.repo, "git_rules": git_rules(project.settings.sources.git)}
        runtime = Runtime(
            engine, project=project.name, clock=clock, services=services, modes=modes_in_force(project, engine)
        )
        session = _session(project, definitions, runtime, asked, now)
        with nullcontext() if asked.looks_only else keeping_up(runtime.host, identity_of(project)):
            yield session
    finally:
        engine.dispose()


@contextmanager
def demonstration(project: Project, folder: Path, asked: Asked) -> Iterator[Session]:
    """Write a history that was thought up, and give it with a store of its own.

    Args:
        project: whose rules are shown at work.
        folder: where the history is written; it is thrown away by the caller.
        asked: what the command was asked for; its repository is not looked at.
    """
    from iact.sources.demo import write_demo_repository  # noqa: PLC0415 - only a thin history needs it

    now = asked.as_of or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    repository = folder / "demo.git"
    write_demo_repository(repository, now)
    engine = open_memory()
    try:
        shown = Asked(repo=repository, window=asked.window, as_of=now, dry_run=asked.dry_run)
        runtime = Runtime(
            engine,
            project=project.name,
            clock=ManualClock(now),
            services={"pretend": True},
            modes=modes_of(project),
        )
        yield _session(project, definitions_of(project, now), runtime, shown, now, demo=True)
    finally:
        engine.dispose()


def within(project: Project, runtime: Runtime, repo: Path) -> Session:
    """Read what is new in a repository, and give it, ready to be planned for, in the time of runs that are played.

    Args:
        project: whose rules are followed.
        runtime: of a store that is thrown away; nothing that it does reaches the repository.
        repo: the repository's folder.

    Raises:
        ConfigurationError: if the rules cannot be carried out.
        EnvironmentProblemError: if the repository cannot be read.
    """
    now = runtime.now()
    return _session(project, definitions_of(project, now), runtime, Asked(repo=repo, as_of=now), now)


def _session(  # noqa: PLR0913 - private; the parts of a session
    project: Project,
    definitions: Sequence[Definition],
    runtime: Runtime,
    asked: Asked,
    now: datetime,
    *,
    demo: bool = False,
) -> Session:
    try:
        collected = refresh(runtime.engine, project, asked.repo, now)
    except EnvironmentProblemError as error:
        if asked.repo != Path():
            raise
        message = f"{error} Or name another one: --repo PATH"
        raise EnvironmentProblemError(message) from error
    policy = policy_of({definition.pin: definition for definition in definitions})
    window = asked.window or policy.window
    experiments = Experiments(
        runtime=runtime,
        definitions=definitions,
        repository=collected.repository,
        window=window,
        seen=_seen(collected, definitions, window, now, policy.every.timedelta),
        repeatable=asked.looks_only,
    )
    name = "demo" if demo else repository_name(asked.repo, project)
    return Session(experiments=experiments, collected=collected, asked=asked, now=now, name=name, demo=demo)


def _seen(
    collected: Collected, definitions: Sequence[Definition], window: Quantity, now: datetime, every: timedelta
) -> str:
    """Return a digest of what a plan is made from: looking again at the same must change nothing.

    Time alone is not news, until a proposal would be due to be made anew.
    """
    period = int(now.timestamp() // every.total_seconds()) if every else 0
    counts = [collected.changes, collected.deployments, collected.reverts, collected.failures, collected.rebuilt or ""]
    return digest_of([counts, [definition.digest for definition in definitions], window.to_record(), period])[7:39]


def _store(project: Project, asked: Asked) -> Engine:
    if asked.as_of is not None:
        return open_told(project)
    return open_store(project, only_look=asked.dry_run)


def _program() -> str:
    """Return how this program can be called again: by its name where that is found, else by its place."""
    called = Path(sys.argv[0])
    if called.name != NAME or shutil.which(NAME):
        return NAME
    near = os.path.relpath(called)
    return str(called) if near.startswith("..") else near
