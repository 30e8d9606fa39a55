"""How far the log goes is signed once for each size, by a key that is made once."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from iact.audit.checkpoint import parse_checkpoint
from iact.audit.identity import LogIdentity
from iact.audit.key_files import make_key, read_key
from iact.audit.notes import parse_note, verify
from iact.audit.sequencing import sequence
from iact.audit.signing import sign_head
from iact.audit.store import checkpoints, head
from iact.core.errors import EnvironmentProblemError
from iact.engine import journal
from iact.engine.clocks import ManualClock
from iact.engine.host import Host
from iact.engine.journal import EntryKind
from iact.stores.connect import reading, writing
from tests.support.kept import open_passing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ORIGIN = "iact/test"


@pytest.fixture
def host() -> Iterator[Host]:
    engine = open_passing()
    yield Host(engine=engine, project="test", clock=ManualClock(NOON), services={})
    engine.dispose()


def go_on(host: Host) -> None:
    with writing(host.engine) as connection:
        journal.append(connection, project="test", run="a", kind=EntryKind.DECISION, at=NOON, body={})
    sequence(host)


@pytest.mark.not_replayed("its entries decide nothing")
def test_each_size_is_signed_once_with_the_root_of_the_log(host: Host, tmp_path: Path):
    identity = LogIdentity(ORIGIN, tmp_path, None, tmp_path / "archive")
    assert sign_head(host, identity) is None
    assert identity.signer() is None
    for size in (1, 2):
        go_on(host)
        assert sign_head(host, identity) == size
        assert sign_head(host, identity) is None

    with reading(host.engine) as connection:
        found = list(checkpoints(connection, "test", 0, 10))
        top = head(connection, "test")
    assert [one.size for one in found] == [1, 2]
    note = parse_note(found[-1].note)
    signer = identity.signer()
    assert signer is not None
    assert verify(note, [signer.key]) == (signer.key,)
    checkpoint = parse_checkpoint(note.text)
    assert top is not None
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 2, top.root)


def test_a_key_is_made_once_and_is_its_owners_only(tmp_path: Path):
    file = tmp_path / "audit.key"
    with ThreadPoolExecutor(max_workers=8) as pool:
        made = list(pool.map(lambda _: make_key(file, ORIGIN), range(8)))

    assert set(made) == {read_key(file)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["audit.key"]


@pytest.mark.parametrize("content", [b"", b"hunter2", "schlüssel".encode()])
def test_a_file_that_holds_no_key_is_neither_replaced_nor_shown(tmp_path: Path, content: bytes):
    file = tmp_path / "audit.key"
    file.write_bytes(content)

    with pytest.raises(EnvironmentProblemError) as refused:
        make_key(file, ORIGIN)
    assert file.read_bytes() == content
    assert "hunter2" not in str(refused.value)
