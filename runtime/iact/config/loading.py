"""From a folder to a checked project: everything that is wrong is found in one go and told once.

The order: text → YAML → envelope → overrides → the fields of each kind → names of other resources → meaning →
examples. What cannot be read is not asked the next, so that one slip is one problem; what stands beside it is. Examples
run where nothing else is wrong.
"""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from iact.config.discovery import discover, known_facts
from iact.config.envelope import Metadata, Written, name_in, open_envelope, read_metadata
from iact.config.files import SETTINGS, Folder, find_settings, read_beside, read_source, resource_files
from iact.config.merge import merge
from iact.config.model import DEFAULT_PATHS, ProjectSettings, leads_out
from iact.config.project import Project, Resource
from iact.config.scoping import OWN, folders
from iact.config.secrets import secret_problems
from iact.config.shipped import NAME as SHIPPED
from iact.config.shipped import shipped_root
from iact.config.source_text import SourceText
from iact.config.yaml_hints import with_hint, without_secret
from iact.config.yaml_tree import documents
from iact.core.problems import Problem, Problems
from iact.core.registry import KINDS
from iact.core.scope import Scope
from iact.core.shape import Outcome, part_reader, read
from iact.core.tree import MappingNode, Position, ScalarNode, SequenceNode, Tree

SHARED_NAMES: Final = frozenset({"Person", "Team", "OnCallSchedule", "Channel"})
"""Kinds whose names are unique among all of them, so that a reference is a bare word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What loading came to.

    Attributes:
        project: the project; None when anything is wrong.
        problems: what is wrong, by place.
        warnings: what is most likely meant otherwise, though it is not wrong.
        sources: the text of each file, to quote from.
        files: how many of the project's own files were read.
        resources: how many resources the project has, those it extends included.
        notes: what a person should know about how it was found.
    """

    project: Project | None
    problems: tuple[Problem, ...]
    sources: Mapping[str, SourceText]
    files: int
    resources: int
    notes: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Read:
    """What was read so far.

    Attributes:
        problems: what is wrong.
        sources: the text of each file.
        written: the resources of each layer by kind and name.
        doubtful: texts and names in which a missing name may have been declared.
        files: how many of the project's own files were read.
    """

    problems: Problems = field(default_factory=Problems)
    sources: dict[str, SourceText] = field(default_factory=dict)
    written: dict[str, dict[tuple[str, str], Written]] = field(default_factory=dict)
    doubtful: list[str] = field(default_factory=list)
    files: int = 0


@dataclass(frozen=True, slots=True)
class _Effective:
    """A resource with its overrides, before it is built."""

    kind: str
    name: str
    metadata: Tree
    spec: Tree
    position: Position
    layers: tuple[str, ...]


def load(start: Path, also: Iterable[Path] = (), *, against_schemas: bool = False) -> Loaded:
    """Load the project that `start` is in, or the shipped rules alone where there is none.

    Args:
        start: a folder; `iact.yaml` is looked for here and above.
        also: further files and folders to read as part of the project.
        against_schemas: whether each resource is also held against its published JSON Schema, as `iact validate` does.
    """
    discover()
    with _nothing_to_collect():
        return _load(start, also, against_schemas=against_schemas)


@contextlib.contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """Let the garbage collector rest: all that is made here is kept, and searching it takes a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(start: Path, also: Iterable[Path], *, against_schemas: bool) -> Loaded:
    settings_file = find_settings(start.resolve())
    reading = _Read()
    notes: tuple[str, ...] = ()
    if settings_file is None:
        notes = (f"No {SETTINGS} here: using the shipped rules.",)
        folder = Folder(start.resolve(), OWN)
        _read_shipped(reading)
        for path in also:
            _read_below(reading, folder, path)
    else:
        folder = Folder(settings_file.parent, OWN)
        _read_project(reading, folder, settings_file, also)
    return _finish(reading, folder, notes, against_schemas=against_schemas)


def _read_project(reading: _Read, folder: Folder, settings_file: Path, also: Iterable[Path]) -> None:
    _read_file(reading, folder, settings_file)
    own = [each for (kind, _), each in reading.written.get(OWN, {}).items() if kind == "Project"]
    if not own and not reading.problems:
        message = f"`{SETTINGS}` has no resource of the kind Project."
        reading.problems.add("envelope", Position(folder.name(settings_file), 1, 1), message)
    spec = own[0].spec if own else None
    if spec is not None and SHIPPED in _texts(spec.get("extends")) and shipped_root() != folder.root:
        _read_shipped(reading)
    written_paths = spec.get("paths") if spec else None
    for path in _texts(written_paths) or DEFAULT_PATHS:
        _read_path(reading, folder, path, written_paths)
    for extra in also:
        _read_below(reading, folder, extra)


def _read_path(reading: _Read, folder: Folder, path: str, written: Tree | None) -> None:
    if leads_out(path):
        # The check of the resource `Project` says so where it stands.
        return
    if (folder.root / path).exists():
        for file in resource_files(folder, path, reading.problems):
            _read_file(reading, folder, file)
    elif isinstance(written, SequenceNode):
        place = next(item.position for item in written.items if isinstance(item, ScalarNode) and item.text == path)
        message = f"`{path}`: there is no such file or folder in the project."
        reading.problems.add("missing-path", place, message, "Make it, or remove it from `paths`.")


def _read_below(reading: _Read, folder: Folder, path: Path) -> None:
    absolute = path.resolve()
    if not absolute.is_relative_to(folder.root):
        message = f"it lies outside of the project at {folder.root}, which alone is read."
        reading.problems.add("outside-project", Position(str(path), 1, 1), message)
        return
    for file in resource_files(folder, str(absolute.relative_to(folder.root)), reading.problems):
        _read_file(reading, folder, file)


def _read_shipped(reading: _Read) -> None:
    folder = Folder(shipped_root(), SHIPPED, label=f"{SHIPPED}:")
    for path in DEFAULT_PATHS:
        if (folder.root / path).exists():
            for file in resource_files(folder, path, reading.problems):
                _read_file(reading, folder, file)


def _read_file(reading: _Read, folder: Folder, path: Path) -> None:
    name = folder.name(path)
    if name in reading.sources:
        return
    source = read_source(folder, path)
    reading.files += folder.layer == OWN
    if isinstance(source, Problem):
        reading.problems.found.append(source)
        return
    reading.sources[name] = source
    before = len(reading.problems)
    trees = documents(source, reading.problems)
    if len(reading.problems) > before:
        reading.doubtful.append(source.text)
        return
    for tree in trees:
        _note_resource(reading, folder.layer, tree)


def _note_resource(reading: _Read, layer: str, tree: Tree) -> None:
    written = open_envelope(tree, layer, reading.problems)
    if written is None:
        reading.doubtful.append(name_in(tree))
        return
    rival = _rival(reading, written)
    if rival is None:
        reading.written.setdefault(layer, {})[written.kind, written.name] = written
        return
    reading.problems.add(
        "duplicate-name",
        written.position,
        f"`{written.name}`: there is already a {rival.kind} of that name at {rival.position}."
        if rival.name == written.name
        else f"a repository has one Project; the first is at {rival.position}.",
        "Rename or remove one of them.",
    )


def _rival(reading: _Read, written: Written) -> Written | None:
    """Return the resource that already has the name, or that there can only be one of; an override is no rival."""
    own = reading.written.get(written.layer, {})
    if (written.kind, written.name) in own:
        return own[written.kind, written.name]
    if written.kind == "Project":
        return next((each for (kind, _), each in own.items() if kind == "Project"), None)
    if written.kind not in SHARED_NAMES:
        return None
    others = [(kind, written.name) for kind in sorted(SHARED_NAMES - {written.kind})]
    return next((layer[key] for layer in reading.written.values() for key in others if key in layer), None)


def _texts(tree: Tree | None) -> list[str]:
    items = tree.items if isinstance(tree, SequenceNode) else ()
    return [item.text for item in items if isinstance(item, ScalarNode) and isinstance(item.value, str)]


def _finish(reading: _Read, folder: Folder, notes: tuple[str, ...], *, against_schemas: bool) -> Loaded:
    effective = list(_effective(reading.written))
    built, outcomes = _build(reading, effective)
    if against_schemas:
        from iact.config.schemas import schema_problems  # noqa: PLC0415 - only `iact validate` pays for jsonschema

        reading.problems.found += schema_problems((each.kind, each.spec) for each in effective if _key(each) in built)
    _check(reading, effective, built, outcomes, folder)
    problems = tuple(_told_once(reading))
    project = None if problems else _project(folder, built, notes)
    return Loaded(
        project=project,
        problems=problems,
        sources=MappingProxyType(reading.sources),
        files=reading.files,
        resources=len(effective),
        notes=notes,
    )


def _key(each: _Effective) -> tuple[str, str]:
    return each.kind, each.name


def _effective(written: Mapping[str, Mapping[tuple[str, str], Written]]) -> Iterator[_Effective]:
    """Yield each resource with what the project says over it."""
    base, own = written.get(SHIPPED, {}), written.get(OWN, {})
    for key in sorted({*base, *own}):
        layers = [layer[key] for layer in (base, own) if key in layer]
        last = layers[-1]
        metadata: Tree = layers[0].metadata
        spec: Tree = layers[0].spec
        for over in layers[1:]:
            metadata = merge(metadata, over.metadata, part_reader(Metadata))
            spec = merge(spec, over.spec, part_reader(KINDS[over.kind].declared_by))
        yield _Effective(*key, metadata, spec, last.position, tuple(layer.layer for layer in layers))


def _build(
    reading: _Read, effective: list[_Effective]
) -> tuple[dict[tuple[str, str], Resource], dict[tuple[str, str], Outcome[Any]]]:
    """Return the resources that are whole, and of each what reading it came to."""
    built: dict[tuple[str, str], Resource] = {}
    outcomes: dict[tuple[str, str], Outcome[Any]] = {}
    for each in effective:
        before = len(reading.problems)
        secrets = [*secret_problems(each.metadata), *secret_problems(each.spec)]
        reading.problems.found += secrets
        assert isinstance(each.metadata, MappingNode)  # noqa: S101 - the envelope has seen to it, and merging keeps it
        metadata, references = read_metadata(each.metadata, reading.problems)
        outcome: Outcome[Any] = read(KINDS[each.kind].declared_by, each.spec, reading.problems)
        if metadata is not None and outcome.value is not None and len(reading.problems) == before:
            built[_key(each)] = _resource(each, metadata, outcome.value)
        # A check may repeat a value on a line that does not show that it is a secret.
        checks = () if secrets else outcome.checks
        outcomes[_key(each)] = replace(outcome, references=(*references, *outcome.references), checks=checks)
    return built, outcomes


def _resource(each: _Effective, metadata: Metadata, spec: Any) -> Resource:
    return Resource(
        kind=each.kind,
        metadata=metadata,
        spec=spec,
        tree=each.spec,
        metadata_tree=each.metadata,
        position=each.position,
        layers=each.layers,
    )


def _check(
    reading: _Read,
    effective: list[_Effective],
    built: Mapping[tuple[str, str], Resource],
    outcomes: Mapping[tuple[str, str], Outcome[Any]],
    folder: Folder,
) -> None:
    """Look up the names, and let every resource say what it has to say about its meaning."""
    names: dict[str, dict[str, Position]] = {}
    specs: dict[str, dict[str, Any]] = {}
    for each in effective:
        names.setdefault(each.kind, {})[each.name] = each.position
        if _key(each) in built:
            specs.setdefault(each.kind, {})[each.name] = built[_key(each)].spec
    around = Scope(names=names, specs=specs, facts=known_facts(), read_beside=partial(read_beside, folders(folder)))
    for each in effective:
        outcome = outcomes[_key(each)]
        scope = replace(around, kind=each.kind, name=each.name, position=each.position)
        declared_by: Any = KINDS[each.kind].declared_by
        if hasattr(declared_by, "local_scope"):
            scope = declared_by.local_scope(each.spec, scope)
        mistakes = [*_unknown_names(reading, each, outcome, scope), *_mistakes(outcome, scope)]
        reading.problems.found += mistakes
        if _key(each) in built and not mistakes:
            reading.problems.found += _failed_examples(each, outcome, scope)


def _unknown_names(reading: _Read, each: _Effective, outcome: Outcome[Any], scope: Scope) -> Iterator[Problem]:
    """Yield the names in a resource that nothing has, wherever they could be read."""
    for reference in outcome.references:
        if (problem := reference.check(scope)) and not _may_be_declared(reading, reference.name):
            yield problem
    declared_by: Any = KINDS[each.kind].declared_by
    if hasattr(declared_by, "check_names"):
        yield from declared_by.check_names(each.spec)


def _mistakes(outcome: Outcome[Any], scope: Scope) -> Iterator[Problem]:
    """Yield what is wrong with the meaning of those parts of a resource that could be built."""
    return (problem for check in outcome.checks for problem in check(scope))


def _failed_examples(each: _Effective, outcome: Outcome[Any], scope: Scope) -> Iterator[Problem]:
    """Yield the examples of a resource that come out otherwise, each with what can be done about it."""
    for problem in (problem for run in outcome.examples for problem in run(scope)):
        if problem.position.file.startswith(f"{SHIPPED}:") and each.layers[-1] == OWN:
            # The cause stands in the project, and that is what its author can change.
            message = f"{problem.message} The example stands at {problem.position}, in the rule that is overridden."
            hint = f"{problem.hint} Override `examples` as well.".lstrip()
            yield replace(problem, position=each.position, message=message, hint=hint)
        else:
            yield problem


def _may_be_declared(reading: _Read, name: str) -> bool:
    """Return whether a name may be declared in what could not be read, so that its absence would be no second slip."""
    return any(name in text for text in reading.doubtful)


def _told_once(reading: _Read) -> Iterator[Problem]:
    """Yield each problem once, by place; of a secret nothing is said but that it is one."""
    secrets = {problem.position for problem in reading.problems.found if problem.rule == "secret"}
    seen: set[tuple[str, Position, str]] = set()
    for problem in reading.problems:
        key = (problem.rule, problem.position, problem.message)
        if key in seen or (problem.position in secrets and problem.rule != "secret"):
            continue
        seen.add(key)
        source = reading.sources.get(problem.position.file)
        yield without_secret(source, with_hint(source, problem)) if source else problem


def _project(folder: Folder, built: Mapping[tuple[str, str], Resource], notes: tuple[str, ...]) -> Project:
    by_kind: dict[str, dict[str, Resource]] = {}
    for (kind, name), resource in built.items():
        by_kind.setdefault(kind, {})[name] = resource
    own = next((each for each in by_kind.get("Project", {}).values()), None)
    return Project(
        name=own.name if own else "default",
        root=folder.root,
        rules_root=folder.root,
        settings=own.spec if own else ProjectSettings(),
        by_kind=MappingProxyType({kind: MappingProxyType(named) for kind, named in by_kind.items()}),
        notes=notes,
    )
