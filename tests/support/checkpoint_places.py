"""Places that take checkpoints, on this machine: a server of the web, one for mail, a bare repository, a witness."""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer

from iact.audit.checkpoint import Checkpoint, parse_checkpoint
from iact.audit.notes import NoteError, SignatureType, Signer, VerifierKey, parse_note, verify
from iact.audit.proofs import ProofError, verify_consistency
from tests.support.git import isolated_environment

ONLY_FORWARD = """\
#!/bin/sh
while read -r old new ref; do
  case "$new" in *[!0]*) ;; *) echo "no ref is deleted here" >&2; exit 1 ;; esac
  case "$old" in *[!0]*) ;; *) continue ;; esac
  git merge-base --is-ancestor "$old" "$new" || { echo "this ref only goes forward" >&2; exit 1; }
done
"""


def _open() -> threading.Event:
    gate = threading.Event()
    gate.set()
    return gate


@dataclass(slots=True)
class Web:
    """What a server of the web was sent, and what it answers; nothing while `answers` is cleared."""

    url: str
    status: int = 200
    answer: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    bodies: list[bytes] = field(default_factory=list)
    sent: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    answers: threading.Event = field(default_factory=_open)


@contextmanager
def web() -> Iterator[Web]:
    """Give a server that keeps every POST."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", "0"))
            body = self.rfile.read(length)
            found.bodies.append(body)
            found.sent.append({name.lower(): value for name, value in self.headers.items()})
            found.paths.append(self.path)
            found.answers.wait()
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(found.answer)))
            self.end_headers()
            self.wfile.write(found.answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Web(f"http://127.0.0.1:{server.server_address[1]}/checkpoints")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass(slots=True)
class Post:
    """What a server for mail was handed, and whether it takes any."""

    url: str
    takes: bool = True
    mails: list[EmailMessage] = field(default_factory=list)


@contextmanager
def post_office() -> Iterator[Post]:
    """Give a server that speaks as much of SMTP (RFC 5321) as a sender needs."""

    class Handler(StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline():
                word = line.split()[0].upper() if line.split() else b""
                if word in {b"EHLO", b"HELO"}:
                    self.say("250 test")
                elif word == b"RCPT" and not found.takes:
                    self.say("550 nobody of that name is here")
                elif word == b"DATA":
                    self.say("354 go on")
                    content = bytearray()
                    while (line := self.rfile.readline()) != b".\r\n":
                        content += line[1:] if line.startswith(b"..") else line
                    mail = message_from_bytes(bytes(content), policy=default)
                    assert isinstance(mail, EmailMessage)
                    found.mails.append(mail)
                    self.say("250 taken")
                elif word == b"QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 ok")

        def say(self, line: str) -> None:
            self.wfile.write(f"{line}\r\n".encode())

    server = ThreadingTCPServer(("127.0.0.1", 0), Handler)
    found = Post(f"smtp://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


WITNESS = Signer.of_seed("witness.example.org/w1", b"\x07" * 32, SignatureType.COSIGNATURE)
"""Who signs as the witness of the tests."""


@dataclass(slots=True)
class Watching:
    """What a witness knows (https://c2sp.org/tlog-witness), and what it was asked.

    Attributes:
        url: where it is asked.
        trusted: the keys of the log.
        at: the time that it says, in seconds since 1970.
        seen: the newest checkpoint that it has signed.
        requests: what it was sent.
        statuses: what it answered.
        more: lines that it adds to its own signature.
    """

    url: str = ""
    trusted: tuple[VerifierKey, ...] = ()
    at: int = 1_772_452_800
    seen: Checkpoint | None = None
    requests: list[bytes] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    more: bytes = b""

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:  # noqa: PLR0911 - one for each status of the protocol
        """Return status and body for one request, by the rules of the specification, in its order."""
        self.requests.append(body)
        if path != "/w/add-checkpoint":
            return 404, b""
        head, _, content = body.partition(b"\n\n")
        lines = head.decode().split("\n")
        word, _, written = lines[0].partition(" ")
        try:
            old, note = int(written), parse_note(content)
            checkpoint = parse_checkpoint(note.text)
        except (NoteError, ValueError):
            return 400, b"not understood"
        try:
            verify(note, self.trusted)
        except NoteError:
            return 403, b"not a log of mine"
        if word != "old" or old > checkpoint.size:
            return 400, b"not understood"
        size = self.seen.size if self.seen else 0
        if old != size or (self.seen and size == checkpoint.size and self.seen.root != checkpoint.root):
            return 409, f"{size}\n".encode()
        try:
            root = self.seen.root if self.seen else b""
            proof = [base64.b64decode(line, validate=True) for line in lines[1:]]
            if size or proof:
                verify_consistency(size, checkpoint.size, proof, root, checkpoint.root)
        except (ProofError, ValueError):
            return 422, b"it does not go on"
        self.seen = checkpoint
        return 200, f"{WITNESS.sign(note.text, self.at)}\n".encode() + self.more


@contextmanager
def watching() -> Iterator[Watching]:
    """Give a witness that trusts nobody yet."""
    found = Watching()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            status, body = found.answer(self.path, self.rfile.read(int(self.headers.get("Content-Length", "0"))))
            found.statuses.append(status)
            self.send_response(status)
            if status == 409:
                self.send_header("Content-Type", "text/x.tlog.size")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_address[1]}/w/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def git(folder: Path, *arguments: str) -> str:
    """Return what git prints in a folder."""
    ended = subprocess.run(
        ["git", *arguments], cwd=folder, env={"PATH": "/usr/bin:/bin:/usr/local/bin", **isolated_environment()},
        capture_output=True, check=True, text=True,
    )  # fmt: skip
    return ended.stdout.strip()


def protected_remote(folder: Path, project: Path) -> Path:
    """Return a bare repository that only goes forward, and is `origin` to the repository of a project.

    Args:
        folder: where it is to be.
        project: the project's folder, which becomes a repository with one commit.
    """
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main")
    hook = folder / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(ONLY_FORWARD, encoding="utf-8")
    hook.chmod(0o755)
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "commit", "--quiet", "--allow-empty", "-m", "begin")
    git(project, "remote", "add", "origin", str(folder))
    return folder
