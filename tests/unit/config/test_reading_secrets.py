"""A secret is fetched from where its reference says, and no message ever holds it."""

from __future__ import annotations

import pytest

from iact.config.secret_reading import read_secret
from iact.core.errors import ConfigurationError
from iact.core.secret_values import SecretReference

NAME = SecretReference("env", "SHOP_TOKEN")


def test_a_secret_comes_from_the_environment_without_the_blanks_around_it(monkeypatch, tmp_path):
    monkeypatch.setenv("SHOP_TOKEN", " abc-123\n")

    assert read_secret(NAME, tmp_path) == "abc-123"


def test_a_secret_comes_from_a_file_relative_to_the_project(tmp_path):
    (tmp_path / "token").write_text("abc-123\n", encoding="utf-8")

    assert read_secret(SecretReference("file", "token"), tmp_path) == "abc-123"
    assert read_secret(SecretReference("file", str(tmp_path / "token")), tmp_path) == "abc-123"


@pytest.mark.parametrize("secret", ["hunter2\nX-Evil: 1", "hunter2 hunter2", "hunter2é", "hunter2\x00", "  "])
def test_what_no_header_takes_is_refused_without_being_shown(tmp_path, secret):
    (tmp_path / "token").write_text(secret, encoding="utf-8")

    with pytest.raises(ConfigurationError, match=r"^file:token: expected a secret of one word") as refused:
        read_secret(SecretReference("file", "token"), tmp_path)

    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "token").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="file:token: the file cannot be read: it is no text"):
        read_secret(SecretReference("file", "token"), tmp_path)
