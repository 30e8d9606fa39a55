"""What is checked of a server's certificate, by what the rules ask for."""

from __future__ import annotations

import ssl

import pytest

from iact.stores.servers import AuthorityError, Tls, connected


@pytest.mark.parametrize(
    ("tls", "checks", "checks_name"),
    [
        (Tls(), ssl.CERT_REQUIRED, True),
        (Tls(checks_name=False), ssl.CERT_REQUIRED, False),
        (Tls(checks_authority=False, checks_name=False), ssl.CERT_NONE, False),
    ],
)
def test_what_is_asked_for_is_what_the_library_is_told(tls, checks, checks_name):
    context = tls.context()

    assert (context.verify_mode, context.check_hostname) == (checks, checks_name)


def test_an_authority_that_is_no_certificate_is_an_error_of_its_own(tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate", encoding="utf-8")

    with pytest.raises(AuthorityError, match=r"the authority .*ca\.pem cannot be used"):
        connected("mysql://iact@db/iact", None, Tls(authority=tmp_path / "ca.pem"))
