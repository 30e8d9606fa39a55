"""`iact pull` as a user runs it: words in, lines and exit codes out, against a server on this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest
from click.testing import CliRunner

from iact.cli.main import main
from iact.dora.cli import dora
from tests.support.git import GitRepository
from tests.support.github_server import TOKEN, GitHubServer
from tests.support.gitlab_server import TOKEN as GITLAB_TOKEN
from tests.support.gitlab_server import GitLabServer
from tests.support.kept import write_settings
from tests.support.rest_server import HandClock, answers

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  extends: [iact]
  sources:
    git: {failures: {reverts: true}}
    github: {repository: shop/web, token: "file:token", since: 2026-01-01}
"""


def march(day: int, hour: int = 9) -> datetime:
    return datetime(2026, 3, day, hour, tzinfo=UTC)


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Iact(Protocol):
    """Runs `iact` with some words."""

    def __call__(self, *words: str) -> Ended:
        """Return how it ended."""


@pytest.fixture
def iact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], repository: GitRepository
) -> Iact:
    """`iact` as it is started from a terminal, in a project that knows its repository at GitHub."""
    folder = tmp_path / "project"
    folder.mkdir()
    write_settings(folder, PROJECT)
    (folder / "token").write_text(f"{TOKEN}\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    for name in ("GITHUB_TOKEN", "GITLAB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    repository.commit("first", at="2026-03-01 09:00")
    repository.commit("second", at="2026-03-02 09:00")

    def run(*words: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["iact", *words, "--repo", str(repository.path)])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        return Ended(int(ended.value.code or 0), shown.out, shown.err)

    return run


@pytest.fixture
def github(repository: GitRepository, iact: Iact) -> Iterator[GitHubServer]:  # noqa: ARG001 - it makes the commits
    """A server with a deployment of every commit."""
    with GitHubServer(HandClock()) as server:
        for number, sha in enumerate(repository.git("rev-list", "--reverse", "main").split(), start=1):
            server.deployed(number, march(number, 12), sha, "success")
        server.requested(42, march(1), merged=march(2), sha="a" * 40)
        yield server


def test_what_the_project_says_is_enough_and_figures_come_of_it(iact, github, repository):
    ended = iact("pull", "github", "--url", github.url, "--token", "file:token")

    assert ended == Ended(
        0,
        "deployments            2 read        2 new        0 changed        0 known        3 requests\n"
        "incidents              0 read        0 new        0 changed        0 known        1 requests\n"
        "pull requests          1 read        1 new        0 changed        0 known        2 requests\n"
        "workflow runs          0 read        0 new        0 changed        0 known        1 requests\n",
        "",
    )
    window = ("--from", "2026-03-01", "--to", "2026-04-01", "--format", "json")
    report = json.loads(CliRunner().invoke(dora, ["report", "--repo", str(repository.path), *window]).stdout)
    assert [one["deployed_at"] for one in report["deployments"]] == [
        "2026-03-01T12:01:00.000000Z",
        "2026-03-02T12:01:00.000000Z",
    ]


def test_a_second_pull_says_that_nothing_is_new(iact, github):
    words = ("pull", "github", "--url", github.url, "--token", "file:token")
    iact(*words)

    assert iact(*words).out.endswith("requests\nNothing is new.\n")


def test_a_dry_run_says_what_would_be_new_and_makes_no_store(iact, github):
    words = ("pull", "github", "--url", github.url, "--token", "file:token")

    looked = iact(*words, "--dry-run")

    assert looked.out.startswith("deployments            2 read        2 new")
    assert looked.out.endswith("This was a look: nothing was written.\n")
    assert not Path(".iact").exists()
    assert iact(*words).out.startswith("deployments            2 read        2 new")


def test_programs_are_told_where_a_limit_stopped_it_and_when_to_go_on(iact, github):
    github.budget = 3

    ended = iact("pull", "github", "--url", github.url, "--token", "file:token", "--wait", "10m", "--format", "json")

    assert ended.code == 3
    assert "GitHub allows no further request before" in ended.err
    found: dict[str, Any] = json.loads(ended.out)
    assert found["format"] == "iact/pulled/v1"
    assert found["stopped"]["again_at"].endswith("Z")
    assert [one["name"] for one in found["streams"]] == ["deployments"]


def test_a_rejected_item_is_told_and_ends_with_1_and_strict_keeps_its_page_out(iact, github):
    github.deployments[0]["sha"] = "main"
    words = ("pull", "github", "--url", github.url, "--token", "file:token")

    strict, lenient = iact(*words, "--strict"), iact(*words)

    assert (strict.code, lenient.code) == (1, 1)
    assert (
        "deployments 1: `deployment.sha`: expected a commit: 7 to 64 hexadecimal digits, found 'main'." in lenient.err
    )
    assert "Nothing of this page of deployments was taken in" in strict.out
    assert "Rejected: 1. Everything else was taken in." in lenient.out
    assert lenient.out.startswith("deployments            2 read        1 new")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ((), 2, "which repository at GitLab is meant, nobody says. Name it: iact pull gitlab OWNER/NAME"),
        (("shop",), 2, "expected owner and name such as shop/web, found 'shop'"),
        (("shop/web", "--token", TOKEN), 2, "expected the name of a secret"),
        (("shop/web", "--token", "env:NOBODY_SET_IT"), 2, "env:NOBODY_SET_IT: there is no environment variable"),
        (("shop/web", "--token", "file:nowhere"), 2, "file:nowhere: the file cannot be read: No such file"),
        (("shop/web", "--token", "file:iact.yaml"), 2, "file:iact.yaml: expected a secret of one word"),
        (("shop/web", "--since", "3000-01-01"), 2, "3000-01-01"),
        (("shop/web", "--wait", "soon"), 2, "--wait"),
        (("shop/web", "--url", "http://gitlab.example.org/api/v4"), 2, "expected an address that begins with https://"),
        (("shop/web", "--url", "gitlab.example.org"), 2, "expected an address that begins with https://"),
    ],
)
def test_what_cannot_be_meant_is_told_before_anything_is_asked(iact, words, code, said):
    ended = iact("pull", "gitlab", *words)

    assert ended.code == code
    assert said in ended.err
    assert TOKEN not in ended.err + ended.out


def test_a_token_that_is_not_accepted_is_named_and_never_shown(iact, github):
    Path("token").write_text("ghp_" + "secret" * 6, encoding="utf-8")

    ended = iact("pull", "github", "--url", github.url, "--token", "file:token")

    assert ended.code == 3
    assert "GitHub does not accept the token of file:token: Bad credentials." in ended.err
    assert "secretsecret" not in ended.err + ended.out
    assert not any(b"secretsecret" in path.read_bytes() for path in Path(".iact").rglob("*") if path.is_file())


def test_a_repository_that_is_not_there_is_told_with_what_the_token_needs(iact, github):
    ended = iact("pull", "github", "shop/nothing", "--url", github.url, "--token", "file:token")

    assert ended.code == 3
    assert "GitHub does not give out /repos/shop/nothing: Not Found (404)." in ended.err
    assert "The token of file:token may lack read access to actions, deployments" in ended.err


def test_a_list_that_is_kept_back_ends_with_3_and_the_others_are_there(iact, github):
    github.forbidden = ("/deployments",)

    ended = iact("pull", "github", "--url", github.url, "--token", "file:token")

    assert ended.code == 3
    assert "Left out: GitHub does not give out /repos/shop/web/deployments" in ended.err
    assert "pull requests          1 read        1 new" in ended.out


def test_a_repository_that_was_renamed_is_told_by_its_new_name(iact, github):
    ended = iact("pull", "github", "shop/old", "--url", github.url, "--token", "file:token")

    assert ended.code == 0
    assert ended.err == "shop/old is called shop/web now; write that where it is named.\n"


def test_the_token_of_the_project_goes_to_the_server_of_the_project_alone(iact, github):
    """Another address on the command line gets the token that is named with it, or none."""
    ended = iact("pull", "github", "--url", github.url)

    assert ended.code == 3
    assert "GitHub does not accept a request without a token" in ended.err
    assert "authorization" not in github.log[0].headers


def test_nobody_listens_is_told_in_a_sentence(iact, github):
    github.fails("/repos/shop/web", *[answers(404, b"<html>not JSON</html>")])

    ended = iact("pull", "github", "--url", github.url, "--token", "file:token")

    assert ended.code == 3
    assert "does not give out /repos/shop/web: Not Found (404)" in ended.err


def test_a_package_that_is_not_installed_is_named_with_what_brings_it(iact, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("iact.sources.rest")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx", None)

    ended = iact("pull", "github")

    assert ended.code == 3
    assert "`iact pull` needs the package httpx, which is not installed: pip install 'iact[pull]'." in ended.err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{repository: shop}", "`shop`: expected owner and name of a repository, such as shop/web."),
        ("{repository: shop/web, url: http://git.example.org}", "expected an address that begins with https://"),
        ("{repository: shop/web, token: ghp_0123456789}", "a secret never is"),
    ],
)
def test_what_is_wrong_in_the_settings_is_told_with_its_line(iact, settings, said):
    project = PROJECT.replace('{repository: shop/web, token: "file:token", since: 2026-01-01}', settings)
    Path("iact.yaml").write_text(project, encoding="utf-8")

    ended = iact("pull", "github")

    assert ended.code == 2
    assert "iact.yaml:8:" in ended.err
    assert said in ended.err
    assert "ghp_0123456789" not in ended.err


def test_gitlab_is_pulled_by_the_same_words(iact):
    with GitLabServer(HandClock()) as server:
        server.deployed(1, march(2), "a" * 40)
        Path("gitlab-token").write_text(GITLAB_TOKEN, encoding="utf-8")

        ended = iact(
            "pull", "gitlab", "shop/web", "--url", server.url, "--token", "file:gitlab-token", "--since", "2026-01-01",
            "--kind", "deployment",
        )  # fmt: skip

    assert ended == Ended(
        0, "deployments            1 read        1 new        0 changed        0 known        1 requests\n", ""
    )
