"""The file `iact_verify.py`: the verifier's modules, put together so that it needs Python's library and nothing else.

Nothing is written twice. Of each module what the verifier uses is taken over word for word, after what it uses itself;
what only signs or writes stays behind.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

PACKAGES: Final = ("iact.audit", "iact.core")
"""Where modules come from that are put together."""
ENTRANCE: Final = "iact.audit.verifier"
"""The module with the command line."""

_HEAD: Final = '''\
#!/usr/bin/env python3
"""Check what an iact project handed out of its journal, with Python 3.11 or later and nothing else.

    python3 iact_verify.py BUNDLE --key KEY [--checkpoint FILE] [--witness KEY] [--old-key KEY]

BUNDLE is the file that you were handed, KEY the public key of the log (or a file with it), which you got elsewhere, and
FILE a checkpoint that you kept from earlier. A witness that you name has to have signed as well. Exit codes: 0 it
holds, 1 it does not, 2 it cannot be judged.

This file is made by `iact audit verifier` out of the modules of iact that are named below; do not edit it.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):
    sys.stderr.write("cannot be judged: this file needs Python 3.11 or later\\n")
    sys.exit(2)

'''


@dataclass(frozen=True, slots=True)
class _Part:
    """One statement of a module, as it is written, with the comments right above it."""

    text: str
    defines: frozenset[str]
    uses: frozenset[str]


def assembled() -> str:
    """Return the file.

    Raises:
        ValueError: if two modules give different things one name, or import what cannot be put together.
    """
    order: list[str] = []
    _visit(ENTRANCE, order)
    trees = {module: ast.parse(_source(module)) for module in order}
    parts = {module: list(_parts(_source(module), trees[module])) for module in order}
    _check_names(parts)
    used = _used(parts)
    imports = sorted(_imports(trees, used), key=lambda line: (line.startswith("from"), line))
    sections = []
    for module in order:
        taken = [part.text for part in parts[module] if not part.defines or part.defines & used]
        about = "\n".join(f"# {line}".rstrip() for line in (ast.get_docstring(trees[module]) or "").splitlines())
        sections.append(f"# {'=' * 118}\n# {module}\n#\n{about}\n\n\n" + "\n\n\n".join(taken) + "\n")
    return _HEAD + "\n".join(imports) + "\n\n\n" + "\n\n".join(sections)


def _source(module: str) -> str:
    package, _, name = module.rpartition(".")
    return resources.files(package).joinpath(f"{name}.py").read_text("utf-8")


def _visit(module: str, order: list[str]) -> None:
    """Put a module behind those that it imports."""
    if module in order:
        return
    for node in ast.parse(_source(module)).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("iact."):
            imported = node.module or ""
            if imported.rpartition(".")[0] not in PACKAGES or any(each.asname for each in node.names):
                raise ValueError(f"{module} imports {imported}, which is not put together with it")
            _visit(imported, order)
    order.append(module)


def _parts(source: str, tree: ast.Module) -> Iterator[_Part]:
    lines = source.splitlines()
    before = 0
    docstring = tree.body[0]
    for node, following in zip(tree.body, [*tree.body[1:], None], strict=True):
        end = node.end_lineno or node.lineno
        if node is docstring or isinstance(node, ast.Import | ast.ImportFrom):
            before = end
            continue
        if _is_text(node):
            continue  # the description of the constant above, which took it along
        begin = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
        while begin - 1 > before and lines[begin - 2].startswith("#"):
            begin -= 1
        if following is not None and _is_text(following):
            end = following.end_lineno or end
        names = frozenset(each.id for each in ast.walk(node) if isinstance(each, ast.Name))
        yield _Part("\n".join(lines[begin - 1 : end]), frozenset(_defined(node)), names)
        before = end


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _defined(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (each.id for each in ast.walk(target) if isinstance(each, ast.Name))
        case _:
            return


def _check_names(parts: Mapping[str, list[_Part]]) -> None:
    owners: dict[str, str] = {}
    for module, found in parts.items():
        for name in {name for part in found for name in part.defines}:
            if owners.setdefault(name, module) != module:
                raise ValueError(f"{module} and {owners[name]} both define {name}: give one of them another name")


def _used(parts: Mapping[str, list[_Part]]) -> frozenset[str]:
    """Return every name that the entrance comes to use."""
    every = [part for found in parts.values() for part in found]
    used: set[str] = {name for part in parts[ENTRANCE] for name in part.defines}
    used |= {name for part in every if not part.defines for name in part.uses}
    while True:
        more = {name for part in every if part.defines & used for name in part.uses} - used
        if not more:
            return frozenset(used)
        used |= more


def _imports(trees: Mapping[str, ast.Module], used: frozenset[str]) -> Iterator[str]:
    """Yield the imports from Python's library that what is taken over needs."""
    found: dict[str, set[str]] = {}
    for tree in trees.values():
        for node in tree.body:
            if isinstance(node, ast.Import):
                for name in node.names:
                    if name.name.split(".")[0] in used:
                        found[name.name] = set()
            elif isinstance(node, ast.ImportFrom) and node.module and not node.module.startswith(("iact.", "__")):
                wanted = {each.name for each in node.names if each.name in used}
                if wanted:
                    found.setdefault(node.module, set()).update(wanted)
    for module, names in found.items():
        yield f"from {module} import {', '.join(sorted(names))}" if names else f"import {module}"
