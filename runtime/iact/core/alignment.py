"""Rows of text as lines whose columns stand below each other; nothing is cut or wrapped, whatever the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from iact.core.visible import in_one_line


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows as lines whose columns stand below each other, two spaces apart; what would break them is shown.

    Args:
        rows: each with as many cells as the others.
    """
    shown = [[in_one_line(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    for row in shown:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
