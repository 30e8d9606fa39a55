"""What gets installed is pinned, hashed, free of what the owner forbids, and says nothing of where it comes from."""

from __future__ import annotations

import re
from importlib.metadata import distributions
from pathlib import Path

import pytest

from tests.support.project import ROOT, text_of, tracked_files

LOCKS = ("requirements/run.txt", "requirements/dev.txt", "requirements/bench.txt")

FORBIDDEN = re.compile(r"redis|prometheus|grafana", re.IGNORECASE)
"""Requirement OPS-10 of the project's owner: these are never used, in any form."""

PACKAGE_INDEX = re.compile(
    r"https?://[^\s)>\]]*(?:pypi|pythonhosted|/simple/?(?:\s|$))|--(?:extra-)?index-url[ =]|--find-links[ =]"
)

MACHINE_PATHS = tuple({f"{ROOT}/", f"{Path.home()}/"} - {"//", "/"})


def pins(lock: str) -> dict[str, list[str]]:
    """Return the lines that follow each pin of a lock file, by the pin."""
    found: dict[str, list[str]] = {}
    following: list[str] = []
    for line in text_of(Path(lock)).splitlines():
        if line and not line.startswith((" ", "#")):
            found[line.removesuffix(" \\")] = following = []
        elif line.strip().startswith("--hash"):
            following.append(line.strip())
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_has_one_exact_version_and_its_digests(lock):
    for pin, hashes in pins(lock).items():
        assert re.fullmatch(r"[a-z0-9-]+==[0-9][^ ]*( ; .+)?", pin), pin
        assert hashes, pin
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}( \\)?", line) for line in hashes), pin


def test_tests_run_on_the_packages_that_users_run():
    run, dev, bench = (pins(lock) for lock in LOCKS)

    assert run.items() <= dev.items() <= bench.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_no_forbidden_package_is_pinned(lock):
    assert [pin for pin in pins(lock) if FORBIDDEN.search(pin)] == []


def test_no_forbidden_package_is_installed():
    names = {distribution.name for distribution in distributions()}

    assert "iact" in names
    assert [name for name in names if FORBIDDEN.search(name)] == []


def test_no_file_names_a_package_index():
    found = [
        f"{path}: {match.group()}"
        for path in tracked_files()
        for match in PACKAGE_INDEX.finditer(text_of(path))
        if path.name != Path(__file__).name
    ]

    assert found == []


def test_no_file_holds_a_path_of_this_machine():
    found = [
        f"{path}: {machine_path}"
        for path in tracked_files()
        for machine_path in MACHINE_PATHS
        if machine_path in text_of(path)
    ]

    assert found == []
