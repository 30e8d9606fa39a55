"""Apache DevLake's test data as somebody's events and history: columns renamed, nothing computed."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from tests.support.git import GitRepository
from tests.support.project import ROOT

DATA: Final = ROOT / "tests/data/devlake"
_HEX: Final = re.compile(r"[0-9a-f]{40}")
_DATE: Final = re.compile(r"(\d+)-(\d+)-(\d+)[ T](\d+):(\d+):(\d+)")


def table(name: str) -> list[dict[str, str]]:
    """Return the rows of a table, such as `change_lead_time/pull_requests`."""
    with (DATA / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def moment(text: str) -> str | None:
    """Return a moment of the tables, which are in UTC and sometimes lack zeros, as RFC 3339; None for none."""
    found = _DATE.match(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    return datetime(year, month, day, hour, minute, second, tzinfo=UTC).isoformat()


def commit_id(name: str, commits: Mapping[str, str]) -> str:
    """Return the id of a commit of the tables: of the history where that has it, else one that stands for its name."""
    if name in commits or _HEX.fullmatch(name):
        return commits.get(name, name)
    return hashlib.sha256(name.encode()).hexdigest()[:40]


def deployment_rows(rows: list[dict[str, str]], commits: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the table `cicd_deployment_commits` as rows of `iact ingest`."""
    for row in rows:
        yield {
            "kind": "deployment",
            "source": "devlake",
            "id": row["id"],
            "status": row["result"].lower(),
            "started_at": moment(row["started_date"]),
            "deployed_at": moment(row["finished_date"]),
            "environment": row["environment"],
            "scope": row["cicd_scope_id"],
            "repository": row["repo_url"],
            "sha": commit_id(row["commit_sha"], commits),
        }


def change_rows(folder: str, commits: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the tables of pull requests, their commits and their comments as rows of `iact ingest`.

    Each commit and each comment is a row of its own; which of them was first is for the product to find. Who wrote
    them is not told, only whether it was the author of the pull request.
    """
    authors = {row["id"]: row["author_id"] for row in table(f"{folder}/pull_requests")}
    requests = {
        row["id"]: {
            "kind": "change",
            "source": "devlake",
            "id": row["id"],
            "opened_at": moment(row["created_date"]),
            "merged_at": moment(row["merged_date"]),
            "sha": commit_id(row["merge_commit_sha"], commits),
        }
        for row in table(f"{folder}/pull_requests")
    }
    yield from requests.values()
    for row in table(f"{folder}/pull_request_commits"):
        commit = commit_id(row["commit_sha"], commits)
        yield requests[row["pull_request_id"]] | {"commit": commit, "authored_at": moment(row["commit_authored_date"])}
    for row in table(f"{folder}/pull_request_comments"):
        if row["account_id"] != authors[row["pull_request_id"]]:
            reviewed_at = moment(row["created_date"])
            yield requests[row["pull_request_id"]] | {"review": row["id"], "reviewed_at": reviewed_at}


def history(repository: GitRepository, folder: str) -> dict[str, str]:
    """Make a git history in which each deployed commit brings what `commits_diffs` says that it brought.

    Every chain of deployed commits is a line of its own; between an old and a new one stand the commits of their
    difference.

    Returns:
        The ids of the commits by their names in the tables.
    """
    differences: dict[tuple[str, str], list[str]] = {}
    for row in table(f"{folder}/commits_diffs"):
        differences.setdefault((row["old_commit_sha"], row["new_commit_sha"]), []).append(row["commit_sha"])
    deployed = table(f"{folder}/cicd_deployment_commits")
    by_id = {row["id"]: row["commit_sha"] for row in deployed}
    made: dict[str, str] = {}
    root = repository.commit("root", at="2022-01-01 00:00")
    for row in deployed:
        old, new = by_id.get(row["prev_success_deployment_commit_id"], ""), row["commit_sha"]
        repository.branch(new, start=made.get(old, root))
        for name in (*differences.get((old, new), ()), new):
            made[name] = repository.commit(name)
    repository.switch("main")
    return made


def write_lines(path: Path, rows: Iterator[dict[str, Any]]) -> Path:
    """Write rows as JSON lines, without what is empty, and return the file."""
    kept = ({key: value for key, value in row.items() if value} for row in rows)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in kept), encoding="utf-8")
    return path
