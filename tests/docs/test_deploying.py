"""The unit for systemd and the recipe of the image fit what `iact serve` does and what the package is."""

from __future__ import annotations

import configparser
import re
import tomllib
from pathlib import Path

from iact.cli.main import COMMANDS
from iact.engine.serving import PACE
from tests.support.project import text_of

DEPLOY = Path("docs/deploy")


def test_the_unit_serves_and_waits_longer_than_draining_takes():
    unit = configparser.ConfigParser(strict=True, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]  # the way to keep the letters of keys, says its manual
    unit.read_string(text_of(DEPLOY / "iact.service"))
    service = unit["Service"]

    assert service["ExecStart"].split()[1] in COMMANDS
    assert service["KillSignal"] == "SIGTERM"
    assert int(service["TimeoutStopSec"].removesuffix("s")) > PACE.drain_within.total_seconds()


def test_the_image_serves_and_installs_extras_that_there_are():
    recipe = text_of(DEPLOY / "Containerfile")
    extras = tomllib.loads(text_of(Path("pyproject.toml")))["project"]["optional-dependencies"]
    installed = re.search(r"iact\[(?P<extras>[a-z,]+)\]", recipe)
    started = re.search(r'^CMD \["(?P<command>[a-z]+)"\]$', recipe, re.MULTILINE)

    assert installed is not None
    assert set(installed["extras"].split(",")) <= set(extras)
    assert started is not None
    assert started["command"] in COMMANDS
    assert "STOPSIGNAL SIGTERM" in recipe
