"""Earlier releases as they were, to run beside this one; `python -m tests.support.releases COMMIT` records one.

A clone in CI may be shallow, so an earlier release does not come out of the history but out of an archive of what its
wheel would hold, checked by its digest.
"""

from __future__ import annotations

import hashlib
import io
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.project import ROOT

FOLDER: Final = ROOT / "tests/data/releases"
HELD: Final = ("runtime/iact", "agents", "catalog", "playbooks", "policies", "iact.yaml")
"""What a release consists of: the package and the shipped rules."""

PREVIOUS: Final = "4495dad"
"""The last one before several processes shared the runs of a project; its newest revision is 0012. Of two that read the
same commit at once, earlier ones refused one."""
DIGESTS: Final = {PREVIOUS: "sha256:fa3e8512d4db4fed6918c861c94fd476874726089c91cb14d08481ed85039717"}


@dataclass(frozen=True, slots=True)
class Release:
    """A release that can be run.

    Attributes:
        folder: laid out as a checkout.
    """

    folder: Path

    def run(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run `iact` of this release with the packages of this environment."""
        return self._python("-m", "iact.cli", *words, cwd=cwd)

    def place(self) -> Path:
        """Return from where its package is imported."""
        return Path(self._python("-c", "import iact; print(iact.__file__)", cwd=self.folder).stdout.strip())

    def _python(self, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"PYTHONPATH": str(self.folder / "runtime"), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )


def this_release() -> Release:
    """Return the release of this checkout."""
    return Release(ROOT)


def recorded_release(commit: str, folder: Path) -> Release:
    """Return an earlier release, unpacked into a folder that is not there yet.

    Args:
        commit: which.
        folder: where to.
    """
    packed = archive(commit).read_bytes()
    assert f"sha256:{hashlib.sha256(packed).hexdigest()}" == DIGESTS[commit], "the archive is not the one recorded"
    with tarfile.open(fileobj=io.BytesIO(lzma.decompress(packed))) as opened:
        # Python 3.11.4 gave archives the filter, Debian 12's is 3.11.2; the digest above says that the archive is ours.
        opened.extraction_filter = getattr(tarfile, "data_filter", None)
        opened.extractall(folder)  # noqa: S202 - see above
    return Release(folder)


def release_to_come(folder: Path, revision: str, script: str) -> Release:
    """Return this release with one more revision of the tables, as the next one may have it.

    Args:
        folder: where to, which is not there yet.
        revision: its number.
        script: the text of its file.
    """
    for name in HELD:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copyfile(source, target)
    written = folder / "runtime/iact/stores/migrations/versions" / f"{revision}_to_come.py"
    written.write_text(script, encoding="utf-8")
    return Release(folder)


def archive(commit: str) -> Path:
    """Return the file of a release that was recorded."""
    return FOLDER / f"iact-{commit}.tar.xz"


def main(commit: str) -> None:
    """Record a release out of the history, and say its digest."""
    told = subprocess.run(["git", "archive", "--format=tar", commit, *HELD], cwd=ROOT, capture_output=True, check=True)
    packed = lzma.compress(told.stdout, preset=9 | lzma.PRESET_EXTREME)
    FOLDER.mkdir(parents=True, exist_ok=True)
    archive(commit).write_bytes(packed)
    sys.stdout.write(f"sha256:{hashlib.sha256(packed).hexdigest()}\n")


if __name__ == "__main__":
    main(sys.argv[1])
