"""What goes wrong with a report."""

from __future__ import annotations

from iact.core.errors import IactError


class ReportError(IactError):
    """A document cannot be shown as a report; the message says what about it."""
