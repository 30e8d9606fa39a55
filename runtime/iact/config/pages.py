"""One documentation page for each kind, made from its class: what it is for, an example, and every key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from iact.config.discovery import discover
from iact.config.envelope import Metadata
from iact.config.schemas import file_name
from iact.core.composite_readers import FieldReader, ListReader, MappingReader, PartReader, UnionReader
from iact.core.docstrings import example, explanation, purpose
from iact.core.readers import Reader
from iact.core.registry import KINDS, Kind
from iact.core.shape import part_reader

INDEX: Final = "README.md"
_EVERY: Final = """\
Every resource has the keys `apiVersion: iact/v1`, `kind`, `metadata` and `spec`. A file holds one resource, or several
with `---` between them, and stands anywhere below the `paths` of `iact.yaml`.

A project that `extends` others overrides them by kind and name: mappings are merged key by key, everything else is
replaced whole (a list too), and `null` takes a key away, back to its default. `iact config show NAME` prints what is in
force, with the origin of each line."""
_MADE: Final = "<!-- Made from the classes by `iact schema --pages docs/kinds`; change the class, not this page. -->"


def every_page() -> dict[str, str]:
    """Return the text of every page, by file name."""
    discover()
    pages = {f"{_page_name(name)}.md": _page(KINDS[name]) for name in KINDS}
    return {INDEX: _index(), **pages}


def write_pages(folder: Path) -> list[Path]:
    """Write every page to `folder`, and return the files.

    Raises:
        OSError: if the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = every_page()
    for name, text in pages.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def _page_name(kind: str) -> str:
    return file_name(kind).removesuffix(".schema.json")


def _index() -> str:
    rows = [f"| [{name}]({_page_name(name)}.md) | {purpose(KINDS[name].declared_by)} |" for name in KINDS]
    lines = [_MADE, "", "# Kinds of resources", "", "| kind | what it is for |", "|---|---|", *rows, "", _EVERY, ""]
    return "\n".join([*lines, *_section("metadata", part_reader(Metadata))]).rstrip() + "\n"


def _page(kind: Kind) -> str:
    cls = kind.declared_by
    lines = [_MADE, "", f"# {kind.name}", "", purpose(cls), ""]
    if more := explanation(cls):
        lines += [more, ""]
    lines += [_where(kind), ""]
    if shown := example(cls):
        lines += ["```yaml", shown, "```", ""]
    for path, part in _parts(part_reader(cls), "spec"):
        lines += _section(path, part)
    return "\n".join(lines).rstrip() + "\n"


def _where(kind: Kind) -> str:
    habit = "`iact.yaml`" if kind.folder == "." else f"`{kind.folder}/`"
    schema = file_name(kind.name)
    return f"Usually in {habit}. Schema: [`{schema}`](../../catalog/schemas/{schema})."


def _section(path: str, part: PartReader) -> list[str]:
    lines = [f"## `{path}`", ""]
    if "." in path and (said := purpose(part.cls)):
        lines += [said, ""]
    if not part.fields:
        return [*lines, "It has no keys.", ""]
    rows = [_row(field) for field in part.fields]
    return [*lines, "| key | what belongs here | when left out | what it means |", "|---|---|---|---|", *rows, ""]


def _row(field: FieldReader) -> str:
    left_out = "must be written" if field.required else _default(field.default)
    cells = (f"`{field.key}`", _in_words(field.reader), left_out, field.description)
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _default(value: Any) -> str:
    if value is None or value == "":
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{value}`"


def _in_words(reader: Reader) -> str:
    """Return what belongs there; of nested parts only that they are described below."""
    match reader:
        case PartReader():
            return "a mapping, see below"
        case ListReader(item=item, bare=bare):
            listed = f"a list, each item {_in_words(item)}"
            return f"{_in_words(item)}, or {listed}" if bare else listed
        case MappingReader(value=value):
            return f"a mapping, each value {_in_words(value)}"
        case UnionReader(options=options):
            return " or ".join(dict.fromkeys(_in_words(option) for option in options))
        case _:
            return reader.expected


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _parts(part: PartReader, path: str) -> Iterator[tuple[str, PartReader]]:
    """Yield the part and every part inside it, each with the path of keys that leads to it."""
    yield path, part
    for field in part.fields:
        yield from _inside(field.reader, f"{path}.{field.key}")


def _inside(reader: Reader, path: str) -> Iterator[tuple[str, PartReader]]:
    match reader:
        case PartReader():
            yield from _parts(reader, path)
        case ListReader(item=item):
            yield from _inside(item, f"{path}[]")
        case MappingReader(value=value):
            yield from _inside(value, f"{path}.NAME")
        case UnionReader(options=options):
            for option in options:
                yield from _inside(option, path)
        case _:
            return
