"""The page of a bundle that a person reads: what it is about, and its first entries.

It is made out of what the bundle holds and of nothing else, so that the verifier makes it again and compares.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from iact.audit.bundles import ENTRIES, Manifest, shortened
from iact.audit.checkpoint import Checkpoint
from iact.core.commitments import commitments_in, disclosed

ENTRIES_SHOWN: Final = 500
"""How many entries the page shows; all of them are in the file beside it."""
_MOST_OF_A_PART: Final = 2_000
"""Letters of a part of what an entry says that are kept: of these, a row shows two hundred."""

_STYLE: Final = (
    "body{font:14px/1.5 sans-serif;margin:2em auto;max-width:75em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.2em .6em;text-align:left;"
    "vertical-align:top}td:first-child{text-align:right}"
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page shows of an entry; of whatever an entry holds, that is little.

    Attributes:
        place: its place in the log.
        cells: when it was written, its run, and its kind; empty where it cannot be read.
        said: what it says, in parts that a comma separates: what stands before each, and the part, people not named.
    """

    place: int
    cells: tuple[str, ...]
    said: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, place: int, record: Any, *, names_speaker: bool = True) -> Shown:
        """Return what is shown of an entry.

        Args:
            place: its place in the log.
            record: what it holds; anything at all.
            names_speaker: whether it says of a decision who asked for it.
        """
        try:
            cells = (record["at"], f"{record['run']} {record['sequence']}", record["kind"])
            parts = _parts_said(record["kind"], record["body"], names_speaker=names_speaker)
        except (KeyError, TypeError):
            return cls(place, (), ())
        said = tuple((before, part[:_MOST_OF_A_PART]) for before, part in parts)
        return cls(place, tuple(str(cell)[:_MOST_OF_A_PART] for cell in cells), said)

    def tokens(self) -> Iterator[str]:
        """Walk what stands for people and their words in it."""
        for _, part in self.said:
            yield from commitments_in(part)

    def row(self, words: Mapping[str, str]) -> str:
        """Return it as a row of the page, with the words for what stands for them."""
        told = ((before, str(disclosed(part, words))) for before, part in self.said)
        cells = [*self.cells, ", ".join(f"{before}{part}" for before, part in told if part)]
        cells = cells if self.cells else ["", "", "", "cannot be read"]
        return f"<tr><td>{self.place}</td>" + "".join(f"<td>{_safe(cell)}</td>" for cell in cells) + "</tr>\n"


def index_page(manifest: Manifest, checkpoint: Checkpoint, shown: Sequence[Shown], words: Mapping[str, str]) -> bytes:
    """Return the page.

    Args:
        manifest: what the bundle is about.
        checkpoint: to which it leads.
        shown: its first entries, `ENTRIES_SHOWN` at most.
        words: what the commitments in these stand for, of those that are disclosed.
    """
    count, first, last = manifest.last - manifest.first, manifest.first, manifest.last
    rows = [one.row(words) for one in shown]
    asked = f"from {manifest.begin or 'the beginning'} to {manifest.end or 'the end'}"
    rest = f"<p>{count - len(rows)} more are in {ENTRIES}.</p>\n" if count > len(rows) else ""
    page = (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>Journal of {_safe(manifest.project)}</title>'
        f"<style>{_STYLE}</style></head><body>\n"
        f"<h1>Journal of {_safe(manifest.project)}</h1>\n"
        f"<p>{count} entries, {_safe(asked)}: places {first} to {last} (the last not included) of the log "
        f"{_safe(checkpoint.origin)}, which had {checkpoint.size} entries. The page shows what the bundle says; "
        "<code>python3 iact_verify.py BUNDLE --key KEY</code> says whether it holds.</p>\n"
        "<table><tr><th>place</th><th>when</th><th>run</th><th>what</th><th>in detail</th></tr>\n"
        + "".join(rows)
        + f"</table>\n{rest}</body></html>\n"
    )
    return page.encode("utf-8", "replace")


def said_of(kind: str, body: Any, *, names_speaker: bool = True) -> str:
    """Return in a few words what an entry says.

    Args:
        kind: what it is about.
        body: its record.
        names_speaker: whether it says of a decision who asked for it.
    """
    return ", ".join(f"{before}{part}" for before, part in _parts_said(kind, body, names_speaker=names_speaker))


def _parts_said(kind: str, body: Any, *, names_speaker: bool) -> list[tuple[str, str]]:
    """Return what an entry says in parts, none of them empty, each with what stands before it."""
    if not isinstance(body, dict):
        return []
    decision = body.get("decision")
    if isinstance(decision, dict):
        begin, end = decision.get("from"), decision.get("to")
        moved = f"{begin} → {end}" if begin != end or decision.get("moved") else f"stays in {end}"
        agent = str(body["agent"]) if kind == "started" and "agent" in body else ""
        speaker = speaker_of(body) if names_speaker else ""
        parts = [("", agent), ("", moved), ("", decision.get("outcome")), ("by ", speaker)]
    else:
        parts = [("", body.get(key)) for key in ("what", "action", "by", "reason", "message")]
    return [(before, part) for before, part in parts if isinstance(part, str) and part]


def speaker_of(body: Any) -> str:
    """Return who said what an entry says: who answered, or whose order the run was told; empty where nobody did."""
    if not isinstance(body, dict):
        return ""
    if isinstance(body.get("by"), str):
        return str(body["by"])
    for part, name in (("brought", "event.by"), ("inputs", "input.by")):
        told = body.get(part)
        for fact in told if isinstance(told, list) else ():
            if isinstance(fact, dict) and fact.get("name") == name and isinstance(fact.get("value"), str):
                return str(fact["value"])
    return ""


def _safe(text: str) -> str:
    return html.escape(shortened(text))
