"""A secret written as a value is an error, and nothing that iact prints ever repeats it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from iact.config import formats
from iact.config.secrets import secret_problems
from iact.core.problems import Problems
from iact.core.shape import Secret, build, part
from iact.core.tree import from_plain
from tests.support.configuration import load_project, resource

# Shapes of secrets, put together here so that no scanner takes this file for a leak.
SLACK = "xoxb" + "-123456789012-abcdefghijkl"
GITHUB = "ghp" + "_0123456789abcdefghijABCDEFGHIJ012345"
AMAZON = "AKIA" + "IOSFODNN7EXAMPLE"
NOTES = "PRIVATE" + "+KEY+example.com/journal+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
KEY = "-----BEGIN RSA " + "PRIVATE KEY-----"
PERSON = resource("Person", "  email: a@example.org\n")
ADDRESS = "mysql://root:" + "hunter2" + "@db.example.org/iact"


@pytest.mark.parametrize("secret", [SLACK, GITHUB, AMAZON, NOTES, ADDRESS])
@pytest.mark.parametrize("form", formats.NAMES)
def test_a_value_that_looks_like_a_secret_is_refused_and_never_shown(tmp_path: Path, secret: str, form: str):
    loaded = load_project(tmp_path, {"rule.yaml": resource("Person", f"  slack: {secret}\n")})

    assert [problem.rule for problem in loaded.problems] == ["secret"]
    assert secret not in formats.write(form, loaded)


def test_a_private_key_is_refused_whole(tmp_path: Path):
    text = resource("Person", f"  slack: |\n    {KEY}\n    MIIEpAIBAAKCAQEA\n")

    loaded = load_project(tmp_path, {"rule.yaml": text})

    assert [(problem.rule, str(problem.position)) for problem in loaded.problems] == [("secret", "rule.yaml:5:10")]
    assert "MIIE" not in formats.write("text", loaded)


@pytest.mark.parametrize("form", formats.NAMES)
@pytest.mark.parametrize(
    "line",
    [
        "  password: hunter2",
        "  slack: {token: hunter2}",
        "  slack: [a, {api_key: hunter2}]",
        "  slack_token: hunter2: x",
        "  password: @hunter2",
        "  password: hunter2 #hunter2",
    ],
)
def test_no_message_repeats_a_secret_whatever_else_is_wrong_with_its_line(tmp_path: Path, line: str, form: str):
    loaded = load_project(tmp_path, {"rule.yaml": resource("Person", f"{line}\n")})

    assert loaded.problems
    assert "hunter2" not in formats.write(form, loaded)


@pytest.mark.parametrize("form", formats.NAMES)
@pytest.mark.parametrize(
    "told",
    ["password=hunter2", "the password: hunter2", "https://example.org/?api-key=hunter2", "DB_TOKEN = 'hunter2'"],
)
def test_a_password_that_a_sentence_tells_is_refused_and_never_shown(tmp_path: Path, told: str, form: str):
    text = PERSON.replace("{name: example}", f'{{name: example, description: "Log in with {told}, then wait"}}')

    loaded = load_project(tmp_path, {"rule.yaml": text})

    assert [problem.rule for problem in loaded.problems] == ["secret"]
    assert "hunter2" not in formats.write(form, loaded)


@pytest.mark.parametrize(
    "sentence",
    [
        "Whoever has the token: they may write.",
        "A token=required header",
        "Lifetime of a token: 30days",
        "Keep the password: env:DB_PASSWORD1",
        "Start it with token=$TOKEN_123",
        "input.token == remembered1",
    ],
)
def test_a_sentence_about_secrets_is_no_secret(sentence: str):
    assert list(secret_problems(from_plain({"description": sentence}))) == []


@pytest.mark.parametrize("written", ["env:IACT_STORE", "file:/run/secrets/store"])
def test_the_name_of_a_secret_is_no_secret(written: str):
    tree = from_plain({"password": written, "tokens": [{"api_key": written}]})

    assert list(secret_problems(tree)) == []


def test_a_field_for_the_name_of_a_secret_does_not_show_what_was_written_instead():
    problems = Problems()

    assert build(Holder, from_plain({"where": "hunter2"}), problems) is None

    [problem] = problems
    assert problem.rule == "secret"
    assert "hunter2" not in f"{problem.message} {problem.hint}"


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Something that needs a secret.

    Attributes:
        where: where the secret is kept.
    """

    where: Secret
