"""Which repository a report is about: its key in the store, the rules it is read by, and reading what is new."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime
from pathlib import Path

from sqlalchemy.engine import Engine

from iact.config.model import EventSource, GitSource
from iact.config.project import Project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.collect import Collected, collect
from iact.sources.events.rules import DAY, EventRules, Use
from iact.sources.git.errors import SourceError
from iact.sources.git.rules import GitRules
from iact.stores.connect import open_sqlite, writing

_KEPT = 40


def repository_name(path: Path) -> str:
    """Return what people call the repository at `path`: the name of its folder."""
    return path.resolve().name.removesuffix(".git") or "repository"


def repository_key(path: Path) -> str:
    """Return the key of the repository at `path` in a store: two folders of one name are two repositories."""
    place = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
    return f"{re.sub(r'[^A-Za-z0-9._-]', '-', repository_name(path))[:_KEPT]}-{place[:8]}"


def git_rules(source: GitSource) -> GitRules:
    """Return what a project says of its git history as the rules that the history is read by.

    Args:
        source: `sources.git` of the project's settings.

    Raises:
        ConfigurationError: if the rules contradict each other.
    """
    hotfix = source.failures.hotfix if source.failures else None
    try:
        return GitRules(
            tags=source.tags,
            pre_releases=source.pre_releases,
            merges_to=source.merges_to,
            mainline=source.mainline,
            environment=source.environment,
            failed_by_revert=bool(source.failures and source.failures.reverts),
            hotfix_within=hotfix.within.timedelta if hotfix else None,
            agents=source.agents,
        )
    except ValueError as error:
        message = f"{source.position}: {error}"
        raise ConfigurationError(message) from error


def event_rules(source: EventSource) -> EventRules:
    """Return what a project says of events as the rules by which they count.

    Args:
        source: `sources.events` of the project's settings.
    """
    incidents = source.incidents
    return EventRules(
        deployments=Use(source.deployments),
        environments=source.environments,
        pipelines=source.pipelines,
        incidents_within=DAY if incidents is None else incidents.within.timedelta,
        incidents_told=incidents is not None,
    )


def refresh(engine: Engine, project: Project, path: Path, now: datetime) -> Collected:
    """Read what is new in the repository at `path`, and what was told of it, into the store, all of it or nothing.

    Args:
        engine: the store.
        project: whose rules say what a deployment is.
        path: where the repository is.
        now: the present moment.

    Raises:
        EnvironmentProblemError: if it cannot be read: no repository, a shallow clone, no git.
        ConfigurationError: if the rules contradict each other.
    """
    rules, events = git_rules(project.settings.sources.git), event_rules(project.settings.sources.events)
    try:
        with writing(engine) as connection:
            return collect(connection, project.name, repository_key(path), path, rules, now, events=events)
    except SourceError as error:
        raise EnvironmentProblemError(str(error)) from error


def open_store(project: Project, path: Path | None = None) -> Engine:
    """Open the store of a project.

    Args:
        project: the project.
        path: another SQLite file; None takes the one that the project names.

    Raises:
        EnvironmentProblemError: if it cannot be opened.
    """
    return open_sqlite(path or project.root / project.settings.store.sqlite)
