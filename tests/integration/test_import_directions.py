"""`lint-imports` refuses each import that the architecture forbids, in a package made for the purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"

PACKAGES = ("core", "stores", "engine", "config", "sources", "dora", "pdca", "cli")


def lint_imports(folder: Path, modules: Mapping[str, str]) -> tuple[bool, str]:
    """Check a package of empty rooms and `modules` (text by path) against the contracts of `pyproject.toml`.

    Returns:
        Whether every contract was kept, and what was printed.
    """
    package = folder / "iact"
    for name in (".", *PACKAGES):
        (package / name).mkdir()
        (package / name / "__init__.py").touch()
    for name, text in modules.items():
        (package / name).parent.mkdir(exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
        (package / name).with_name("__init__.py").touch()
    shutil.copy(PYPROJECT, folder)
    lint_imports = Path(sys.executable).with_name("lint-imports")
    finished = subprocess.run(
        [lint_imports, "--no-cache"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    ("module", "text", "broken"),
    [
        ("core/machine.py", "import iact.engine", "iact.core is not allowed to import iact.engine"),
        ("engine/advance.py", "import iact.dora", "iact.engine is not allowed to import iact.dora"),
        ("engine/advance.py", "import iact.config", "iact.engine is not allowed to import iact.config"),
        ("config/load.py", "import iact.engine", "iact.config is not allowed to import iact.engine"),
        ("config/load.py", "import sqlalchemy", "iact.config is not allowed to import sqlalchemy"),
        ("stores/connect.py", "import iact.engine", "iact.stores is not allowed to import iact.engine"),
        ("dora/report.py", "import iact.cli", "iact.dora is not allowed to import iact.cli"),
        ("core/facts.py", "from pathlib import Path", "iact.core is not allowed to import pathlib"),
        ("dora/rules.py", "import time", "iact.dora.rules is not allowed to import time"),
        ("sources/git/rules.py", "import subprocess", "iact.sources.git.rules is not allowed to import subprocess"),
    ],
)
def test_an_import_against_the_direction_is_refused(tmp_path, module, text, broken):
    kept, output = lint_imports(tmp_path, {module: text})

    assert not kept
    assert broken in output


def test_a_decision_may_not_reach_input_or_output_through_another_module(tmp_path):
    kept, output = lint_imports(
        tmp_path, {"pdca/rules.py": "import iact.pdca.model", "pdca/model.py": "import subprocess"}
    )

    assert not kept
    assert "iact.pdca.rules is not allowed to import subprocess" in output


def test_a_room_may_not_use_the_store_of_another(tmp_path):
    kept, output = lint_imports(tmp_path, {"pdca/plan.py": "import iact.dora.store", "dora/store.py": ""})

    assert not kept
    assert "iact.pdca is not allowed to import iact.dora.store" in output


def test_a_room_that_nobody_placed_is_refused(tmp_path):
    kept, output = lint_imports(tmp_path, {"remediation/model.py": ""})

    assert not kept
    assert "remediation" in output


def test_imports_along_the_direction_are_kept(tmp_path):
    kept, output = lint_imports(
        tmp_path,
        {
            "cli/main.py": "import iact.pdca.plan, iact.config, rich",
            "config/load.py": "import iact.core, yaml, pathlib",
            "core/machine.py": "import dataclasses, datetime",
            "dora/collect.py": "import iact.sources, iact.dora.store",
            "dora/store.py": "import sqlalchemy, iact.stores",
            "engine/journal.py": "import iact.stores, iact.core",
            "pdca/plan.py": "import iact.dora.collect, iact.engine, iact.config",
            "pdca/rules.py": "import iact.core, math",
        },
    )

    assert kept, output
