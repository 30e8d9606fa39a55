"""In production only rules that git has recorded are followed: what one checkout alone says was approved by nobody.

What is compared is what the rules say, not how they are written, and not what git believes of its files: a file that
git was told to ignore, or to take for unchanged, counts as it is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iact.config.changes import changes
from iact.config.files import SETTINGS
from iact.core.errors import ConfigurationError, IactError
from iact.serving.activations import commit_id, now_in_force, project_at
from iact.sources.git.command import Git, GitFailed

if TYPE_CHECKING:
    from pathlib import Path

    from iact.config.project import Project
    from iact.engine.runtime import Runtime

PRODUCTION: Final = "production"
_ADVICE: Final = (
    "Commit that, or take it back; or name the commit that counts, whatever files say: `iact config activate COMMIT`."
)


class UnrecordedError(ConfigurationError):
    """The files of a checkout in production say something else than its commit."""


def is_production(project: Project) -> bool:
    """Return whether a project is served in production: as its files say, or as they said when they were recorded."""
    return project.settings.environment == PRODUCTION or _was_production(project.root)


def check_recorded(project: Project) -> None:
    """Check that rules are those of the commit that their checkout is at, where they are followed in production.

    Args:
        project: as its files say.

    Raises:
        UnrecordedError: if they are not, or if no git records them.
    """
    if not is_production(project):
        return
    try:
        recorded = project_at(project.root, commit_id(project.root, "HEAD"))
    except IactError as error:
        message = f"{project.root} is served in production, and its rules are in no commit that can be read. {error}"
        raise UnrecordedError(message) from error
    if recorded.digest == project.digest:
        return
    told = "".join(f"\n  {line}" for line in changes(recorded, project))
    message = f"{project.root} is served in production, and its files differ from their commit:{told}\n{_ADVICE}"
    raise UnrecordedError(message)


def check_may_serve(project: Project, runtime: Runtime) -> None:
    """Check that a process may begin to serve by the files of its checkout, unless a commit is followed anyway.

    Args:
        project: as its files say.
        runtime: of the project.

    Raises:
        UnrecordedError: if nobody has recorded what they say, and it is served in production.
    """
    activation = now_in_force(runtime)
    if activation is None or not activation.commit:
        check_recorded(project)


def what_is_unrecorded(project: Project, runtime: Runtime) -> str:
    """Return why a process that serves would not follow the files of a checkout; empty where it would."""
    try:
        check_may_serve(project, runtime)
    except UnrecordedError as error:
        return str(error)
    return ""


def head(folder: Path) -> str:
    """Return at which commit a checkout is; empty where there is none."""
    try:
        return commit_id(folder, "HEAD")
    except IactError:
        return ""


def _was_production(root: Path) -> bool:
    """Return whether the commit of a checkout speaks of production, so that nobody leaves that by editing a file."""
    try:
        recorded = Git.open(root).run("show", f"HEAD:./{SETTINGS}")
    except (GitFailed, IactError):
        return False
    if PRODUCTION.encode() not in recorded:
        return False
    try:
        return project_at(root, commit_id(root, "HEAD")).settings.environment == PRODUCTION
    except IactError:
        return True
