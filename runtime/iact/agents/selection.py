"""Which policy tests are run."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from iact.config.opening import open_project
from iact.config.project import Project, Resource
from iact.core.errors import ConfigurationError


def chosen(here: Path, paths: Iterable[Path]) -> tuple[Project, list[Resource]]:
    """Return the project, and the policy tests that are to be run.

    Args:
        here: the current folder.
        paths: files and folders; none for all tests of the project.

    Raises:
        ConfigurationError: if a rule is wrong, or there is no test.
    """
    named = [path.resolve() for path in paths]
    project = open_project(here, named)
    tests = [test for test in project.resources("PolicyTest") if not named or _is_in(project, test, named)]
    if not tests:
        where = f"in {', '.join(map(str, paths))}" if named else "in the project"
        message = f"there is no PolicyTest {where}. `iact schema policytest` says how one is written."
        raise ConfigurationError(message)
    return project, tests


def _is_in(project: Project, test: Resource, named: list[Path]) -> bool:
    file = (project.rules_root / test.position.file).resolve()
    return any(file == path or file.is_relative_to(path) for path in named)
