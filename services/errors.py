"""What goes wrong with a server, as a sentence that says what to do."""

from __future__ import annotations


class ServiceError(Exception):
    """A server that cannot be installed, started or reached; its text is for people."""
