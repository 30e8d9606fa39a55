"""`compose.yaml` offers the same servers as `make services`, to this machine only."""

from __future__ import annotations

from pathlib import Path

import yaml

import services.servers  # noqa: F401 - importing it registers the servers
from services.service import SERVICES
from tests.support.project import text_of

OFFERED = yaml.safe_load(text_of(Path("compose.yaml")))["services"]


def test_both_ways_offer_the_same_servers():
    assert set(OFFERED) == set(SERVICES)


def test_a_container_is_reached_from_this_machine_only_and_at_its_servers_port():
    published = {name: offer["ports"] for name, offer in OFFERED.items()}

    assert published == {name: [f"127.0.0.1::{kind.container_ports[0]}"] for name, kind in SERVICES.items()}
