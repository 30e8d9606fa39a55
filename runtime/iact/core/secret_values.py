"""Secrets are named, never written: what a reference to one looks like, and what looks like the secret itself."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Final

EXPECTED: Final = "the name of a secret, such as env:SLACK_TOKEN or file:/run/secrets/slack"
PATTERN: Final = r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:\S+)$"

# Each shape is published by whoever issues such keys; a match is never an ordinary word.
_SHAPES: Final = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"
    r"|https://hooks\.slack\.com/services/[A-Za-z0-9/]{20,}"
    r"|\b(?:ghp|gho|ghu|ghs|ghr)_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"
    r"|\bAGE-SECRET-KEY-1[A-Z0-9]{20,}"
    r"|\bPRIVATE\+KEY\+[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]{20,}"
    r"|\bglpat-[A-Za-z0-9_-]{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
    r"|\bAIza[A-Za-z0-9_-]{35}"
    r"|\bsk-[A-Za-z0-9_-]{20,}|\bsk_live_[A-Za-z0-9]{16,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+"
    r"|\b[a-z][a-z0-9+]*://[^\s:/@]+:[^\s/@]+@",
)
_SHORTEST: Final = len("a://b:c@d")
_NAMING: Final = "password|passwd|passphrase|secret|token|api_?key|private_?key|access_?key|credentials?"
_SECRET_KEYS: Final = re.compile(rf"(?:^|_)(?:{_NAMING})$", re.IGNORECASE)
# In a sentence only what has letters and digits is taken for a secret: `token=required` and `token: 30days` are words.
_TOLD: Final = re.compile(
    rf"(?:\b|_)(?:{_NAMING.replace('_?', '[_-]?')})(?: ?= ?|: ?)[\"']?(?!env:|file:|[=$<{{(\[*]|[0-9]+[a-z]*\b)"
    r"(?=[^\s,;]{0,40}[A-Za-z])(?=[^\s,;]{0,40}[0-9])[^\s,;]{6}",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SecretReference:
    """Where a secret is kept.

    Attributes:
        store: `env` for an environment variable, `file` for a file.
        name: the variable's name or the file's path.
    """

    store: str
    name: str

    def __str__(self) -> str:
        """Return it as it is written; it names the secret and never shows it."""
        return f"{self.store}:{self.name}"


def parse(text: str) -> SecretReference:
    """Read a reference.

    Raises:
        ValueError: if it is none; the message does not repeat the text, which may be the secret itself.
    """
    if not re.match(PATTERN, text):
        message = f"expected {EXPECTED}; what is written here is not shown"
        raise ValueError(message)
    store, name = text.split(":", 1)
    return SecretReference(store, name)


def looks_like_secret(text: str) -> bool:
    """Return whether a text has the shape of a key, a token, an address with a password in it, or tells a password."""
    return len(text) >= _SHORTEST and bool(_SHAPES.search(text) or _TOLD.search(text))


@functools.lru_cache(maxsize=1024)
def is_secret_key(key: str) -> bool:
    """Return whether a key such as `password` or `slack_token` says that its value is a secret."""
    return bool(_SECRET_KEYS.search(key.replace("-", "_")))


_ASSIGNED: Final = re.compile(r"^\s*(?:- +)*[\"']?(?P<key>[\w-]+)[\"']?\s*:\s*(?P<value>\S.*)$")
_KEY_MATERIAL: Final = re.compile(r"^\s*(?=\S*[a-z])(?=\S*[A-Z])(?=\S*[0-9])[A-Za-z0-9+/=]{40,}\s*$")


def holds_secret(line: str) -> bool:
    """Return whether a line of a file may show a secret, and therefore must not be quoted in a message."""
    if looks_like_secret(line) or _KEY_MATERIAL.match(line):
        return True
    return any(_is_assignment(part) for part in re.split(r"[{,]", line))


def _is_assignment(text: str) -> bool:
    assigned = _ASSIGNED.match(text)
    return bool(assigned and is_secret_key(assigned["key"]) and not re.match(r"^(env|file):", assigned["value"]))
