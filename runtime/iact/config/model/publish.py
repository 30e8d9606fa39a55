"""Where signed checkpoints of the log go, so that whoever keeps it cannot take back what it was."""

from __future__ import annotations

import base64
import binascii
import hashlib
import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from urllib.parse import SplitResult, urlsplit

from iact.config.model.checking import wrong
from iact.core.problems import Problem
from iact.core.quantities import duration
from iact.core.secret_values import SecretReference, parse
from iact.core.shape import Duration, Email, Scope, Secret, part
from iact.core.tree import NOWHERE, Position

WEB_FORM: Final = "https://audit.example.org/checkpoints"
MAIL_FORM: Final = "smtp://mail.example.org:587"
_REF_FORM: Final = "refs/heads/iact-checkpoints"
_RULE: Final = "wrong-audit"

# A name begins with a letter or a digit, so that git takes neither for an option; the second is a subset of what
# `git check-ref-format` lets be.
_REMOTE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_REF: Final = re.compile(r"refs(?:/[A-Za-z0-9_](?:[A-Za-z0-9_-]|\.(?![./]|lock(?:/|$)|$))*){2,8}", re.ASCII)
_WORKED_ON: Final = frozenset(f"refs/heads/{name}" for name in ("main", "master", "trunk", "develop", "HEAD"))
"""Branches on which people work, so that they hold something else than checkpoints."""
_WITNESS_KEY: Final = re.compile(
    r"(?P<name>[!-*,-~]{1,100})\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]{44})", re.ASCII
)
_COSIGNS: Final = b"\x04"
"""First byte of a key that signs with the time at which it saw a checkpoint."""
_KEPT: Final = ("env:", "file:")
_LONGEST_ADDRESS: Final = 300
_MOST_OFTEN: Final = timedelta(minutes=1)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishToGit:
    """A ref of another repository, to which one commit is added for each checkpoint; nothing is ever forced.

    Let the server refuse to set it back or to delete it.

    Attributes:
        remote: what the project's repository calls the other one.
        ref: the ref there, with nothing else in it.
    """

    remote: str = "origin"
    ref: str = _REF_FORM
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a name that git does not take."""
        if not _REMOTE.fullmatch(self.remote):
            message = f"`{self.remote}` is not the name of a remote, as `git remote` lists them."
            yield wrong(_RULE, self.positions.get("remote", NOWHERE), message, "Write it like origin.")
        if len(self.ref) > _LONGEST_ADDRESS or not _REF.fullmatch(self.ref):
            message = f"`{self.ref}` is not the whole name of a ref."
            yield wrong(_RULE, self.positions.get("ref", NOWHERE), message, f"Write it like {_REF_FORM}.")
        elif self.ref in _WORKED_ON:
            message = f"`{self.ref}` is a branch on which people work, and checkpoints need a ref of their own."
            yield wrong(_RULE, self.positions.get("ref", NOWHERE), message, f"Write it like {_REF_FORM}.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishToWeb:
    """An address that takes each checkpoint as the body of a POST, as text/plain.

    Attributes:
        url: the address; one that is a secret itself is named, such as `env:AUDIT_URL`.
        token: what is sent with it as `Authorization: Bearer`, such as `env:AUDIT_TOKEN`.
    """

    url: str
    token: Secret | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def kept_url(self) -> SecretReference | None:
        """Where the address is kept; None where it is written here."""
        return parse(self.url) if self.url.startswith(_KEPT) else None

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield an address to which nothing can be sent without that others read or change it."""
        place = self.positions.get("url", NOWHERE)
        if not self.url.startswith(_KEPT):
            yield from web_problems(self.url, place)
            return
        try:
            parse(self.url)
        except ValueError as error:
            yield wrong(_RULE, place, f"{error}.", "Write it like env:AUDIT_URL.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class PublishByMail:
    """Somebody who gets each checkpoint by mail.

    Attributes:
        to: to whom.
        from_: by whom; the same address where it is left out.
        smtp: the server that sends it: `smtp://` has to change to TLS after it began, `smtps://` begins with it.
        account: what the sender is called there, where the server wants to know; the address of `from` if left out.
        password: where the password of that account is kept, such as `env:MAIL_PASSWORD`.
    """

    to: Email
    from_: Email | None = None
    smtp: str
    account: str = ""
    password: Secret | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def sender(self) -> str:
        """By whom it is sent."""
        return self.from_ or self.to

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield an address of a server that is none, and an account without its password."""
        found = _split(self.smtp)
        if found is None or found.scheme not in {"smtp", "smtps"} or found.path.strip("/") or found.query:
            message = f"`{self.smtp}` is not the address of a server that sends mail."
            yield wrong(_RULE, self.positions.get("smtp", NOWHERE), message, f"Write it like {MAIL_FORM}.")
        if self.account and self.password is None:
            message = "`account` is for a server that asks for a password, and no `password` names one."
            place = self.positions.get("account", NOWHERE)
            yield wrong(_RULE, place, message, "Add `password: env:MAIL_PASSWORD`, or remove it.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """Places to which signed checkpoints go and from which whoever keeps the log cannot take them back.

    Attributes:
        git: a ref of another repository.
        webhook: an address that takes them by HTTP.
        mail: somebody who gets them by mail.
        every: how long a place may go without the newest one.
    """

    git: PublishToGit | None = None
    webhook: PublishToWeb | None = None
    mail: PublishByMail | None = None
    every: Duration = duration(timedelta(hours=1))
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield that there is no place, and what would send more than anybody reads."""
        if self.git is None and self.webhook is None and self.mail is None:
            message = "`publish` names no place."
            yield wrong(_RULE, self.position, message, "Name `git`, `webhook` or `mail`, best two of them.")
        if self.every.timedelta < _MOST_OFTEN:
            message = f"`every: {self.every}` is more often than the log is signed."
            yield wrong(_RULE, self.positions.get("every", NOWHERE), message, "Write 1m or more.")


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Witness:
    """Who signs that they only ever saw the log grow (C2SP tlog-witness).

    Attributes:
        key: their public key, `name+id+key`, as they hand it out.
        url: where they take checkpoints; `/add-checkpoint` is added.
    """

    key: str
    url: str
    positions: Mapping[str, Position] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """What the witness is called in what they sign."""
        return self.key.partition("+")[0]

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a key that cannot be a witness's, and an address to which nothing can be sent."""
        if not _is_witness_key(self.key):
            message = "it is not the public key of a witness: name+id+key, of the type that signs with the time (4)."
            yield wrong(_RULE, self.positions.get("key", NOWHERE), message, "Copy it once more, whole.")
        yield from web_problems(self.url, self.positions.get("url", NOWHERE))


def _is_witness_key(written: str) -> bool:
    """Return whether a text is a key of the type that cosigns, with the id that such a key has (C2SP signed-note)."""
    found = _WITNESS_KEY.fullmatch(written)
    if not found:
        return False
    try:
        content = base64.b64decode(found["key"], validate=True)
    except (binascii.Error, ValueError):
        return False
    made = hashlib.sha256(found["name"].encode() + b"\n" + content).hexdigest()
    return content[:1] == _COSIGNS and made.startswith(found["id"])


def web_problems(url: str, place: Position) -> Iterator[Problem]:
    """Yield what is wrong with an address of the web to which something is sent.

    Args:
        url: the address.
        place: where it is written.
    """
    found = _split(url)
    if found is None or found.scheme not in {"https", "http"} or found.fragment:
        # It is not repeated: what is written there may hold a password.
        message = "it is not an address of the web without a name, a password or a fragment in it."
        yield wrong(_RULE, place, message, f"Write it like {WEB_FORM}.")
    elif found.scheme == "http" and not is_this_machine(found.hostname or ""):
        message = f"`{url}`: expected an address that begins with https://, on which nobody changes what is sent."
        yield wrong(_RULE, place, message, f"Write it like {WEB_FORM}.")


def is_this_machine(host: str) -> bool:
    """Return whether a name or an address of a host is that of the machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _split(address: str) -> SplitResult | None:
    """Return the parts of an address of a server; None for one that is none, or has a name or password in it."""
    if len(address) > _LONGEST_ADDRESS or not (address.isascii() and address.isprintable()) or " " in address:
        return None
    try:
        found = urlsplit(address)
        port = found.port
    except ValueError:
        return None
    return None if not found.hostname or "@" in found.netloc or port == 0 else found
