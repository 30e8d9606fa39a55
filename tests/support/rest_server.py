"""A server on this machine's loopback that behaves like the REST APIs of GitHub and GitLab, on real sockets.

It pages, answers conditional requests, counts a rate limit by a clock that the test holds, asks for a token, sends on a
repository that was renamed, and fails where a test wants it to. What it does is what the two describe:
https://docs.github.com/en/rest/using-the-rest-api and https://docs.gitlab.com/api/rest/.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

NOON: Final = datetime(2026, 4, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class HandClock:
    """A clock that only moves when somebody sleeps by it."""

    time: datetime = NOON
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the present moment."""
        return self.time

    def sleep(self, seconds: float) -> None:
        """Let time pass at once."""
        self.slept.append(seconds)
        self.time += timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class Request:
    """A request that came in."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    status: int

    @property
    def address(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back; a body of bytes as it is, everything else as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Fault = Callable[[BaseHTTPRequestHandler], None]


def answers(status: int, body: Any = b"", **headers: str) -> Fault:
    """Return a fault: an answer with this status."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return send


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    """A fault: half of an answer, and the connection is gone."""
    handler.send_response(200)
    handler.send_header("Content-Length", "4000")
    handler.end_headers()
    handler.wfile.write(b'[{"id": 1')
    handler.close_connection = True


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """A fault: no answer at all."""
    handler.close_connection = True


class RestServer:
    """The part of both servers that is the same.

    Attributes:
        clock: by which limits are counted.
        log: every request that came in.
        faults: each used up by the first request whose path and query hold its text.
        budget: how many requests an hour are allowed; None: any number.
        most: how many items a page holds at most, however many were asked for.
        before: called with each request before it is answered, so that a test can change things between two pages.
    """

    def __init__(self, token: str | None, clock: HandClock) -> None:
        """Make a server that wants this token, or none; it listens inside of `with`."""
        self.token, self.clock = token, clock
        self.log: list[Request] = []
        self.faults: list[tuple[str, Fault]] = []
        self.budget: int | None = None
        self.most = 100
        self.used = 0
        self.reset_at = clock.now() + timedelta(hours=1)
        self.before: Callable[[str], None] = lambda _: None
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Any:
        """Begin to listen."""
        self._thread.start()
        return self

    @contextmanager
    def in_a_process(self) -> Iterator[None]:
        """Answer out of a process of its own, as things are now: so this one has no thread, and may be copied."""
        process = os.fork()
        if not process:
            try:
                self._http.serve_forever()
            finally:
                os._exit(0)
        try:
            yield
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)

    def close(self) -> None:
        """Give the address up, where the server only ever answered out of another process."""
        self._http.server_close()

    def __exit__(self, *_: object) -> None:
        """Stop, and wait until it is done."""
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def origin(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        """Where its API begins."""
        return self.origin

    def fails(self, where: str, *faults: Fault) -> None:
        """Let the next requests whose address holds `where` fail, each in its way."""
        self.faults += [(where, fault) for fault in faults]

    def requests(self, ending: str = "") -> list[str]:
        """Return the paths that were asked for, those that end so."""
        return [request.path for request in self.log if request.path.endswith(ending)]

    def reply(self, path: str, query: dict[str, str]) -> Reply:
        """Return the answer to a good request."""
        raise NotImplementedError

    def is_known(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request carries the token."""
        raise NotImplementedError

    def limits(self) -> dict[str, str]:
        """Return the headers that tell of the limit."""
        raise NotImplementedError

    def over_the_limit(self) -> Reply:
        """Return the answer to a request too many."""
        raise NotImplementedError

    def paged(
        self, path: str, query: dict[str, str], items: list[Any], wrap: Callable[[Any], Any] | None = None
    ) -> Reply:
        """Return a page of items, with `Link` as both servers write it."""
        size, page = min(int(query.get("per_page", "30")), self.most), int(query.get("page", "1"))
        last = max(1, -(-len(items) // size))
        shown = items[(page - 1) * size : page * size]
        others = (
            {"first": 1, "last": last}
            | ({"next": page + 1} if page < last else {})
            | ({"prev": page - 1} if page > 1 else {})
        )
        links = ", ".join(
            f'<{self.link(path, query | {"page": str(number)})}>; rel="{rel}"' for rel, number in others.items()
        )
        headers = {"Link": links} if last > 1 else {}
        return Reply(wrap(shown) if wrap else shown, headers=headers | self.page_headers(page, last))

    def page_headers(self, page: int, last: int) -> dict[str, str]:
        """Return further headers of a page."""
        del page, last
        return {}

    def link(self, path: str, query: Mapping[str, str]) -> str:
        """Return the whole address of a page."""
        return f"{self.url}{path}?{urlencode(query)}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server._answer(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        path, query = unquote(parts.path), dict(parse_qsl(parts.query))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.before(path)
        for number, (where, fault) in enumerate(self.faults):
            if where in unquote(handler.path):
                del self.faults[number]
                self.log.append(Request(path, query, headers, 0))
                fault(handler)
                return
        reply = self._reply(path, query, headers)
        content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        etag = f'W/"{hashlib.sha256(content).hexdigest()}"'
        status, wanted = reply.status, headers.get("if-none-match")
        if status == 200 and wanted == etag:
            status, content = 304, b""
        elif status < 500:
            self.used += 1
        self.log.append(Request(path, query, headers, status))
        handler.send_response_only(status)
        sent = {
            "Date": format_datetime(self.clock.now(), usegmt=True),
            "Content-Type": "application/json",
            "ETag": etag,
        }
        for name, value in (sent | self.limits() | dict(reply.headers)).items():
            handler.send_header(name, value)
        if status != 304:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def _reply(self, path: str, query: dict[str, str], headers: Mapping[str, str]) -> Reply:
        if self.clock.now() >= self.reset_at:
            self.used, self.reset_at = 0, self.clock.now() + timedelta(hours=1)
        if not self.is_known(headers):
            return Reply({"message": "Bad credentials"}, status=401)
        if self.budget is not None and self.used >= self.budget:
            return self.over_the_limit()
        return self.reply(path, query)


def written(moment: datetime) -> str:
    """Return a moment as the servers write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def read(text: str) -> datetime:
    """Return the moment that a parameter of a query names."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if len(text) == 10 else datetime.fromisoformat(text)
