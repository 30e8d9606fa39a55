"""Our own form of events: rows of CSV or objects of JSON with the columns below, and their published JSON Schema.

The columns are said once, here: the reader, the schema and the tables of `docs/ingest.md` are made from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from iact.core.problems import did_you_mean
from iact.sources.events.fields import ID_LENGTH, NAME_LENGTH, SOURCE_PATTERN, EventError, Fields
from iact.sources.events.model import (
    EVENTS,
    TITLE_LENGTH,
    ChangeEvent,
    DeploymentEvent,
    Event,
    IncidentEvent,
    PipelineEvent,
    Status,
)

FILE: Final = "event.schema.json"
KIND: Final = "kind"
SOURCE: Final = "file"
"""Who tells, where a row does not say."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column, or one key of a JSON object.

    Attributes:
        name: what it is called.
        type: `id`, `source`, `text`, `title`, `commit`, `moment` or `status`.
        meaning: one sentence.
        example: a value.
        needed: whether every row must have it.
    """

    name: str
    type: str
    meaning: str
    example: str
    needed: bool = False


_ID: Final = Column(
    "id", "id", "What its source calls it; with `kind` and `source` it names the thing.", "8731", needed=True
)
_SOURCE: Final = Column(
    "source", "source", "Who tells, such as the tool that the row comes from; left out, `file`.", "jenkins"
)
_UPDATED: Final = Column(
    "updated_at", "moment", "Since when the row says what it says; of two rows of one thing the later counts.",
    "2026-03-02 11:30Z",
)  # fmt: skip
_MOMENT: Final = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z| ?[+-]\d{2}:?\d{2}| UTC))?$"
_SERVICE: Final = "Which service it is, where the repository holds several."

COLUMNS: Final[Mapping[str, tuple[Column, ...]]] = {
    "deployment": (
        _ID,
        _SOURCE,
        Column("environment", "text", "Where it went.", "production", needed=True),
        Column("deployed_at", "moment", "When it was finished, or had failed.", "2026-03-02 09:00Z", needed=True),
        Column("status", "status", "How it went; left out, `success`. Only `success` counts.", "success"),
        Column("sha", "commit", "The commit that was deployed; without it no lead time.", "1f2e3d4c5b6a"),
        Column("name", "text", "What people call it.", "v1.4.0"),
        Column("service", "text", _SERVICE, "checkout"),
        Column("started_at", "moment", "When it began.", "2026-03-02 08:55Z"),
        Column("scope", "text", "What deployed, such as a job; its deployments follow each other.", "deploy-checkout"),
        Column("repository", "text", "Which repository it took, where one deployment takes several.", "shop/checkout"),
        _UPDATED,
    ),
    "incident": (
        _ID,
        _SOURCE,
        Column("opened_at", "moment", "Since when users were affected.", "2026-03-02 10:00Z", needed=True),
        Column("resolved_at", "moment", "Since when they no longer were; empty while they are.", "2026-03-02 11:30Z"),
        Column("status", "status", "Left out, `resolved` with `resolved_at` and `open` without.", "resolved"),
        Column("title", "title", "What happened.", "Checkout answers 500"),
        Column("environment", "text", "Where; left out, where the project deploys to.", "production"),
        Column("service", "text", _SERVICE, "checkout"),
        Column("deployment", "id", "The id of the deployment that caused it, where somebody found out.", "8731"),
        Column("sha", "commit", "Likewise the commit that caused it: a change or what was deployed.", "1f2e3d4c5b6a"),
        Column("fixed_by", "commit", "The commit that ended it.", "9a8b7c6d5e4f"),
        _UPDATED,
    ),
    "change": (
        _ID,
        _SOURCE,
        Column("opened_at", "moment", "When the pull or merge request was opened.", "2026-02-27 15:00Z", needed=True),
        Column("reviewed_at", "moment", "When another than its author first reviewed it.", "2026-03-01 10:00Z"),
        Column("review", "id", "What its source calls that review.", "2201"),
        Column("merged_at", "moment", "When it was merged; empty while it is not.", "2026-03-01 10:20Z"),
        Column("status", "status", "Left out, `merged` with `merged_at` and `open` without.", "merged"),
        Column("title", "title", "What it is about.", "Round prices up"),
        Column("sha", "commit", "The commit that merged it; of a squash the one new commit.", "1f2e3d4c5b6a"),
        Column("head", "commit", "The last commit of its branch.", "0a1b2c3d4e5f"),
        Column("branch", "text", "Where it is merged to.", "main"),
        Column("commit", "commit", "A commit of its branch; a row for each, or for the first alone.", "7d6c5b4a3f2e"),
        Column("authored_at", "moment", "When `commit` was written; the earliest counts.", "2026-02-26 11:00Z"),
        _UPDATED,
    ),
    "pipeline": (
        _ID,
        _SOURCE,
        Column("name", "text", "Which pipeline.", "deploy", needed=True),
        Column("status", "status", "How it went.", "success", needed=True),
        Column("started_at", "moment", "When it began.", "2026-03-02 08:50Z"),
        Column("finished_at", "moment", "When it ended.", "2026-03-02 09:00Z", needed=True),
        Column("sha", "commit", "The commit that it ran on.", "1f2e3d4c5b6a"),
        Column("branch", "text", "The branch or tag that it ran for.", "main"),
        _UPDATED,
    ),
}  # fmt: skip
"""The columns of each kind of event, those that must be there among them."""

_NAMES: Final = {kind: dict.fromkeys(column.name for column in columns) for kind, columns in COLUMNS.items()}
ALL_COLUMNS: Final = (KIND, *dict.fromkeys(column.name for columns in COLUMNS.values() for column in columns))


def read_row(content: Mapping[str, Any]) -> Event:
    """Return the event of one row.

    Args:
        content: the cells by column; empty ones may be there or not.

    Raises:
        EventError: if the row is none; the message says which column, what was found and what was expected.
    """
    fields = Fields({name: cell for name, cell in content.items() if not _is_empty(cell)})
    kind = fields.content.get(KIND)
    if not isinstance(kind, str) or kind not in COLUMNS:
        raise fields.wrong(KIND, f"one of {', '.join(COLUMNS)}", kind)
    columns = COLUMNS[kind]
    _refuse_others(fields, kind, _NAMES[kind])
    cells = {
        column.name: _cell(fields, column, EVENTS[kind]) if column.needed or column.name in fields.content else None
        for column in columns
    }
    missing = next((column for column in columns if column.needed and cells[column.name] is None), None)
    if missing is not None:
        raise fields.wrong(missing.name, f"a value such as {missing.example}", None)
    _refuse_backwards(fields, cells)
    return _EVENT_OF[kind](cells)


def _is_empty(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _refuse_others(fields: Fields, kind: str, known: Mapping[str, None]) -> None:
    for name in fields.content:
        if name != KIND and name not in known:
            hint = did_you_mean(name, known) or f"It has {', '.join(known)}."
            message = f"`{name}`: a {kind} has no such column. {hint}"
            raise EventError(message)


_READ: Final = {
    "commit": Fields.sha,
    "id": Fields.id,
    "moment": Fields.moment,
    "source": Fields.source,
    "text": Fields.text,
    "title": Fields.title,
}


def _cell(fields: Fields, column: Column, event: type[Event]) -> Any:
    if column.type == "status":
        return _status(fields, column.name, event)
    return _READ[column.type](fields, column.name)


def _status(fields: Fields, name: str, event: type[Event]) -> Status | None:
    found = fields.text(name)
    if found is None:
        return None
    if found.lower() not in event.statuses:
        raise fields.wrong(name, f"one of {', '.join(event.statuses)}", found)
    return Status(found.lower())


_ORDER: Final = (
    ("opened_at", "resolved_at"),
    ("opened_at", "merged_at"),
    ("started_at", "finished_at"),
    ("started_at", "deployed_at"),
)
"""Which moment cannot come before which."""


def _refuse_backwards(fields: Fields, cells: Mapping[str, Any]) -> None:
    for first, then in _ORDER:
        begun, ended = cells.get(first), cells.get(then)
        if begun is not None and ended is not None and ended < begun:
            raise fields.wrong(then, f"a moment that is not before `{first}`", fields.content[then])


def _deployment(cells: dict[str, Any]) -> Event:
    updated_at = cells.pop("updated_at")
    return DeploymentEvent(
        **_told(cells, at=updated_at or cells["deployed_at"], status=cells.pop("status") or Status.SUCCESS)
    )


def _incident(cells: dict[str, Any]) -> Event:
    updated_at, resolved_at = cells.pop("updated_at"), cells["resolved_at"]
    status = cells.pop("status") or (Status.OPEN if resolved_at is None else Status.RESOLVED)
    if status is Status.RESOLVED and resolved_at is None:
        raise EventError("`resolved_at`: expected a moment, because `status` is resolved, found nothing.")
    return IncidentEvent(**_told(cells, at=updated_at or resolved_at or cells["opened_at"], status=status))


def _change(cells: dict[str, Any]) -> Event:
    updated_at, merged_at = cells.pop("updated_at"), cells["merged_at"]
    status = cells.pop("status") or (Status.OPEN if merged_at is None else Status.MERGED)
    at = updated_at or merged_at or cells["reviewed_at"] or cells["opened_at"]
    return ChangeEvent(**_told(cells, at=at, status=status))


def _pipeline(cells: dict[str, Any]) -> Event:
    updated_at = cells.pop("updated_at")
    return PipelineEvent(**_told(cells, at=updated_at or cells["finished_at"], status=cells.pop("status")))


def _told(cells: Mapping[str, Any], *, at: datetime, status: Status) -> dict[str, Any]:
    return {**cells, "source": cells["source"] or SOURCE, "at": at, "status": status}


_EVENT_OF: Final = {
    "deployment": _deployment,
    "incident": _incident,
    "change": _change,
    "pipeline": _pipeline,
}


def event_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one row as a JSON object."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Event",
        "description": "What `iact ingest` reads beside the payloads of GitHub and GitLab: one object for each line.",
        "oneOf": [_schema_of(kind, columns) for kind, columns in COLUMNS.items()],
    }


def schema_text() -> str:
    """Return the schema as the bytes of its file."""
    return json.dumps(event_schema(), indent=2, ensure_ascii=False) + "\n"


def _schema_of(kind: str, columns: Iterable[Column]) -> dict[str, Any]:
    return {
        "title": kind.capitalize(),
        "type": "object",
        "properties": {KIND: {"const": kind}} | {column.name: _property(column, EVENTS[kind]) for column in columns},
        "required": [KIND, *(column.name for column in columns if column.needed)],
        "additionalProperties": False,
    }


def _property(column: Column, event: type[Event]) -> dict[str, Any]:
    known: dict[str, dict[str, Any]] = {
        "id": {"type": ["string", "integer"], "minLength": 1, "maxLength": ID_LENGTH},
        "source": {"type": "string", "pattern": SOURCE_PATTERN},
        "text": {"type": "string", "maxLength": NAME_LENGTH},
        "title": {"type": "string", "maxLength": TITLE_LENGTH},
        "commit": {"type": "string", "pattern": "^[0-9a-fA-F]{7,64}$"},
        "moment": {"type": "string", "pattern": _MOMENT},
        "status": {"enum": list(event.statuses)},
    }  # fmt: skip
    return {**known[column.type], "description": column.meaning, "examples": [column.example]}


def column_tables() -> Iterator[str]:
    """Yield the Markdown table of each kind's columns, for `docs/ingest.md`."""
    for kind, columns in COLUMNS.items():
        rows = [
            f"| `{column.name}`{' (needed)' if column.needed else ''} | {_type_text(column, EVENTS[kind])} | "
            f"{column.meaning} | `{column.example}` |"
            for column in columns
        ]
        head = f"### {kind}\n\n| column | type | meaning | example |\n|---|---|---|---|\n"
        yield head + "\n".join(rows) + "\n"


def _type_text(column: Column, event: type[Event]) -> str:
    return ", ".join(f"`{status}`" for status in event.statuses) if column.type == "status" else column.type
