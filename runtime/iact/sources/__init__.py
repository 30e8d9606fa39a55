"""Sources: the outside world read as facts; nothing in here knows a database."""

from __future__ import annotations
