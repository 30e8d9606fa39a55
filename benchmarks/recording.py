"""Keeping what was measured: which commit it was, and the paragraph of a document that says so."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def measured_now() -> dict[str, str]:
    """Return the commit that is measured, and the day."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return {"commit": commit, "at": f"{datetime.now(UTC):%Y-%m-%d}"}


def replace_paragraph(document: Path, begins: str, paragraph: str) -> None:
    """Put a paragraph in the place of the one that begins in the same words.

    Args:
        document: the document, which has such a paragraph.
        begins: how both begin.
        paragraph: the new one, without the empty line after it.
    """
    before, _, rest = document.read_text("utf-8").partition(begins)
    document.write_text(f"{before}{paragraph}\n\n{rest.partition(chr(10) * 2)[2]}", "utf-8")
