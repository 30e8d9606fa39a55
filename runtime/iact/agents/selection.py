"""Which policy tests are run, and which scenario is played."""

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


def scenario_of(here: Path, given: str | None) -> tuple[Project, Resource | None]:
    """Return the project, and the scenario that is to be played; None where none is asked for.

    Args:
        here: the current folder.
        given: a scenario's name, or a file that holds one, also where the project does not look for rules.

    Raises:
        ConfigurationError: if a rule is wrong, there is no such scenario, or the file holds several.
    """
    file = Path(given) if given else None
    if file is None or not file.is_file():
        project = open_project(here)
        return project, project.get("Scenario", given) if given else None
    project = open_project(here, [file])
    found = [one for one in project.resources("Scenario") if _is_in(project, one, [file.resolve()])]
    if len(found) != 1:
        said = f"several scenarios: {', '.join(one.name for one in found)}. Name one." if found else "no Scenario."
        message = f"{file} holds {said} `iact schema scenario` says how one is written."
        raise ConfigurationError(message)
    return project, found[0]


def _is_in(project: Project, test: Resource, named: list[Path]) -> bool:
    file = (project.rules_root / test.position.file).resolve()
    return any(file == path or file.is_relative_to(path) for path in named)
