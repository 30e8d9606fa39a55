"""Activating a commit: from then on every process that serves the project follows the rules as they are there.

The rules of a commit are taken out of git as they were recorded, whatever the files of a checkout say, and are checked
like all others; a commit that is not there yet, or whose rules have mistakes, activates nothing.
"""

from __future__ import annotations

import io
import logging
import tarfile
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iact.agents.modes import modes_of
from iact.config.opening import open_project
from iact.core.canonical import canonical
from iact.core.errors import ConfigurationError, EnvironmentProblemError, IactError
from iact.dora.repository import open_store
from iact.engine.activations import ADD, Activation, in_force
from iact.engine.persons import Persons
from iact.sources.git.command import Git, GitFailed
from iact.stores.connect import make_folder
from iact.stores.units import read, write

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from iact.config.project import Project
    from iact.engine.runtime import Runtime

_LOGGER: Final = logging.getLogger(__name__)


def activate(runtime: Runtime, commit: str, project: Project, person: str) -> None:
    """Let the rules of a commit be in force.

    Args:
        runtime: of the project.
        commit: the full id of the commit; empty for the files of each checkout.
        project: as the rules there say.
        person: who says so.
    """
    modes = {name: mode.value for name, mode in modes_of(project).items()} if commit else {}

    def add(connection: Connection) -> None:
        before = in_force(connection, runtime.project)
        now = runtime.host.now(connection)
        ADD.run(
            connection,
            project=runtime.project,
            number=before.number + 1 if before else 1,
            commit_id=commit,
            digest=project.digest,
            activated_by=Persons(connection, runtime.project, now).pseudonym(person),
            activated_at=now,
            modes=canonical(modes),
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


def project_to_follow(*, only_look: bool = False, instead: str = "") -> Project:
    """Return the project in the current folder; where its files have mistakes, by the rules that are followed.

    Whoever edits a checkout keeps no process from coming back that follows a commit, nor anybody from looking at runs
    and answering them.

    Args:
        only_look: whether nothing is changed: then the rules of the checkout's commit do as well.
        instead: a commit that is named, whose rules do where nothing else does.

    Raises:
        ConfigurationError: if the files have mistakes and there is no commit to go by, or it is not here.
        EnvironmentProblemError: if the store, which is where the commit of the checkout says, does not answer.
    """
    try:
        return open_project()
    except ConfigurationError as error:
        here = Path.cwd()
        root = next((one for one in (here, *here.parents) if (one / "iact.yaml").exists()), None)
        found = None if root is None else _followed_instead(root, only_look=only_look, instead=instead)
        if found is None:
            raise
        project, which = found
        _LOGGER.warning(
            "the files of %s have mistakes, and %s is followed (`iact validate` tells them):\n%s", root, which, error
        )
        return project


def _followed_instead(root: Path, *, only_look: bool, instead: str) -> tuple[Project, str] | None:
    """Return a project by the rules of a commit, and which that is; None where there is none to go by."""
    recorded = _recorded(root, "HEAD")
    if recorded is not None:
        engine = open_store(recorded)
        try:
            activation = read(engine, lambda connection: in_force(connection, recorded.name))
        finally:
            engine.dispose()
        if activation and activation.commit:
            return project_at(root, activation.commit), "the activated commit"
        if only_look:
            return recorded, "the commit of the checkout"
    named = _recorded(root, instead) if instead else None
    return None if named is None else (named, f"commit {instead}")


def _recorded(root: Path, name: str) -> Project | None:
    """Return a project by the rules of a commit; None where it has mistakes or is not here, or nothing records it."""
    try:
        return project_at(root, commit_id(root, name))
    except IactError:
        return None


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
