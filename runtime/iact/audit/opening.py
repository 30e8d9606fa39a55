"""The log of a project for one command: its store, opened, with everything in its place that waited."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from iact.audit.identity import identity_of
from iact.audit.keeping import keep_up_in_spite
from iact.core.errors import ConfigurationError
from iact.dora.repository import open_store
from iact.engine.clocks import DatabaseClock
from iact.engine.host import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iact.audit.identity import LogIdentity
    from iact.config.project import Project


@contextmanager
def opened_log(project: Project) -> Iterator[tuple[Host, LogIdentity]]:
    """Give the store of a project and which log is its, kept up before and after.

    Raises:
        ConfigurationError: if nothing was ever kept.
        EnvironmentProblemError: if the store cannot be opened.
    """
    store = project.settings.store
    if store.url is None and not (project.root / store.sqlite).exists():
        message = f"the store {store.sqlite} is not there yet: nothing was decided or done that could be shown."
        raise ConfigurationError(message)
    engine = open_store(project)
    try:
        host = Host(engine=engine, project=project.name, clock=DatabaseClock(), services={})
        identity = identity_of(project)
        keep_up_in_spite(host, identity)
        yield host, identity
        # What a command writes into the log by itself, such as a new key, is signed as well.
        keep_up_in_spite(host, identity)
    finally:
        engine.dispose()
