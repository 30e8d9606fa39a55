"""Asking a REST API: page after page, within its limits, and telling the token to nobody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import httpx
import tenacity

from iact.core import instants
from iact.core.errors import ConfigurationError
from iact.sources.rest.errors import GoneError, LimitedError, RefusedError, ServerError
from iact.sources.rest.limits import Pause, pause_before_next, pause_of_refusal

ATTEMPTS: Final = 5
"""How often a request is sent in all whose answer does not come, or is an error of the server's own."""
_LONGEST_BACKOFF: Final = 30
_TIMEOUT: Final = httpx.Timeout(30, connect=10)
_REDIRECTS: Final = frozenset({301, 302, 307, 308})
_MOST_REDIRECTS: Final = 5
_UNCHANGED: Final = 304
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_GONE: Final = frozenset({404, 410})
_FIRST_ERROR: Final = 400
_FIRST_OF_SERVER: Final = 500
_TOLD_LENGTH: Final = 200


class WaitingClock(Protocol):
    """What time it is, and how time passes; handed in, so that no test waits."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let this many seconds pass."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server and how it is asked.

    Attributes:
        name: what people call it.
        url: where its API begins, without a slash at the end.
        headers: what every request says.
        token: what the token is sent as, a header and its value; None where there is none.
        token_name: where the token is kept, for messages.
        scopes: what the token has to allow, for messages.
    """

    name: str
    url: str
    headers: Mapping[str, str]
    token: tuple[str, str] | None
    token_name: str
    scopes: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server answered.

    Attributes:
        body: the JSON value; None where nothing has changed.
        next: the address of the next page, as the server says it; None on the last.
        etag: what names this state of the page; None where the server does not say.
        unchanged: whether the page still is what the given ETag named.
    """

    body: Any = None
    next: str | None = None
    etag: str | None = None
    unchanged: bool = False


class Client:
    """Sends requests to one server, one after the other.

    Args:
        server: which one.
        clock: what waits are made by.
        patience: how long may be waited for limits in all.
        tell: what a person is told while nothing else happens.

    Attributes:
        requests: how many were sent, those that failed among them.

    Raises:
        ConfigurationError: if the token would be sent where others can read it.
    """

    def __init__(self, server: Server, clock: WaitingClock, patience: timedelta, tell: Callable[[str], None]) -> None:
        self.requests = 0
        self._server, self._clock, self._patience, self._tell = server, clock, patience, tell
        self._pause: Pause | None = None
        self._home = httpx.URL(server.url)
        _check(self._home)
        token = {} if server.token is None else {server.token[0]: server.token[1]}
        self._http = httpx.Client(headers={**server.headers, **token}, timeout=_TIMEOUT, follow_redirects=False)
        self._again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_NoAnswerError),
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            wait=tenacity.wait_exponential_jitter(initial=1, max=_LONGEST_BACKOFF, jitter=1),
            sleep=clock.sleep,
            reraise=True,
        )

    @property
    def host(self) -> str:
        """The host that is asked, with its port where it is not the usual one."""
        return self._home.netloc.decode("ascii")

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, address: str, *, etag: str | None = None) -> Answer:
        """Ask for one page.

        Args:
            address: a path such as `/user`, or a whole address that the server named.
            etag: what names the state of the page that is known already.

        Raises:
            RefusedError: if the server does not give it out.
            LimitedError: if it allows no request for longer than somebody wants to wait.
            ServerError: if nothing can be had of it.
        """
        url = self._address(address)
        headers = {} if etag is None else {"If-None-Match": etag}
        for _ in range(_MOST_REDIRECTS + 1):
            response, body = self._within_limits(url, headers)
            if response.status_code == _UNCHANGED:
                return Answer(unchanged=True, etag=etag)
            if response.status_code not in _REDIRECTS:
                return Answer(body=body, next=self._next(response), etag=response.headers.get("etag"))
            url = self._address(str(url.join(response.headers.get("location", ""))))
        message = f"{self._server.name} sends {address} around in a circle. Look at the address that --url names."
        raise ServerError(message)

    def every(self, address: str, items: Callable[[Any], list[Any]]) -> Iterator[Any]:
        """Walk the items of all pages from `address` on.

        Args:
            address: of the first page.
            items: what finds them in a page.
        """
        following: str | None = address
        while following is not None:
            answer = self.get(following)
            yield from items(answer.body)
            following = answer.next

    def _within_limits(self, url: httpx.URL, headers: Mapping[str, str]) -> tuple[httpx.Response, Any]:
        """Send a request as soon as the limits allow it, and once more each time they turn out not to."""
        while True:
            self._wait(self._pause)
            response, body = self._again(self._send, url, headers)
            told, now = response.text if response.is_error else "", self._clock.now()
            named = {name.lower(): value for name, value in response.headers.items()}
            refused = pause_of_refusal(response.status_code, named, told, now)
            self._pause = refused or pause_before_next(named, now)
            if refused is None:
                if response.is_client_error:
                    raise self._refusal(response, url)
                return response, body

    def _send(self, url: httpx.URL, headers: Mapping[str, str]) -> tuple[httpx.Response, Any]:
        self.requests += 1
        try:
            response = self._http.get(url, headers=dict(headers))
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _NoAnswerError(self._server.name, url, _said(error)) from error
        if response.status_code >= _FIRST_OF_SERVER:
            raise _NoAnswerError(self._server.name, url, f"status {response.status_code}")
        if response.status_code >= _FIRST_ERROR or not response.is_success:
            return response, None
        try:
            return response, response.json()
        except (ValueError, RecursionError):
            raise _NoAnswerError(self._server.name, url, "something that is no JSON") from None

    def _wait(self, pause: Pause | None) -> None:
        if pause is None:
            return
        now = self._clock.now()
        span = pause.until - now
        if span <= timedelta():
            return
        if span > self._patience:
            raise LimitedError(self._server.name, pause.reason, pause.until)
        self._tell(
            f"{self._server.name} allows no further request before {instants.show_second(pause.until)}: "
            f"{pause.reason}. Waiting {_shown(span)}."
        )
        self._patience -= span
        self._clock.sleep(span.total_seconds())

    def _next(self, response: httpx.Response) -> str | None:
        """Return the next page as the server names it: by `Link` (RFC 8288), or by GitLab's `X-Next-Page`."""
        link = response.links.get("next", {}).get("url")
        if link:
            return str(self._address(str(response.url.join(link))))
        page = response.headers.get("x-next-page", "").strip()
        return str(response.url.copy_set_param("page", page)) if page else None

    def _address(self, address: str) -> httpx.URL:
        """Return a whole address on this server.

        Raises:
            ServerError: if it is on another one, which must not get the token.
        """
        url = httpx.URL(f"{self._server.url}{address}" if address.startswith("/") else address)
        if (url.scheme, url.host, url.port) != (self._home.scheme, self._home.host, self._home.port):
            message = (
                f"{self._server.name} at {self._home.host} sends on to another server, {url.scheme}://{url.host}, "
                "which is not asked, and gets no token. Where the API has moved, name its new address with --url."
            )
            raise ServerError(message)
        return url

    def _refusal(self, response: httpx.Response, url: httpx.URL) -> ServerError | RefusedError:
        server = self._server
        if response.status_code == _UNAUTHORIZED:
            token = f"the token of {server.token_name}" if server.token else "a request without a token"
            return ServerError(
                f"{server.name} does not accept {token}: {_message(response)}. It may have expired, or be "
                f"another server's; it needs {server.scopes}."
            )
        if response.status_code in {_FORBIDDEN, *_GONE}:
            whose = (
                f"The token of {server.token_name} may lack" if server.token else "Name a token with --token that has"
            )
            wanted = response.headers.get("x-accepted-github-permissions") or server.scopes
            sort = GoneError if response.status_code in _GONE else RefusedError
            return sort(
                f"{server.name} does not give out {url.path}: {_message(response)} ({response.status_code}). "
                f"{whose} {wanted.replace('=', ': ')}; or the name is not right, or this is switched off there."
            )
        return ServerError(f"{server.name} refuses {url.path}: {_message(response)} ({response.status_code}).")


class _NoAnswerError(ServerError):
    """No usable answer came; the next attempt may get one."""

    def __init__(self, server: str, url: httpx.URL, what: str) -> None:
        super().__init__(
            f"{server} does not answer as it should: {url.scheme}://{url.host}{url.path} gave {what}, "
            f"{ATTEMPTS} times. What was read is kept. Run the same command again later, and it goes on from there."
        )


def _check(url: httpx.URL) -> None:
    if url.scheme == "https" or (url.scheme == "http" and _is_this_machine(url.host)):
        return
    found = f"{url.scheme}://{url.host}" if url.scheme else str(url)
    message = (
        f"--url: expected an address that begins with https://, found {found}; a token must not travel in the open."
    )
    raise ConfigurationError(message)


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _message(response: httpx.Response) -> str:
    """Return what the server says in its own words, on one line."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return response.reason_phrase
    told = body.get("message") or body.get("error_description") or body.get("error") if isinstance(body, dict) else None
    return " ".join(str(told or response.reason_phrase).split())[:_TOLD_LENGTH]


def _said(error: Exception) -> str:
    return f"{type(error).__name__} ({' '.join(str(error).split())[:_TOLD_LENGTH] or 'no more is known'})"


def _shown(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    return f"{seconds} s" if seconds < 120 else f"{round(seconds / 60)} min"  # noqa: PLR2004 - two minutes read better so
