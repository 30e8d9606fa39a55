"""Java programs out of Maven artifacts: Maven resolves and downloads them from wherever its own settings say."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from services.errors import ServiceError
from services.locking import locked

_PROJECT: Final = """\
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId>
  <artifactId>service</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>{group}</groupId>
      <artifactId>{artifact}</artifactId>
      <version>{version}</version>
    </dependency>
  </dependencies>
</project>
"""


def jars(folder: Path, *, group: str, artifact: str, version: str) -> Path:
    """Return the folder with the jars of an artifact and of what it depends on; download them once.

    Args:
        folder: where they go, one folder for one artifact.
        group: the artifact's group.
        artifact: its name.
        version: its exact version.

    Raises:
        ServiceError: if this machine has no Java or no Maven, or cannot download.
    """
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        message = (
            f"there is no {missing[0]} here. Install Java 17 and Maven (Debian: `apt install openjdk-17-jre-headless "
            "maven`), or start a container engine instead."
        )
        raise ServiceError(message)
    with locked(folder.with_name(f"{folder.name}.lock")):
        if not folder.is_dir():
            making = folder.with_name(f"{folder.name}.{os.getpid()}")
            making.mkdir()
            try:
                (making / "pom.xml").write_text(
                    _PROJECT.format(group=group, artifact=artifact, version=version), encoding="utf-8"
                )
                _copy_dependencies(making)
                (making / "jars").rename(folder)
            finally:
                shutil.rmtree(making, ignore_errors=True)
    return folder


def _copy_dependencies(folder: Path) -> None:
    command = [
        *("mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies"),
        *("-DincludeScope=runtime", f"-DoutputDirectory={folder / 'jars'}"),
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if done.returncode:
        said = (done.stdout + done.stderr).strip()
        message = f"Maven could not download the jars. Is its repository reachable? It said:\n{said}"
        raise ServiceError(message)
