"""Sending something to an address of the web, with Python's library alone, so that every installation can.

Nobody is followed to another address: what was meant for one server, and its token, would go to another.
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from iact import __version__
from iact.audit.bundles import shortened
from iact.audit.publishing.deadline import WHOLE_ANSWER, within
from iact.audit.publishing.model import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT: Final = 15.0
"""Seconds that a server may be silent."""
_LONGEST: Final = 30.0
"""Seconds that an answer may take to be read."""
MOST_OF_AN_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read; what is longer is cut off."""
_CHUNK: Final = 8192


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered.

    Attributes:
        status: of HTTP.
        body: the beginning of what it said.
        location: where it would send on to.
    """

    status: int
    body: bytes
    location: str = ""

    @property
    def is_success(self) -> bool:
        """Whether it took what it was sent."""
        return 200 <= self.status < 300  # noqa: PLR2004 - RFC 9110, 15.3

    def hiding(self, secret: str) -> Reply:
        """Return the same without a secret that the server may have repeated."""
        return replace(self, body=self.body.replace(secret.encode(), "…".encode()))

    def said(self) -> str:
        """Return status and words, in one line."""
        words = shortened(" ".join(self.body.decode("utf-8", errors="replace").split()), 120)
        if self.location:
            host = shortened(urlsplit(self.location).netloc or "another address", 100)
            return f"{self.status}: it sends on to {host}, which is not followed; write the address that it has now"
        return f"{self.status}{f': {words}' if words else ''}"


class _Stays(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nobody; the answer that would send on is what comes back."""


def post(url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = WHOLE_ANSWER) -> Reply:
    """Send something to an address, and return what was answered.

    Args:
        url: `https://…`, or `http://…` on this machine; it was checked where it was written.
        body: what is sent.
        headers: beside those that name length and sender.
        seconds: that all of it may take.

    Raises:
        RefusedError: if no answer came.
    """
    return within(seconds, urlsplit(url).netloc, lambda: _post(url, body, headers))


def _post(url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    named = {"User-Agent": f"iact/{__version__}", **headers}
    request = urllib.request.Request(url, body, named, method="POST")  # noqa: S310 - the configuration allows no other than http and https
    try:
        with urllib.request.build_opener(_Stays).open(request, timeout=TIMEOUT) as response:
            return Reply(response.status, _beginning(response))
    except urllib.error.HTTPError as error:
        with error:
            return Reply(error.code, _beginning(error.fp), error.headers.get("Location") or "")
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        said = shortened(str(reason) or type(reason).__name__, 200)
        message = f"{urlsplit(url).netloc} gives no answer: {said}"
        raise RefusedError(message) from None


def _beginning(response: Any) -> bytes:
    """Return the beginning of an answer, for as long as it does not take too long."""
    end, read = time.monotonic() + _LONGEST, bytearray()
    while len(read) < MOST_OF_AN_ANSWER and time.monotonic() < end:
        piece = response.read1(_CHUNK)
        if not piece:
            break
        read += piece
    return bytes(read[:MOST_OF_AN_ANSWER])
