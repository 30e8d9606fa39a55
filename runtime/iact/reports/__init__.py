"""Reports for people: a finished report document in, one self-contained HTML page out."""

from __future__ import annotations
