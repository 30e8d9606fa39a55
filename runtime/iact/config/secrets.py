"""Secrets written as values: found wherever they stand, and never repeated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from iact.core.problems import Problem
from iact.core.secret_values import PATTERN, is_secret_key, looks_like_secret
from iact.core.tree import MappingNode, ScalarNode, SequenceNode, Tree

_HINT: Final = "Keep it in an environment variable or a file, and write env:NAME or file:path here. Then revoke it."


def secret_problems(tree: Tree) -> Iterator[Problem]:
    """Yield every value that is a secret by its look or by its key."""
    match tree:
        case MappingNode():
            for entry in tree:
                if is_secret_key(entry.key.text) and _is_literal(entry.value):
                    message = f"the value of `{entry.key.text}` is written in the file; a secret never is."
                    yield Problem(rule="secret", position=entry.value.position, message=message, hint=_HINT)
                else:
                    yield from secret_problems(entry.value)
        case SequenceNode():
            for item in tree.items:
                yield from secret_problems(item)
        case ScalarNode(text=text):
            if looks_like_secret(text):
                yield Problem(rule="secret", position=tree.position, message="this looks like a secret.", hint=_HINT)


def _is_literal(tree: Tree) -> bool:
    if not isinstance(tree, ScalarNode) or not tree.text or isinstance(tree.value, bool):
        return False
    return not re.match(PATTERN, tree.text)
