"""The command line as a program of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


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
