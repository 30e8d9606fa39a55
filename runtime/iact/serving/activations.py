"""Activating a commit: from then on every process that serves the project follows the rules as they are there.

The rules of a commit are taken out of git as they were recorded, whatever the files of a checkout say, and are checked
like all others; a commit that is not there yet, or whose rules have mistakes, activates nothing.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, insert, select

from iact.config.opening import open_project
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.serving.tables import ACTIVATIONS
from iact.sources.git.command import Git, GitFailed
from iact.stores.connect import make_folder
from iact.stores.query import query
from iact.stores.units import read, write

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.engine import Connection

    from iact.config.project import Project
    from iact.engine.runtime import Runtime

IN_FORCE: Final = query(
    "Which commit's rules are in force.",
    select(ACTIVATIONS)
    .where(ACTIVATIONS.c.project == bindparam("project"))
    .order_by(ACTIVATIONS.c.number.desc())
    .limit(1),
    whole="a row for each activation, of which the newest is read and no other",
)
ADD: Final = query("Let another commit's rules be in force.", insert(ACTIVATIONS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """Which rules are in force.

    Attributes:
        number: counts the activations of the project.
        commit: the full id of the commit; empty for the files of each checkout.
        digest: of all rules there.
        activated_by: who said so.
        activated_at: when.
    """

    number: int
    commit: str
    digest: str
    activated_by: str
    activated_at: datetime


def in_force(connection: Connection, project: str) -> Activation | None:
    """Return which rules of a project are in force; None where nobody ever said so, which means those in the files.

    Args:
        connection: to the store.
        project: its name.
    """
    row = IN_FORCE.one(connection, project=project)
    if row is None:
        return None
    return Activation(
        number=row["number"],
        commit=row["commit_id"],
        digest=row["digest"],
        activated_by=row["activated_by"],
        activated_at=row["activated_at"],
    )


def activate(runtime: Runtime, commit: str, digest: str, person: str) -> None:
    """Let the rules of a commit be in force.

    Args:
        runtime: of the project.
        commit: the full id of the commit; empty for the files of each checkout.
        digest: of all rules there.
        person: who says so.
    """

    def add(connection: Connection) -> None:
        before = in_force(connection, runtime.project)
        ADD.run(
            connection,
            project=runtime.project,
            number=before.number + 1 if before else 1,
            commit_id=commit,
            digest=digest,
            activated_by=person,
            activated_at=runtime.host.now(connection),
        )

    # Two people may activate something in the same moment: the number of one is taken, and he comes second.
    write(runtime.engine, add, meets_others=True)


def commit_id(folder: Path, name: str) -> str:
    """Return the full id of a commit that a person named.

    Args:
        folder: in the repository.
        name: as git takes it: a branch, a tag, the beginning of an id.

    Raises:
        ConfigurationError: if there is no such commit here.
    """
    try:
        found = Git.open(folder).run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    except GitFailed as error:
        message = f"there is no commit {name} in the repository of {folder}. Fetch it, or name another."
        raise ConfigurationError(message) from error
    return found.decode().strip()


def project_at(folder: Path, commit: str) -> Project:
    """Return a project with the rules of a commit; everything else stays that of the checkout.

    Args:
        folder: where the project's `iact.yaml` is in the checkout.
        commit: the full id.

    Raises:
        ConfigurationError: if the rules there have mistakes, or the commit is not here.
        EnvironmentProblemError: if they cannot be kept.
    """
    return replace(open_project(_taken_out(folder, commit)), root=folder)


def _taken_out(folder: Path, commit: str) -> Path:
    """Return a folder with the files of a commit; it is there as a whole or not at all."""
    place = folder / ".iact" / "rules" / commit
    if place.is_dir():
        return place
    try:
        packed = Git.open(folder).run("archive", "--format=tar", commit)
    except GitFailed as error:
        message = f"there is no commit {commit} in the repository of {folder}. Fetch it."
        raise ConfigurationError(message) from error
    try:
        make_folder(folder / ".iact")
        place.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", dir=place.parent) as made:
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                # Of Python 3.11 only later ones know filters; git has no names that lead out of a folder anyway.
                archive.extraction_filter = getattr(tarfile, "data_filter", None)
                archive.extractall(Path(made, commit))  # noqa: S202 - see above
            # Another process may have been quicker, with the same files.
            with suppress(FileExistsError):
                _move(Path(made, commit), place)
    except (OSError, tarfile.TarError) as error:
        message = f"the rules of commit {commit} cannot be kept in {place}: {error}."
        raise EnvironmentProblemError(message) from error
    return place


def _move(folder: Path, place: Path) -> None:
    try:
        folder.rename(place)
    except OSError as error:
        # A folder that is not empty stands there: systems differ in what they call that.
        if place.is_dir():
            raise FileExistsError(place) from error
        raise


def now_in_force(runtime: Runtime) -> Activation | None:
    """Return which rules of a project are in force; None for those in the files."""
    return read(runtime.engine, lambda connection: in_force(connection, runtime.project))
