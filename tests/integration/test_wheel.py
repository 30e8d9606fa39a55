"""The wheel carries what an installed iact needs, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.support.project import ROOT, tracked_files

SHIPPED = ("agents", "catalog", "playbooks", "policies")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target=wheel", f"--directory={folder}"]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names_in_wheel(wheel: Path) -> set[str]:
    """What the wheel holds, but for its own `.dist-info`."""
    with ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def expected_in_wheel(path: Path) -> str | None:
    """Return where a tracked file stands in the wheel, or None where it is not part of it."""
    if path.is_relative_to("runtime"):
        return path.relative_to("runtime").as_posix()
    if path.parts[0] in SHIPPED or path == Path("iact.yaml"):
        return f"iact/shipped/{path.as_posix()}"
    return None


def test_the_wheel_holds_the_package_and_the_shipped_rules(names_in_wheel: set[str]):
    expected = {name for path in tracked_files() if (name := expected_in_wheel(path)) is not None}

    assert "iact/shipped/iact.yaml" in expected
    assert expected <= names_in_wheel


def test_the_wheel_holds_nothing_beside_them(names_in_wheel: set[str]):
    assert {name for name in names_in_wheel if not name.startswith("iact/")} == set()


def test_a_project_is_made_and_checked_away_from_any_checkout(wheel: Path, tmp_path: Path):
    installed, project = tmp_path / "installed", tmp_path / "project"
    with ZipFile(wheel) as archive:
        archive.extractall(installed)
    project.mkdir()

    def iact(command: str) -> str:
        return subprocess.run(
            [sys.executable, "-m", "iact.cli", command],
            cwd=project,
            env=os.environ | {"PYTHONPATH": str(installed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    iact("init")

    assert "nothing wrong" in iact("validate")
