"""What `publish:` below `audit:` in iact.yaml may say, and where it is told what it may not."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from iact.audit.notes import SignatureType, Signer
from iact.config.opening import open_project
from iact.config.validating import validated
from tests.support.configuration import write_project

PROJECT = "apiVersion: iact/v1\nkind: Project\nmetadata: {name: shop}\nspec:\n  audit:\n    publish:\n"


def found_in(folder: Path, publish: str) -> list[tuple[str, str, str]]:
    """Return rule, place and text of every problem of a project with these lines below `publish:`."""
    problems = validated(write_project(folder, {}, PROJECT + publish), []).problems
    return [(one.rule, str(one.position), one.message) for one in problems]


def test_three_places_can_be_named_and_an_hour_is_meant_where_nothing_is_said(tmp_path: Path):
    publish = (
        "      git: {}\n"
        "      webhook: {url: https://audit.example.org/checkpoints, token: env:AUDIT_TOKEN}\n"
        "      mail: {to: auditors@example.org, smtp: smtps://mail.example.org, account: us, password: env:MAIL}\n"
    )

    assert found_in(tmp_path, publish) == []
    found = open_project(tmp_path).settings.audit.publish
    assert found is not None
    assert found.git is not None
    assert (found.git.remote, found.git.ref) == ("origin", "refs/heads/iact-checkpoints")
    assert found.mail is not None
    assert found.mail.sender == "auditors@example.org"
    assert found.every.timedelta == timedelta(hours=1)


def test_nothing_is_published_where_nothing_is_said(tmp_path: Path):
    write_project(tmp_path, {}, PROJECT.partition("  audit:")[0] + "  time_zone: UTC\n")

    assert open_project(tmp_path).settings.audit.publish is None


def test_a_place_has_to_be_named(tmp_path: Path):
    [(rule, place, message)] = found_in(tmp_path, "      every: 2h\n")

    assert (rule, place) == ("wrong-audit", "iact.yaml:7:7")
    assert message == "`publish` names no place."


@pytest.mark.parametrize(
    "line",
    [
        "git: {remote: --upload-pack=touch}",
        "git: {remote: https://example.org/shop.git}",
        "git: {ref: main}",
        "git: {ref: refs/heads/main}",
        "git: {ref: +refs/heads/main}",
        "git: {ref: refs/heads/a..b}",
        "git: {ref: 'refs/heads/a:refs/heads/b'}",
        "git: {ref: refs/heads/a.lock}",
        "webhook: {url: http://audit.example.org/}",
        "webhook: {url: ftp://audit.example.org/}",
        "webhook: {url: audit.example.org}",
        "webhook: {url: https://audit.example.org/#top}",
        "webhook: {url: https://audit.example.org:port/}",
        "webhook: {url: 'https:///checkpoints'}",
        "mail: {to: a@example.org, smtp: mail.example.org}",
        "mail: {to: a@example.org, smtp: https://mail.example.org}",
        "mail: {to: a@example.org, smtp: smtp://mail.example.org/inbox}",
        "mail: {to: a@example.org, smtp: smtp://mail.example.org, account: us}",
    ],
)
def test_a_place_to_which_nothing_can_be_sent_is_found_at_its_line(tmp_path: Path, line: str):
    [(rule, place, _)] = found_in(tmp_path, f"      {line}\n")

    assert (rule, place.rpartition(":")[0]) == ("wrong-audit", "iact.yaml:7")


def test_a_password_in_an_address_is_found_and_not_repeated(tmp_path: Path):
    found = found_in(tmp_path, "      webhook: {url: 'https://us:hunter22@audit.example.org/'}\n")

    assert found
    assert not any("hunter22" in message for _, _, message in found)


def test_more_often_than_once_a_minute_is_a_slip(tmp_path: Path):
    [(rule, place, message)] = found_in(tmp_path, "      git: {}\n      every: 5s\n")

    assert (rule, place) == ("wrong-audit", "iact.yaml:8:14")
    assert message == "`every: 5s` is more often than the log is signed."


WITNESS = Signer.of_seed("witness.example.org/w1", b"\x07" * 32, SignatureType.COSIGNATURE).key
LOG = Signer.of_seed("example.com/shop", b"\x07" * 32).key
WITNESSES = PROJECT.removesuffix("    publish:\n") + "    witnesses:\n"


def found_of(folder: Path, *witnesses: str) -> list[tuple[str, str, str]]:
    text = WITNESSES + "".join(f"      - {one}\n" for one in witnesses)
    return [
        (one.rule, str(one.position), one.message) for one in validated(write_project(folder, {}, text), []).problems
    ]


def test_a_witness_is_named_by_its_key_and_its_address(tmp_path: Path):
    assert found_of(tmp_path, f"{{key: {WITNESS}, url: https://witness.example.org/w1}}") == []
    assert [one.name for one in open_project(tmp_path).settings.audit.witnesses] == ["witness.example.org/w1"]


@pytest.mark.parametrize(
    "key",
    [
        str(LOG),
        str(WITNESS).replace("w1", "w2"),
        str(WITNESS)[:-4] + "AAAA",
        str(WITNESS)[:-1],
        "witness.example.org/w1",
        "''",
    ],
)
def test_a_key_that_is_no_witness_is_found_at_its_line(tmp_path: Path, key: str):
    [(rule, place, message)] = found_of(tmp_path, f"{{key: {key}, url: https://witness.example.org/}}")

    assert (rule, place) == ("wrong-audit", "iact.yaml:7:15")
    assert message.startswith("it is not the public key of a witness")


def test_a_witness_that_is_asked_in_the_open_or_named_twice_is_found(tmp_path: Path):
    url = "https://witness.example.org/"
    found = found_of(tmp_path, f"{{key: {WITNESS}, url: {url}}}", f"{{key: {WITNESS}, url: 'http://example.org/'}}")

    assert sorted((rule, place.rpartition(":")[0]) for rule, place, _ in found) == [("wrong-audit", "iact.yaml:8")] * 2


@pytest.mark.parametrize("url", ["env:AUDIT_URL", "file:/run/secrets/audit"])
def test_an_address_may_be_kept_as_a_secret(tmp_path: Path, url: str):
    assert found_in(tmp_path, f"      webhook: {{url: {url}}}\n") == []


def test_a_reference_to_an_address_that_is_none_is_told(tmp_path: Path):
    [(rule, _, message)] = found_in(tmp_path, '      webhook: {url: "env:9-LIVES"}\n')
    assert rule == "wrong-audit"
    assert message.startswith("expected the name of a secret, such as env:")
