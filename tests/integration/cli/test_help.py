"""The command line as a program of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.configuration import write_project


def test_help_imports_nothing_that_takes_time(tmp_path: Path):
    """`iact --help` has to answer within 200 ms, which benchmarks/bench_help.py measures."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom iact.cli.main import iact\n"
        "CliRunner().invoke(iact, ['--help'])\n"
        "print(sorted({'alembic', 'jsonschema', 'numpy', 'rich', 'scipy', 'sqlalchemy', 'yaml'} & set(sys.modules)))\n"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout

    assert shown == "[]\n"


def test_checking_rules_loads_no_store_and_no_statistics(tmp_path: Path):
    """Declaring facts and actions, which other rooms do, is apart from resolving and performing them."""
    write_project(tmp_path, {}, "apiVersion: iact/v1\nkind: Project\nmetadata: {name: a}\nspec: {extends: [iact]}\n")
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom iact.cli.main import iact\n"
        "print(CliRunner().invoke(iact, ['validate']).exit_code)\n"
        "print(sorted({'alembic', 'numpy', 'rich', 'scipy', 'sqlalchemy'} & set(sys.modules)))\n"
    )

    shown = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout

    assert shown == "0\n[]\n"


@pytest.mark.parametrize("encoding", ["latin-1", "cp1250"])
def test_what_a_terminal_cannot_show_is_written_as_its_code(tmp_path: Path, encoding: str):
    write_project(tmp_path, {"rule.yaml": "kind: «→»\n".encode()})

    ended = subprocess.run(
        [sys.executable, "-m", "iact.cli", "validate"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (1, b"")
    assert b"\\u2192" in ended.stdout
