"""What happened to a run, and why: its journal in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from iact.core import instants
from iact.engine.journal import EntryKind

if TYPE_CHECKING:
    from iact.engine.journal import Entry


def entry_record(entry: Entry) -> dict[str, Any]:
    """Return an entry of a journal as JSON data: what it says, and for a decision why each way was or was not taken."""
    return {
        "sequence": entry.sequence,
        "at": instants.write(entry.at),
        "kind": entry.kind.value,
        "says": _says(entry),
        "because": list(_because(entry)),
    }


def _says(entry: Entry) -> str:
    body = entry.body
    if entry.kind is EntryKind.STARTED:
        return f"began in {body['decision']['to']}"
    if entry.kind is EntryKind.DECISION:
        return _decided(body)
    return f"{body['action']}: {_came_to(entry)}"


def _came_to(entry: Entry) -> str:
    body = entry.body
    if entry.kind is EntryKind.ATTEMPT:
        return f"attempt {body['attempt']}"
    if entry.kind is EntryKind.RECEIPT:
        return f"{'done' if body['succeeded'] else 'failed'}. {body['message']}".rstrip()
    if entry.kind is EntryKind.POSTPONED:
        return f"not now. {body['reason']}"
    reason: str = body["reason"]
    return reason


def _decided(body: Mapping[str, Any]) -> str:
    decision = body["decision"]
    asked = " ".join(word for word in (body["trigger"]["kind"], body["trigger"].get("name", "")) if word)
    if not decision["moved"]:
        return f"{asked}: stays in {decision['from']}"
    outcome = f" ({decision['outcome']})" if decision["outcome"] else ""
    return f"{asked}: {decision['from']} → {decision['to']}{outcome}"


def _because(entry: Entry) -> Iterator[str]:
    if entry.kind is EntryKind.DECISION:
        for judgement in entry.body["decision"]["considered"]:
            yield from _judged(judgement, 0)


def _judged(judgement: Mapping[str, Any], depth: int) -> Iterator[str]:
    saw = f"; saw {judgement['saw']}" if judgement.get("saw") else ""
    where = f"  [{judgement['at']}]" if judgement.get("at") else ""
    yield f"{'  ' * depth}{judgement['truth']}: {judgement['text']}{saw}{where}"
    for part in judgement.get("parts", ()):
        yield from _judged(part, depth + 1)
