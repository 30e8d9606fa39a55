"""The verifier's command line, which is that of `iact_verify.py` as well: one bundle, the auditor's key, one answer."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, TextIO

from iact.audit.archives import opened_file
from iact.audit.bundles import AuditFindingError, BundleError, shortened
from iact.audit.notes import NoteError, VerifierKey, parse_key
from iact.audit.verdicts import Verdict
from iact.audit.verifying import MOST_OF_A_NOTE, verify_bundle

HOLDS: Final = 0
"""Exit code: the bundle holds."""
DOES_NOT_HOLD: Final = 1
"""Exit code: something in it is wrong, and it was said what."""
CANNOT_BE_JUDGED: Final = 2
"""Exit code: it is no bundle, is damaged, or something that is needed was not handed in."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge the bundle that the arguments name, say it, and return the exit code.

    Args:
        arguments: those of the command line; None for the process's own.
    """
    parser = argparse.ArgumentParser(
        prog="iact_verify.py",
        description="Check what an iact project handed out of its journal. Needs no network, no iact and no database.",
        epilog="Exit codes: 0 it holds, 1 it does not, 2 it cannot be judged.",
    )
    parser.add_argument("bundle", type=Path, help="the bundle, as it was handed out")
    parser.add_argument(
        "--key", action="append", required=True, help="public key of the log, name+id+key, or a file with such lines"
    )
    parser.add_argument(
        "--checkpoint", action="append", type=Path, default=[], help="a file with a checkpoint that you kept earlier"
    )
    parser.add_argument(
        "--witness", action="append", default=[], help="public key of a witness, which has to have signed as well"
    )
    parser.add_argument(
        "--old-key",
        action="append",
        default=[],
        help="public key that was changed because others had got hold of it; believed for what you kept, and only that",
    )
    asked = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        verdict = judge(asked.bundle, asked.key, asked.checkpoint, asked.witness, asked.old_key)
    except AuditFindingError as error:
        return _said(sys.stdout, f"does not hold: {error}", DOES_NOT_HOLD)
    except BundleError as error:
        return _said(sys.stderr, f"cannot be judged: {error}", CANNOT_BE_JUDGED)
    except MemoryError:
        return _said(sys.stderr, "cannot be judged: it takes more memory than there is", CANNOT_BE_JUDGED)
    return _said(sys.stdout, str(verdict), HOLDS)


def _said(stream: TextIO | None, answer: str, code: int) -> int:
    """Say an answer, and return its exit code; where nobody can hear it, that of none."""
    if stream is None:
        return CANNOT_BE_JUDGED
    try:
        stream.write(f"{answer}\n")
        stream.flush()
    except OSError:
        # Python would try once more when it ends, and say of that what nobody understands.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return CANNOT_BE_JUDGED
    return code


def judge(
    bundle: Path,
    keys: Sequence[str],
    checkpoints: Sequence[Path],
    witnesses: Sequence[str] = (),
    old_keys: Sequence[str] = (),
) -> Verdict:
    """Judge a bundle by what somebody names.

    Args:
        bundle: the bundle.
        keys: public keys, or files with them.
        checkpoints: files with checkpoints that were kept.
        witnesses: public keys of those who have to have signed as well, or files with them.
        old_keys: public keys of the log that are believed for the checkpoints only, or files with them.

    Raises:
        BundleError: if it cannot be judged.
        AuditFindingError: if it does not hold.
    """
    trusted = [key for one in keys for key in read_keys(one)]
    watching = [key for one in witnesses for key in read_keys(one)]
    changed = [key for one in old_keys for key in read_keys(one)]
    return verify_bundle(bundle, trusted, [_read(one, "the checkpoint") for one in checkpoints], watching, changed)


def read_keys(named: str) -> list[VerifierKey]:
    """Return the public keys that a text is, or that the file holds which it names.

    Raises:
        BundleError: if it is neither.
    """
    try:
        return [parse_key(named)]
    except NoteError as error:
        wrong = str(error)
    file = Path(named)
    try:
        is_there = file.exists()
    except (OSError, ValueError):
        is_there = False
    if not is_there:
        if "+" not in named:
            wrong = "there is no such file, and a key is written as name+id+key"
        raise BundleError(f"{shortened(named, 100)!r} is neither a key nor a file with one: {wrong}")
    try:
        # Editors put a mark before the first letter, and people say beside a key whose it is.
        lines = [line.strip() for line in _read(file, "the key").decode("utf-8-sig").split("\n")]
        found = [parse_key(line) for line in lines if line and not line.startswith("#")]
    except (NoteError, UnicodeDecodeError) as error:
        raise BundleError(f"the key cannot be read from {shortened(file.name)}: {error}") from None
    if not found:
        raise BundleError(f"{shortened(file.name)} holds no key")
    return found


def _read(file: Path, what: str) -> bytes:
    try:
        with opened_file(file, shortened(file.name)) as opened:
            content = opened.read(MOST_OF_A_NOTE + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "its name is none"
        raise BundleError(f"{what} cannot be read from {shortened(file.name)}: {why}") from None
    if len(content) > MOST_OF_A_NOTE:
        raise BundleError(f"{what} cannot be in {shortened(file.name)}: it is larger than {MOST_OF_A_NOTE} bytes")
    return content


if __name__ == "__main__":
    sys.exit(main())
