"""`.ci/install` says what a machine lacks, and does nothing where nothing is left to do."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

TOOLS = ("cat", "cmp", "dirname", "grep", "mkdir", "sh")
"""The programs of every machine that the script starts, beside Python."""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with what the script reads, and a `bin` that holds no Python."""
    for name in (".ci/install", "pyproject.toml", "requirements/run.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "bin").mkdir()
    for tool in TOOLS:
        place = shutil.which(tool)
        assert place, f"this machine has no {tool}"
        (tmp_path / "bin" / tool).symlink_to(place)
    return tmp_path


def install(checkout: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / ".ci" / "install", "run"],
        env={"PATH": str(checkout / "bin"), "HOME": str(checkout)},
        capture_output=True,
        text=True,
        check=False,
    )


def add_python(checkout: Path, name: str, script: str) -> None:
    """Put a program of that name on the PATH, which stands for a Python with some defect."""
    program = checkout / "bin" / name
    program.write_text(f'#!/bin/sh\n{script}\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    program.chmod(0o755)


def test_a_machine_without_python_is_told_to_install_one(checkout: Path):
    finished = install(checkout)

    assert finished.returncode == 3
    assert "there is no Python of version 3.11 or later on the PATH" in finished.stderr
    assert not (checkout / ".venv").exists()


def test_an_old_python_is_not_used(checkout: Path):
    add_python(checkout, "python3", "exit 1  # what the check of the version answers")

    assert "there is no Python of version 3.11 or later" in install(checkout).stderr


@pytest.mark.parametrize("module", ["ensurepip", "sqlite3", "ssl", "venv"])
def test_an_incomplete_python_is_named_with_what_it_lacks(checkout: Path, module: str):
    add_python(checkout, "python3.11", f'[ "$2" != "import {module}" ] || exit 1')
    finished = install(checkout)

    assert finished.returncode == 3
    assert f"python3.11 lacks the module {module}" in finished.stderr
    assert "apt install python3-venv" in finished.stderr
    assert not (checkout / ".venv").exists()


def pretend_installed(checkout: Path, *, at: Path) -> None:
    """Make the environment that an earlier call in the folder `at` has left."""
    environment = checkout / ".venv"
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(sys.executable)
    version = ".".join(str(part) for part in sys.version_info[:3])
    (environment / "identity").write_text(f"{at}\nPython {version}\n", encoding="utf-8")
    sources = (checkout / name for name in ("requirements/run.txt", "pyproject.toml"))
    (environment / "installed-run").write_text("".join(path.read_text("utf-8") for path in sources), encoding="utf-8")


def test_an_installed_checkout_is_left_alone(checkout: Path):
    pretend_installed(checkout, at=checkout)
    finished = install(checkout)

    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "", "")
    assert sorted(path.name for path in (checkout / ".venv").iterdir()) == ["bin", "identity", "installed-run"]


def test_the_environment_of_a_checkout_that_was_moved_is_not_used(checkout: Path):
    """Programs in an environment hold its path, so a moved one would run another checkout or nothing."""
    pretend_installed(checkout, at=checkout / "elsewhere")

    assert "there is no Python" in install(checkout).stderr


def test_an_installation_that_was_cut_off_begins_anew(checkout: Path):
    """Otherwise pip finds a package there whose programs are not."""
    pretend_installed(checkout, at=checkout)
    (checkout / ".venv" / "installed-run").unlink()
    python = checkout / ".venv" / "bin" / "python"
    python.unlink()
    killing = '[ "$2" != pip ] || kill -KILL "$PPID"'
    python.write_text(f'#!/bin/sh\n{killing}\nexec "{sys.executable}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)

    assert install(checkout).returncode == -signal.SIGKILL

    python.unlink()
    python.symlink_to(sys.executable)
    assert "there is no Python" in install(checkout).stderr
