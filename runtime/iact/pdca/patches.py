"""Whether a text is a patch that `git apply` could read: found out when rules are checked, not when it is tried."""

from __future__ import annotations

import re
from typing import Final

_HUNK: Final = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_WITHOUT_LINES: Final = (
    "rename from ",
    "copy from ",
    "new file mode ",
    "deleted file mode ",
    "old mode ",
    "GIT binary patch",
)
"""What makes a patch change something although it shows no lines."""


def fault(content: bytes) -> str:
    """Return what keeps a text from being a unified diff; empty where nothing does.

    The form is that of `git diff` (git-diff, "Generating patch text with -p"; POSIX diff -u): each hunk says how many
    lines it has before and after, and has them.

    Args:
        content: the whole file.
    """
    try:
        lines = content.decode("utf-8").splitlines()
    except UnicodeDecodeError:
        return "it is not UTF-8 text"
    changes, number = 0, 0
    while number < len(lines):
        line = lines[number]
        number += 1
        if line.startswith("@@"):
            hunk = _HUNK.match(line)
            if hunk is None:
                return f"line {number} does not say which lines it is about, such as `@@ -1,2 +1,2 @@`"
            number, missing = _past(lines, number, int(hunk[1] or 1), int(hunk[2] or 1))
            if missing:
                return missing
            changes += 1
        changes += line.startswith(_WITHOUT_LINES)
    return "" if changes else "it changes nothing: no line of it begins a change, such as `@@ -1,2 +1,2 @@`"


def _past(lines: list[str], number: int, before: int, after: int) -> tuple[int, str]:
    """Return the number of the line after a hunk, and what is wrong with the hunk."""
    begun = number
    while before > 0 or after > 0:
        line = lines[number] if number < len(lines) else "end"
        number += 1
        match line[:1]:
            case " " | "":
                before, after = before - 1, after - 1
            case "-":
                before -= 1
            case "+":
                after -= 1
            case "\\":
                continue
            case _:
                before = -1
        if before < 0 or after < 0:
            return number, f"line {number} does not belong to the lines that line {begun} announces"
    return number, ""
