"""The page of a bundle that a person reads: what it is about, and its first entries.

It is made out of what the bundle holds and of nothing else, so that the verifier makes it again and compares.
"""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from iact.audit.bundles import ENTRIES, Manifest, shortened
from iact.audit.checkpoint import Checkpoint
from iact.core.commitments import disclosed

ENTRIES_SHOWN: Final = 500
"""How many entries the page shows; all of them are in the file beside it."""

_STYLE: Final = (
    "body{font:14px/1.5 sans-serif;margin:2em auto;max-width:75em;padding:0 1em}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #ccc;padding:.2em .6em;text-align:left;"
    "vertical-align:top}td:first-child{text-align:right}"
)


def index_page(
    manifest: Manifest, checkpoint: Checkpoint, entries: Iterable[bytes], words: Mapping[str, str] | None
) -> bytes:
    """Return the page.

    Args:
        manifest: what the bundle is about.
        checkpoint: to which it leads.
        entries: the stored bytes of its entries; the first of them are read.
        words: what the commitments in these stand for, of those that are disclosed; None where the bundle is from
            before there were any, and its page says of no decision who asked for it.
    """
    count, first, last = manifest.last - manifest.first, manifest.first, manifest.last
    rows = [_row(place, content, words) for place, content in enumerate(islice(entries, ENTRIES_SHOWN), manifest.first)]
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
    if not isinstance(body, dict):
        return ""
    decision = body.get("decision")
    if isinstance(decision, dict):
        begin, end = decision.get("from"), decision.get("to")
        moved = f"{begin} → {end}" if begin != end or decision.get("moved") else f"stays in {end}"
        ordered = f"by {by}" if names_speaker and (by := speaker_of(body)) else ""
        agent = str(body["agent"]) if kind == "started" and "agent" in body else ""
        words = [agent, moved, decision.get("outcome"), ordered]
    else:
        words = [body.get("what"), body.get("action"), body.get("by"), body.get("reason"), body.get("message")]
    return ", ".join(str(word) for word in words if isinstance(word, str) and word)


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


def _row(place: int, content: bytes, words: Mapping[str, str] | None) -> str:
    try:
        record = json.loads(content)
        run, kind = f"{record['run']} {record['sequence']}", record["kind"]
        body = record["body"]
        says = said_of(kind, body, names_speaker=False) if words is None else said_of(kind, disclosed(body, words))
        cells = [record["at"], run, kind, says]
    except (ValueError, KeyError, TypeError, RecursionError):
        cells = ["", "", "", "cannot be read"]
    return f"<tr><td>{place}</td>" + "".join(f"<td>{_safe(str(cell))}</td>" for cell in cells) + "</tr>\n"


def _safe(text: str) -> str:
    return html.escape(shortened(text))
