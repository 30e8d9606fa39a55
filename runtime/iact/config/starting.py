"""`iact init`: a small project that works, extends the shipped rules, and shows how to override one."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from iact.config.publishing import schema_files
from iact.core.errors import ConfigurationError, EnvironmentProblemError

_SETTINGS: Final = """\
# yaml-language-server: $schema=catalog/schemas/project.schema.json
apiVersion: iact/v1
kind: Project
metadata:
  name: {name}
spec:
  extends: [iact]                           # the rules that come with iact hold here too
  store: {{sqlite: .iact/iact.db}}
  time_zone: UTC
  sources:
    git: {{}}                                 # every tag that looks like a version is a deployment
  schedule:                                 # what `iact serve` does by itself
    - {{do: alerts, every: 5m}}
    - {{do: health, every: 5m}}
    - {{do: cleanup, every: 6h}}
    - {{do: backup, at: "02:00"}}
    # - {{run: pdca, every: 1 week}}          # for a project that is in the repository that it measures
{publish}"""

_PUBLISH: Final = """\
  audit:                                    # where signed checkpoints go; best two places that nobody here can set back
    publish:
      git: {{remote: {remote}, ref: refs/heads/iact-checkpoints-{name}}}    # protect it against force and deletion
      # webhook: {{url: https://audit.example.org/checkpoints, token: env:AUDIT_TOKEN}}
      # mail: {{to: auditors@example.org, smtp: "smtps://mail.example.org", account: log, password: env:MAIL_PASSWORD}}
"""
_PUBLISH_LATER: Final = """\
  # audit:                                  # where signed checkpoints go; best two places that nobody here can set back
  #   publish:
  #     git: {remote: origin, ref: refs/heads/iact-checkpoints}
  #     webhook: {url: https://audit.example.org/checkpoints, token: env:AUDIT_TOKEN}
  #     mail: {to: auditors@example.org, smtp: "smtps://mail.example.org", account: log, password: env:MAIL_PASSWORD}
"""

_PEOPLE: Final = """\
# yaml-language-server: $schema=../catalog/schemas/override.schema.json
# An override: a resource of the same kind and name as a shipped one replaces what it says, key by key.
# `iact config show tech-lead` prints what is in force, and where each line comes from.
apiVersion: iact/v1
kind: Person
metadata:
  name: tech-lead
spec:
  email: tech-lead@example.org
"""

_README: Final = """\
# {name}

How this organisation runs, as YAML that iact checks, explains and carries out.

| to | run |
|---|---|
| check every rule | `iact validate` |
| see what is in force, and where each line comes from | `iact config show tech-lead` |
| measure delivery | `iact dora report --repo PATH` |
| find the next improvement | `iact run pdca --window 48h --repo PATH` |
| let it run by itself | `iact serve` |

- `iact.yaml` names the project and extends the rules that come with iact.
- `agents/`, `policies/`, `playbooks/` and `catalog/` hold your own rules, and overrides of shipped ones by kind and
  name; the first is `policies/people.yaml`.
- `catalog/schemas/` lets an editor complete and check every file; `iact schema --write catalog/schemas` renews it.
- `.iact/` holds state and is not committed.
"""

_WORKFLOW: Final = """\
name: iact
on:
  pull_request:
  push:
    branches: [main]
permissions:
  contents: read
jobs:
  validate:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with:
          fetch-depth: 0                    # delivery metrics need the whole history
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      # Where your organisation takes iact from: a release in its own index, or a commit of a repository it trusts.
      - run: pip install "iact @ git+https://git.example.org/iact@COMMIT"    # fill in, and pin
      - run: iact validate --format github
"""

_REMOTE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_LEFT_ALONE: Final = {
    "README.md": "README.md is there already: left as it is.",
    ".gitignore": ".gitignore is there already: add the line .iact/ to it.",
}


def start(folder: Path, *, github: bool) -> Iterator[str]:
    """Make a project in `folder`, and yield what was done, a line for each file.

    Args:
        folder: where; made if it is not there.
        github: whether to add a workflow that checks every pull request.

    Raises:
        ConfigurationError: if a file is in the way; nothing has been made then.
        EnvironmentProblemError: if a file cannot be written; what was made has been removed again then.
    """
    remote = _remote_of(folder)
    files = _files(folder, remote, github=github)
    left = [name for name in _LEFT_ALONE if (folder / name).exists()]
    wanted = {name: text for name, text in files.items() if name not in left}
    in_the_way = [name for name in wanted if (folder / name).exists() or (folder / name).is_symlink()]
    if in_the_way:
        shown = ", ".join(in_the_way[:3]) + (" and others" if len(in_the_way) > 3 else "")  # noqa: PLR2004 - enough to see
        message = f"{shown} in {folder} would be overwritten, so nothing was made. Name another folder."
        raise ConfigurationError(message)
    _write_all(folder, wanted)
    yield from (f"made {folder / name}" for name in wanted if not name.startswith("catalog/schemas/"))
    yield f"made {folder / 'catalog/schemas'}: what editors complete and check files by"
    yield from (_LEFT_ALONE[name] for name in left)
    if remote:
        branch = f"iact-checkpoints-{_project_name(folder)}"
        yield f"`iact serve` pushes checkpoints to {remote}, branch {branch}: protect it against force there."
    if github:
        yield f"Fill in where iact is installed from: {folder / '.github/workflows/iact.yaml'}"
    yield f"Next: cd {folder} && iact validate" if folder != Path() else "Next: iact validate"


def _files(folder: Path, remote: str, *, github: bool) -> dict[str, str]:
    name = _project_name(folder)
    publish = _PUBLISH.format(remote=remote, name=name) if remote else _PUBLISH_LATER
    files = {
        "iact.yaml": _SETTINGS.format(name=name, publish=publish),
        "policies/people.yaml": _PEOPLE,
        "README.md": _README.format(name=name),
        ".gitignore": ".iact/\n",
    }
    if github:
        files[".github/workflows/iact.yaml"] = _WORKFLOW
    return files | {f"catalog/schemas/{file}": text for file, text in schema_files().items()}


def _remote_of(folder: Path) -> str:
    """Return the remote of the repository that a folder is in, or will be; empty where there is none, or no git."""
    there = next(one for one in (folder.resolve(), *folder.resolve().parents) if one.is_dir())
    variables = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        asked = subprocess.run(
            ["git", "-C", str(there), "remote"], env=variables, capture_output=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = [one for one in asked.stdout.decode(errors="replace").split() if _REMOTE.fullmatch(one)]
    return "origin" if "origin" in found else next(iter(found), "")


def _project_name(folder: Path) -> str:
    """Return the folder's name as a resource may be called."""
    words = re.findall(r"[a-z0-9]+", folder.resolve().name.lower())
    name = "-".join(words)
    return name if name[:1].isalpha() else f"project-{name}".rstrip("-")


def _write_all(folder: Path, files: dict[str, str]) -> None:
    """Write every file, or none: what was made is removed again where one cannot be written."""
    made: list[Path] = []
    try:
        for name, text in files.items():
            path = folder / name
            for parent in reversed(path.parents):
                if not parent.exists():
                    parent.mkdir()
                    made.append(parent)
            with path.open("x", encoding="utf-8") as file:
                made.append(path)
                file.write(text)
    except OSError as error:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        message = f"{error.filename or folder} cannot be written ({error.strerror}), so nothing was made."
        raise EnvironmentProblemError(message) from None
