"""Which repository a report is about: its key in the store, the rules it is read by, and reading what is new."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy.engine import Connection, Engine

from iact.config.model import EventSource, GitSource
from iact.config.project import Project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.dora.collect import Collected, collect
from iact.dora.ingest import copy_events
from iact.dora.recorder.ending import mainline_ends
from iact.sources.events.rules import DAY, EventRules, Use
from iact.sources.git.command import Git
from iact.sources.git.errors import SourceError
from iact.sources.git.identity import first_commit, folder_name
from iact.sources.git.refs import read_mainline
from iact.sources.git.rules import GitRules
from iact.stores.connect import give_back_pages, open_copy, open_memory, open_sqlite
from iact.stores.units import read, write

_SHOWN: Final = 12
"""How many digits of a commit's id stand in a key: among 2**24 histories two share them once in two."""


def repository_name(path: Path, project: Project | None = None) -> str:
    """Return what people call the repository at `path`: the name that the rules give it, else that of its folder.

    Args:
        path: the repository, or a folder in it.
        project: whose rules may name it.

    Raises:
        SourceError: if there is no repository.
    """
    return _given_name(project) or folder_name(Git.open(path))


def repository_key(path: Path, project: Project | None = None, engine: Engine | None = None) -> str:
    """Return the key of the repository at `path` in a store: what is known of it is found by this key.

    It is made of the first commit of the mainline, so it stays when the repository is moved, renamed, cloned again or
    looked at from a folder in it. Forks have the same first commit and are the same repository, unless the rules of
    their projects name them apart (`sources.git.name`). A history that is rewritten from its first commit on is
    another repository.

    Args:
        path: the repository, or a folder in it.
        project: whose rules name the mainline, and perhaps the repository; None for the usual rules.
        engine: a store that may know an earlier end of the mainline, which saves walking to its beginning.

    Raises:
        ConfigurationError: if the rules contradict each other.
        SourceError: if the repository cannot be read.
    """
    git = Git.open(path)
    rules = GitRules() if project is None else git_rules(project.settings.sources.git)
    known = {} if project is None or engine is None else _known_beginnings(engine, project)
    first = first_commit(git, read_mainline(git, rules).tip, known)
    return f"{_given_name(project) or 'git'}-{first[:_SHOWN]}"


def _given_name(project: Project | None) -> str | None:
    return None if project is None else project.settings.sources.git.name


def _known_beginnings(engine: Engine, project: Project) -> dict[str, str]:
    """Return the first commit, as far as keys hold it, of the mainlines that were read."""
    ends = read(engine, lambda connection: list(mainline_ends(connection, project.name)))
    return {tip: key.rpartition("-")[2] for key, tip in ends}


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
        key = repository_key(path, project, engine)
        found = write(
            engine,
            lambda connection: collect(connection, project.name, key, path, rules, now, events=events),
            meets_others=True,
        )
    except SourceError as error:
        raise EnvironmentProblemError(str(error)) from error
    give_back_pages(engine)
    return found


def open_told(project: Project) -> Engine:
    """Open a store in memory that knows what was told of delivery, and nothing else: for looking at the past.

    Args:
        project: the project.

    Raises:
        EnvironmentProblemError: if its store cannot be read.
    """
    told, engine = open_store(project, only_look=True), open_memory()

    def copy(old: Connection) -> None:
        write(engine, lambda new: copy_events(old, new, project.name))

    read(told, copy)
    told.dispose()
    return engine


def open_store(project: Project, path: Path | None = None, *, only_look: bool = False) -> Engine:
    """Open the store of a project.

    Args:
        project: the project.
        path: another SQLite file, in a folder that is there; None takes the one that the project names.
        only_look: open a copy in memory, so that nothing on disk or on a server is made, brought up to date or changed.

    Raises:
        ConfigurationError: if the password of a server, or the authority of its certificate, cannot be read.
        EnvironmentProblemError: if it cannot be opened.
    """
    if path is not None and not path.absolute().parent.is_dir():
        message = f"the folder {path.parent} of the store {path} is not there. Make it, or name another file."
        raise EnvironmentProblemError(message)
    url = project.settings.store.url
    if path is None and url is not None:
        from iact.dora.server import copy_from_server, open_on_server  # noqa: PLC0415 - an embedded store needs no TLS

        return copy_from_server(project, url) if only_look else open_on_server(project, url)
    file = path or project.root / project.settings.store.sqlite
    return open_copy(file) if only_look else open_sqlite(file)
