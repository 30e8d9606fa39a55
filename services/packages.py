"""Programs out of Debian packages, without installing them: apt resolves and downloads, `dpkg-deb` unpacks.

It needs no root and changes nothing outside its folder. The programs run on the C library they came with, so those of
a newer Debian run on an older one. Where packages come from is what apt of this machine is told: its mirror, proxy and
keys are used, and none is named here.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.errors import ServiceError
from services.locking import locked

_KEYRING: Final = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_TOOLS: Final = ("apt-get", "dpkg-deb")


@dataclass(frozen=True, slots=True)
class Programs:
    """Unpacked packages.

    Attributes:
        root: the folder that stands for `/`.
    """

    root: Path

    def command(self, program: str) -> list[str]:
        """Return how to run one of the programs on the libraries that came with it."""
        machine = f"{platform.machine()}-linux-gnu"
        libraries = [self.root / "usr" / "lib" / machine, self.root / "lib" / machine]
        loader = next(found for folder in libraries for found in folder.glob("ld-linux-*.so.*"))
        search = [*libraries, self.root / "usr" / "lib" / "mysql" / "private"]
        return [str(loader), "--library-path", ":".join(map(str, search)), str(self.root / program)]


def unpacked(folder: Path, *, suite: str, packages: Sequence[str]) -> Programs:
    """Return the programs of packages and of what they depend on; download them once.

    Args:
        folder: where they go, one folder for one set of packages.
        suite: the release of Debian that has them.
        packages: their names.

    Raises:
        ServiceError: if this machine has no apt, no Debian mirror, or cannot download.
    """
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            making = folder.with_name(f"{folder.name}.{os.getpid()}")
            try:
                _download(making / "apt", suite, packages)
                _unpack(making / "apt", making / "root")
                (making / "root").rename(folder)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return Programs(folder)


def _download(folder: Path, suite: str, packages: Sequence[str]) -> None:
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    if missing or not _KEYRING.exists():
        lacking = missing[0] if missing else str(_KEYRING)
        message = f"there is no {lacking} here, which unpacks servers on Debian. Start a container engine instead."
        raise ServiceError(message)
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()  # An empty list of what is installed: every dependency is downloaded too.
    (folder / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {_mirror()} {suite} main\n", encoding="utf-8")
    options = {
        "Dir::State": folder / "state",
        "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": os.devnull,
        "Dir::Etc::preferences": os.devnull,
        "Dir::Etc::preferencesparts": os.devnull,
        "APT::Sandbox::User": "",
        "Acquire::Check-Valid-Until": "false",  # A mirror that is a snapshot is older than its index says it may be.
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
    }
    apt = ["apt-get", "-qq", *(f"--option={name}={value}" for name, value in options.items())]
    _run([*apt, "update"])
    _run([*apt, "--yes", "--no-install-recommends", "--download-only", "install", *packages])


def _unpack(downloaded: Path, root: Path) -> None:
    root.mkdir()
    for package in sorted((downloaded / "cache" / "archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(root)])


def _mirror() -> str:
    """Return the mirror of Debian that apt of this machine uses."""
    form = "$(REPO_URI) $(ORIGIN) $(LABEL)"
    listed = subprocess.run(
        ["apt-get", "indextargets", "--format", form, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    for line in listed.stdout.splitlines():
        uri, _, whose = line.partition(" ")
        if whose == "Debian Debian":
            return uri
    message = (
        "apt of this machine knows no Debian mirror, or was never updated. "
        "Run `apt-get update` as root on a Debian, or start a container engine instead."
    )
    raise ServiceError(message)


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        message = f"`{command[0]} … {command[-1]}` failed. Is the mirror reachable? It said:\n{said}"
        raise ServiceError(message)
