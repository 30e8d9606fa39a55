"""`/healthz`: whether a process that serves a project does so, for whoever starts it anew where it does not."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from iact.core.errors import EnvironmentProblemError

_LOGGER: Final = logging.getLogger(__name__)
PATH: Final = "/healthz"


@contextmanager
def answering(host: str, port: int, look: Callable[[], tuple[bool, Mapping[str, Any]]]) -> Iterator[int]:
    """Answer `GET /healthz` until the block ends, and give the port.

    Args:
        host: the address to listen on.
        port: the port; 0 for a free one.
        look: returns whether all is well, and what is told as JSON. It is called in another thread and must not wait.

    Raises:
        EnvironmentProblemError: if nothing can listen there.
    """

    class Answers(BaseHTTPRequestHandler):
        """Answers one question."""

        protocol_version = "HTTP/1.1"
        timeout = 10

        def do_GET(self) -> None:
            """Say how things are."""
            if self.path.partition("?")[0] != PATH:
                self._say(HTTPStatus.NOT_FOUND, {"error": f"there is only {PATH}"})
                return
            well, told = look()
            self._say(HTTPStatus.OK if well else HTTPStatus.SERVICE_UNAVAILABLE, told)

        do_HEAD = do_GET  # noqa: N815 - the name that the library looks for

        def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002 - the library's signature
            """Refuse what it does not understand in the same form as everything else."""
            self._say(HTTPStatus(code), {"error": message or HTTPStatus(code).phrase})

        def _say(self, status: HTTPStatus, told: Mapping[str, Any]) -> None:
            body = (json.dumps(told, ensure_ascii=False) + "\n").encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
            """Keep the log for what matters: this is asked every few seconds."""
            _LOGGER.debug(format, *args)

    try:
        server = ThreadingHTTPServer((host, port), Answers)
    except OSError as error:
        message = f"nothing can listen on {host}:{port}: {error.strerror}. Name another port by --health."
        raise EnvironmentProblemError(message) from error
    thread = threading.Thread(target=server.serve_forever, name="iact-health", daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
