"""Between a client and a MySQL or MariaDB server: a proxy that breaks connections where it hurts."""

from __future__ import annotations

import contextlib
import random
import socket
import struct
import threading
from collections.abc import Iterator
from typing import Final

HOST: Final = "127.0.0.1"
_CHUNK: Final = 65536
_HEADER: Final = 4
_GREETING: Final = 10
"""First byte of a greeting."""
_QUERY: Final = 0x03
"""First byte of a packet that holds a statement (MySQL client/server protocol, *COM_QUERY*)."""
_TLS: Final = 0x08
"""The bit that offers TLS (`CLIENT_SSL`), in the second of a greeting's capability bytes."""
_BEFORE_CAPABILITIES: Final = 4 + 8 + 1
"""What a greeting holds between the server's version and its capabilities: a number, random bytes and a zero."""
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class Proxy:
    """Carries bytes between clients and one server on this machine, until it is told to break something.

    It takes TLS off what the server offers, so that it can recognise statements; a client that insists on TLS cannot
    connect through it.

    Attributes:
        port: where clients connect to instead of to the server.
        upstream: port of the server, which another one may have after a restart.
        cuts: how many connections it has cut.
    """

    def __init__(self, upstream: int, *, seed: int = 0, cut_after: tuple[int, int] | None = None) -> None:
        """Begin to carry.

        Args:
            upstream: port of the server.
            seed: what chance begins with.
            cut_after: between how many bytes, counted in both directions, each connection is cut; None cuts none.
        """
        self.upstream = upstream
        self._chance = random.Random(seed)  # noqa: S311 - the same cuts in every run, which is no secret
        self._cut_after = cut_after
        self._lock = threading.Lock()
        self._open: set[_Pair] = set()
        self._swallow = 0
        self._hold: HeldCommit | None = None
        self._refusing = False
        self.cuts = 0
        self._listener = socket.create_server((HOST, 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_all(self) -> None:
        """Cut every connection that is open now, as a router that restarts does."""
        with self._lock:
            pairs = list(self._open)
        for pair in pairs:
            self._cut(pair)

    def swallow_commit_answers(self, times: int) -> None:
        """Let the next `times` commits reach the server, and cut their connections instead of bringing the answers."""
        with self._lock:
            self._swallow = times

    def hold_commit(self) -> HeldCommit:
        """Cut the connection of the next commit, and keep it under way until somebody says what becomes of it."""
        held = HeldCommit()
        with self._lock:
            self._hold = held
        return held

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Cut everything, and refuse new connections, until the block ends."""
        self._refusing = True
        self.cut_all()
        try:
            yield
        finally:
            self._refusing = False

    def close(self) -> None:
        """Stop carrying, for good."""
        self._listener.close()
        self.cut_all()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._refusing:
                _reset(client)
                continue
            try:
                server = socket.create_connection((HOST, self.upstream))
            except OSError:
                _reset(client)
                continue
            if server.getsockname() == server.getpeername():
                # Nobody listens, and the system chose that very port for our end: it would talk to itself.
                _reset(client)
                _reset(server)
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            pair = _Pair(client, server, self._budget())
            with self._lock:
                self._open.add(pair)
            for carry in (self._carry_statements, self._carry_answers):
                threading.Thread(target=carry, args=(pair,), daemon=True).start()

    def _budget(self) -> int | None:
        return None if self._cut_after is None else self._chance.randint(*self._cut_after)

    def _carry_statements(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            while packet := _packet(pair.client):
                if _is_commit(packet) and (held := self._takes_the_hold()):
                    _reset(pair.client)
                    if held.outcome():
                        pair.swallowing = True
                        pair.server.sendall(packet)
                        return
                    break
                if _is_commit(packet) and self._takes_a_swallow():
                    pair.swallowing = True
                if not self._spend(pair, len(packet)):
                    return
                pair.server.sendall(packet)
        self._close(pair)

    def _carry_answers(self, pair: _Pair) -> None:
        with contextlib.suppress(OSError):
            pair.client.sendall(_without_tls(_packet(pair.server)))
            while answer := pair.server.recv(_CHUNK):
                if pair.swallowing or not self._spend(pair, len(answer)):
                    self._cut(pair)
                    return
                pair.client.sendall(answer)
        self._close(pair)

    def _takes_the_hold(self) -> HeldCommit | None:
        with self._lock:
            held, self._hold = self._hold, None
            return held

    def _takes_a_swallow(self) -> bool:
        with self._lock:
            self._swallow -= 1
            return self._swallow >= 0

    def _spend(self, pair: _Pair, size: int) -> bool:
        with self._lock:
            if pair.budget is None:
                return True
            pair.budget -= size
            if pair.budget >= 0:
                return True
        self._cut(pair)
        return False

    def _cut(self, pair: _Pair) -> None:
        self._close(pair, cuts=1)

    def _close(self, pair: _Pair, *, cuts: int = 0) -> None:
        with self._lock:
            if pair not in self._open:
                return
            self._open.remove(pair)
            self.cuts += cuts
        _reset(pair.client)
        _reset(pair.server)


class HeldCommit:
    """A commit that is under way between a client whose connection was cut and the server."""

    def __init__(self) -> None:
        self._decided = threading.Event()
        self._arrives = False

    def arrive(self) -> None:
        """Let it reach the server."""
        self._arrives = True
        self._decided.set()

    def get_lost(self) -> None:
        """Let it never reach the server, which then learns that the client is gone."""
        self._decided.set()

    def outcome(self) -> bool:
        """Wait until somebody has said what becomes of it, and return whether it reaches the server."""
        self._decided.wait()
        return self._arrives


class _Pair:
    """One connection: its two ends, how many bytes it may still carry, and whether the next answer is lost."""

    def __init__(self, client: socket.socket, server: socket.socket, budget: int | None) -> None:
        self.client = client
        self.server = server
        self.budget = budget
        self.swallowing = False


def _packet(source: socket.socket) -> bytes:
    """Return the next packet with its header; nothing at the end, and nothing of one that breaks off."""
    header = source.recv(_HEADER, socket.MSG_WAITALL)
    if len(header) < _HEADER:
        return b""
    size = int.from_bytes(header[:3], "little")
    body = bytearray()
    while len(body) < size:
        more = source.recv(min(_CHUNK, size - len(body)))
        if not more:
            return b""
        body += more
    return header + bytes(body)


def _without_tls(greeting: bytes) -> bytes:
    """Return a greeting (*Protocol::HandshakeV10*) that does not offer TLS; a refusal as it is."""
    version_ends = greeting.find(b"\0", _HEADER + 1)
    if version_ends < 0 or greeting[_HEADER] != _GREETING:
        return greeting
    at = version_ends + 1 + _BEFORE_CAPABILITIES + 1
    return greeting[:at] + bytes([greeting[at] & ~_TLS]) + greeting[at + 1 :]


def _is_commit(packet: bytes) -> bool:
    return packet[_HEADER : _HEADER + 1] == bytes([_QUERY]) and packet[_HEADER + 1 :].strip().upper() == b"COMMIT"


def _reset(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        # Without this a close waits for what is under way; with it the other side learns that something broke.
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        end.shutdown(socket.SHUT_RDWR)
    end.close()
