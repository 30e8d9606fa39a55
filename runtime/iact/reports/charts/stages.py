"""Where time is spent: one bar, divided by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iact.reports import svg

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markupsafe import Markup

HEIGHT: Final = 52.0
GAP: Final = 2.0
COLOURS: Final = 5
"""How many stages have a colour of their own before colours repeat; numbers tell them apart all the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One stage.

    Attributes:
        label: what it is called.
        share: of the whole, 0 to 1.
        shown: the share for people.
    """

    label: str
    share: float
    shown: str


def stages(parts: tuple[Part, ...], canvas: svg.Canvas, *, title: str, description: str) -> Markup:
    """Return the drawing: as wide as the canvas, in the order given, numbered from 1.

    Raises:
        ValueError: if no stage has a share.
    """
    if not any(part.share > 0 for part in parts):
        message = "a divided bar needs at least one stage with a share"
        raise ValueError(message)
    return svg.drawing(canvas, title=title, description=description, shapes=_segments(parts, canvas.width))


def _segments(parts: tuple[Part, ...], width: float) -> Iterator[Markup]:
    whole = sum(max(0.0, part.share) for part in parts)
    left = 0.0
    for number, part in enumerate(parts, start=1):
        extent = max(0.0, part.share) / whole * width
        if extent > 0:
            yield svg.rectangle((left, 0), (max(1.0, extent - GAP), HEIGHT), stage_class(number))
            yield from _text(number, part, left, extent)
        left += extent


def _text(number: int, part: Part, left: float, extent: float) -> Iterator[Markup]:
    """Write the longest text that fits: the number with name and share, with the share, the number, or nothing."""
    named, shared, bare = f"{number}  {part.label}", f"{number}  {part.shown}", str(number)
    room = extent - GAP - 20
    if svg.text_width(named) <= room:
        yield svg.label(left + 12, 22, named, "on-stage strong")
        yield svg.label(left + 12, 39, part.shown, "on-stage")
    elif svg.text_width(shared) <= room:
        yield svg.label(left + 12, 30, shared, "on-stage strong")
    elif svg.text_width(bare) <= extent - GAP - 6:
        yield svg.label(left + (extent - GAP) / 2, 30, bare, "on-stage strong", anchor="middle")


def stage_class(number: int) -> str:
    """Return the class of the stage of this number, counted from 1."""
    return f"stage-{(number - 1) % COLOURS + 1}"
