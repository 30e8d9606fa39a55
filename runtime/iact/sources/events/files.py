"""Reading events out of a file, CSV or JSON, compressed or not, with the line of everything that is wrong."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.core.problems import did_you_mean
from iact.sources.events.fields import EventError, shown
from iact.sources.events.model import Event
from iact.sources.events.own import ALL_COLUMNS, KIND, read_row
from iact.sources.events.payloads import recognised

_GZIP: Final = b"\x1f\x8b"
_BLANK: Final = " \t\r\n"
_LARGEST_CELL: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row or payload of a file.

    Attributes:
        line: where it begins, counted from 1.
        events: what it tells; none where it is understood but says nothing about delivery.
        rejected: why it is not used; empty when it is.
        repository: the repository that a payload names.
    """

    line: int
    events: tuple[Event, ...] = ()
    rejected: str = ""
    repository: str | None = None


def read_rows(path: Path) -> Iterator[Row]:
    """Walk the rows of a file in the order in which they stand.

    Args:
        path: the file; what it holds is seen by its content and not by its name.

    Raises:
        EnvironmentProblemError: if it cannot be read.
        ConfigurationError: if it is neither JSON nor a table with known columns.
    """
    text = _read(path)
    start = text.lstrip(_BLANK)
    if not start:
        return
    if start[0] == "{":
        yield from _json_lines(text) if _is_json_lines(start) else _json_values(text, "")
    elif start[0] == "[":
        yield from _json_values(text, "[,]")
    else:
        yield from _table(text, path)


def understand(document: Any, line: int) -> Row:
    """Return what one JSON value tells.

    Args:
        document: the value.
        line: where it stands.
    """
    if not isinstance(document, dict):
        return Row(line=line, rejected=f"expected an object, found {shown(document)}.")
    repository = None
    try:
        if KIND in document:
            return Row(line=line, events=(read_row(document),))
        payload = recognised(document)
        if payload is not None:
            repository = payload.repository(document)
            return Row(line=line, events=tuple(payload.events(document)), repository=repository)
    except EventError as error:
        return Row(line=line, rejected=str(error), repository=repository)
    if _is_other_payload(document):
        return Row(line=line)
    expected = "expected `kind`, or a payload of GitHub or GitLab"
    return Row(line=line, rejected=f"{expected}, found {_keys(document)}.")


def _is_other_payload(document: Mapping[str, Any]) -> bool:
    """Return whether it is a payload of GitHub or GitLab of a sort that is not looked at, such as a push."""
    return (
        isinstance(document.get("object_kind"), str)
        or isinstance(document.get("repository"), dict)
        or "zen" in document
    )


def _keys(document: Mapping[str, Any]) -> str:
    return "an object with " + (", ".join(f"`{str(key)[:40]}`" for key in list(document)[:5]) or "no keys")


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content.startswith(_GZIP):
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        said = getattr(error, "strerror", None) or str(error)
        message = f"the file {path} cannot be read: {said}. Check its name, or make it again."
        raise EnvironmentProblemError(message) from error
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        # What a spreadsheet calls "Unicode text".
        return content.decode("utf-16", errors="replace")
    # Bytes that are no UTF-8 become halves of characters, which make only their own row unusable.
    return content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="surrogateescape")


def _is_json_lines(start: str) -> bool:
    """Return whether a line is a value of its own: of an object over many lines, none is that begins with a brace."""
    return any(_is_json(line) for line in start.split("\n") if line.startswith("{"))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_lines(text: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip(_BLANK):
            yield _json_row(line, number)


def _json_row(text: str, line: int) -> Row:
    try:
        document = json.loads(text)
    except RecursionError:
        return Row(line=line, rejected="expected an object, found one that is nested too deeply.")
    except ValueError as error:
        where = _json_error(error).removesuffix(" of line 1")
        return Row(line=line, rejected=f"expected one JSON object, found something else: {where}.")
    return understand(document, line)


def _json_values(text: str, between: str) -> Iterator[Row]:
    """Walk the values of a list, or values that follow each other, with the line where each begins."""
    decoder = json.JSONDecoder()
    place, line = 0, 1
    skipped = _BLANK + between
    while True:
        start = place
        while start < len(text) and text[start] in skipped:
            start += 1
        line += text.count("\n", place, start)
        if start == len(text):
            return
        try:
            document, place = decoder.raw_decode(text, start)
        except (ValueError, RecursionError) as error:
            # Where the next value begins cannot be known any more.
            reason = f"expected JSON, found something else: {_json_error(error)}. What follows was not read."
            yield Row(line=line, rejected=reason)
            return
        yield understand(document, line)
        line += text.count("\n", start, place)


def _json_error(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at character {error.colno} of line {error.lineno}"
    return "it is nested too deeply" if isinstance(error, RecursionError) else str(error)


def _table(text: str, path: Path) -> Iterator[Row]:
    csv.field_size_limit(_LARGEST_CELL)
    lines = io.StringIO(text, newline="")
    head = next(line for line in text.split("\n") if line.strip())
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    columns: list[str] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Row(line=line, rejected=f"expected cells of a table, found something else: {error}.")
            continue
        if not any(cell.strip() for cell in cells):
            continue
        if not columns:
            columns = _head(cells, path, line)
            continue
        yield _table_row(columns, cells, line)


def _head(cells: list[str], path: Path, line: int) -> list[str]:
    columns = [cell.strip() for cell in cells]
    for name in columns:
        if name not in ALL_COLUMNS:
            hint = did_you_mean(name, ALL_COLUMNS) or "The columns are in docs/ingest.md."
            message = f"{path}:{line}: expected the names of columns, found {shown(name)}. {hint}"
            raise ConfigurationError(message)
    if KIND not in columns:
        message = f"{path}:{line}: the column `kind` is missing; it says of each row what it is. See docs/ingest.md."
        raise ConfigurationError(message)
    twice = next((name for name in columns if columns.count(name) > 1), None)
    if twice is not None:
        message = f"{path}:{line}: the column `{twice}` is there twice; remove one of them."
        raise ConfigurationError(message)
    return columns


def _table_row(columns: list[str], cells: list[str], line: int) -> Row:
    if len(cells) != len(columns):
        return Row(line=line, rejected=f"expected {len(columns)} cells, as in the first line, found {len(cells)}.")
    return understand(dict(zip(columns, cells, strict=True)), line)
