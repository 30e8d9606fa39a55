"""Witnesses sign a checkpoint where the log goes on from what they signed before, and an auditor can demand it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from iact.audit.checkpoint import Checkpoint
from iact.audit.identity import LogIdentity
from iact.audit.notes import Note, SignatureType, Signer, cosigned_at, parse_key, parse_note, verify
from iact.audit.publishing.places import Publishing
from iact.audit.publishing.rounds import Became, Result, publish
from iact.audit.publishing.webhook import Webhook
from iact.audit.publishing.witness import WitnessPlace, asked
from iact.audit.sequencing import sequence
from iact.audit.signing import sign_head
from iact.audit.standing import log_lines, log_standing
from iact.audit.store import newest_checkpoint
from iact.config.model.publish import PublishToWeb, Witness
from iact.core.errors import ConfigurationError
from iact.engine import journal
from iact.engine.clocks import ManualClock
from iact.engine.host import Host
from iact.engine.journal import EntryKind
from iact.stores.connect import reading, writing
from tests.support.bundles import packed, unpacked
from tests.support.checkpoint_places import WITNESS, Watching, Web, watching, web
from tests.support.databases import command
from tests.support.kept import open_passing
from tests.support.reminders import write_reminder

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.not_replayed("its entries decide nothing")
NAME = "witness/witness.example.org/w1"


@pytest.fixture
def host() -> Iterator[Host]:
    engine = open_passing()
    yield Host(engine=engine, project="test", clock=ManualClock(NOON), services={})
    engine.dispose()


@pytest.fixture
def identity(tmp_path: Path) -> LogIdentity:
    return LogIdentity("example.com/test", tmp_path, None, tmp_path / "archive")


@pytest.fixture
def witness(host: Host, identity: LogIdentity) -> Iterator[Watching]:
    """A witness that knows the key of the log, which has one entry."""
    go_on(host, identity)
    signer = identity.signer()
    assert signer is not None
    with watching() as found:
        found.trusted = (signer.key,)
        yield found


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as found:
        yield found


def go_on(host: Host, identity: LogIdentity, entries: int = 1, run: str = "a") -> None:
    with writing(host.engine) as connection:
        for _ in range(entries):
            journal.append(
                connection, project="test", run=run, kind=EntryKind.DECISION, at=host.now(connection), body={}
            )
    sequence(host)
    sign_head(host, identity)


def later(host: Host, span: timedelta) -> None:
    assert isinstance(host.clock, ManualClock)
    host.clock.advance(span)


def publishing(witness: Watching, hook: Web | None = None) -> Publishing:
    places = () if hook is None else (Webhook(PublishToWeb(url=hook.url), Path()),)
    return Publishing(places, HOUR, (WitnessPlace(Witness(key=str(WITNESS.key), url=witness.url)),))


def only(results: list[Result]) -> Result:
    [result] = results
    return result


def test_a_request_is_written_as_the_specification_says():
    signer = Signer.of_seed("example.com/log", b"\x01" * 32)
    text = str(Checkpoint("example.com/log", 3, b"\x00" * 32))
    note = Note(text, (signer.sign(text),))

    assert asked(2, [b"\x01" * 32], note).decode().split("\n")[:6] == [
        "old 2",
        "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
        "",
        "example.com/log",
        "3",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ]
    assert asked(0, (), note) == b"old 0\n\n" + str(note).encode()


def test_what_a_witness_signs_is_on_what_is_published(host: Host, identity: LogIdentity, witness: Watching, hook: Web):
    for entries in (0, 1, 5, 300):
        if entries:
            go_on(host, identity, entries)
        results = publish(host, publishing(witness, hook), at_once=True)
        assert [(one.place, one.became) for one in results] == [
            (NAME, Became.PUBLISHED), ("webhook", Became.PUBLISHED),
        ]  # fmt: skip

    assert witness.statuses == [200] * 4
    for body in hook.bodies:
        note = parse_note(body)
        assert set(verify(note, [WITNESS.key, *witness.trusted])) == {WITNESS.key, *witness.trusted}
        assert cosigned_at(note.signatures[-1]) == witness.at


def test_a_witness_is_asked_whenever_something_goes_out_and_else_in_its_own_time(
    host: Host, identity: LogIdentity, witness: Watching, hook: Web
):
    assert len(publish(host, publishing(witness))) == 1
    go_on(host, identity)
    assert publish(host, publishing(witness)) == []
    assert [one.place for one in publish(host, publishing(witness, hook))] == [NAME, "webhook"]
    assert len(parse_note(hook.bodies[0]).signatures) == 2
    go_on(host, identity)
    later(host, HOUR)
    assert [one.size for one in publish(host, publishing(witness, hook))] == [3, 3]


def test_who_has_forgotten_what_a_witness_has_signed_is_told(host: Host, identity: LogIdentity, witness: Watching):
    publish(host, publishing(witness))
    go_on(host, identity, 4)
    moved = publishing(witness)
    [place] = moved.witnesses
    assert isinstance(place, WitnessPlace)
    another = Publishing((), HOUR, (WitnessPlace(replace(place.settings, url=witness.url.rstrip("/"))),))

    assert only(publish(host, another)).became is Became.PUBLISHED
    assert witness.statuses == [200, 409, 200]
    assert [one.split(b"\n")[0] for one in witness.requests] == [b"old 0", b"old 0", b"old 1"]


def test_a_witness_that_refuses_keeps_nothing_from_going_out(
    host: Host, identity: LogIdentity, witness: Watching, hook: Web
):
    witness.trusted = ()
    refused, published = publish(host, publishing(witness, hook))

    assert (refused.became, refused.trouble) == (Became.REFUSED, "the witness answers 403: not a log of mine")
    assert published.became is Became.PUBLISHED
    signer = identity.signer()
    assert signer is not None
    assert verify(parse_note(hook.bodies[0]), [signer.key]) == (signer.key,)


@pytest.mark.parametrize("run", ["a", "b"])
def test_a_log_that_was_written_anew_is_signed_by_no_witness(
    host: Host, identity: LogIdentity, witness: Watching, run: str
):
    go_on(host, identity, 2)
    publish(host, publishing(witness))
    engine = open_passing()
    other = replace(host, engine=engine)
    entries = 2 if run == "a" else 5
    identity.signed_file.unlink()  # on another machine, which does not know what this one signed
    go_on(other, identity, entries, run)

    result = only(publish(other, publishing(witness)))
    engine.dispose()
    assert result.became is Became.CONTRADICTS
    expected = "a checkpoint of 3 entries is known there, and the log has 2" if run == "a" else "the first 3 entries"
    assert result.trouble.startswith(expected)
    assert witness.seen is not None
    assert witness.seen.size == 3


def test_two_logs_of_one_size_are_found(host: Host, identity: LogIdentity, witness: Watching):
    publish(host, publishing(witness))
    engine = open_passing()
    other = replace(host, engine=engine)
    identity.signed_file.unlink()  # on another machine, which does not know what this one signed
    go_on(other, identity, 1, "b")

    result = only(publish(other, publishing(witness)))
    engine.dispose()
    assert result.became is Became.CONTRADICTS
    assert "another log of 1 entries by this name" in result.trouble


@pytest.mark.usefixtures("witness")
@pytest.mark.parametrize(
    "answer",
    [b"", b"nothing", "— witness.example.org/w1 AAAA\n".encode(), b"\xff\n", b"x" * 100_000],
)
def test_an_answer_that_is_no_signature_of_the_witness_is_refused(host: Host, hook: Web, answer: bytes):
    hook.answer = answer
    place = WitnessPlace(Witness(key=str(WITNESS.key), url=hook.url))
    result = only(publish(host, Publishing((), HOUR, (place,))))

    assert result.became is Became.REFUSED
    assert "answers with no signature of its key witness.example.org/w1+" in result.trouble


@pytest.mark.usefixtures("witness")
def test_a_signature_of_another_key_or_text_is_refused(host: Host, hook: Web):
    other = Signer.of_seed("witness.example.org/w1", b"\x08" * 32, SignatureType.COSIGNATURE)
    text = parse_note(newest(host)).text
    place = WitnessPlace(Witness(key=str(WITNESS.key), url=hook.url))
    for signer, signed in ((other, text), (WITNESS, text.replace("example", "beispiel"))):
        hook.answer = f"{signer.sign(signed, 1)}\n".encode()
        result = only(publish(host, Publishing((), HOUR, (place,)), at_once=True))
        assert result.became is Became.REFUSED


def newest(host: Host) -> bytes:
    with reading(host.engine) as connection:
        found = newest_checkpoint(connection, "test")
    assert found is not None
    return found.note


@pytest.mark.usefixtures("witness")
def test_a_size_that_is_none_is_refused(host: Host, hook: Web):
    hook.status = 409
    place = WitnessPlace(Witness(key=str(WITNESS.key), url=hook.url))
    for answer in (b"", b"-1\n", b"01\n", b"9" * 40):
        hook.answer = answer
        assert only(publish(host, Publishing((), HOUR, (place,)), at_once=True)).became is Became.REFUSED


def test_what_others_sign_below_is_passed_over(host: Host, witness: Watching, hook: Web):
    other = Signer.of_seed("witness.example.org/w2", b"\x08" * 32, SignatureType.COSIGNATURE)
    witness.more = f"{other.sign('anything', 1)}\n".encode()
    publish(host, publishing(witness, hook))

    assert [one.name for one in parse_note(hook.bodies[0]).signatures] == [
        "example.com/test", "witness.example.org/w1",
    ]  # fmt: skip


def test_the_standing_says_what_a_witness_has_signed(host: Host, witness: Watching):
    publish(host, publishing(witness))
    with reading(host.engine) as connection:
        now = host.now(connection)
        lines = list(log_lines(log_standing(connection, "test", now, publishing(witness)), now))

    assert f"signed by {NAME} ({witness.url}): 1 entries, 0 min ago" in lines
    assert any(line.startswith("note: checkpoints go nowhere") for line in lines)


PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {{name: shop}}
spec:
  store: {{sqlite: store.db}}
  audit: {{log: example.com/shop, witnesses: [{{key: {key}, url: '{url}'}}]}}
"""


def test_an_auditor_who_names_a_witness_gets_what_it_has_signed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with watching() as found:
        Path("iact.yaml").write_text(PROJECT.format(key=WITNESS.key, url=found.url), encoding="utf-8")
        write_reminder()
        command("run", "reminder", "--about", "one")
        with pytest.raises(ConfigurationError, match="no checkpoint is signed by witness"):
            command("audit", "export", "--out", "none.zip", "--witnessed")
        key = command("audit", "key").stdout.splitlines()[0]
        found.trusted = (parse_key(key),)
        assert command("audit", "publish").exit_code == 0
    command("run", "reminder", "--about", "two")
    command("audit", "export", "--out", "all.zip")
    command("audit", "export", "--out", "witnessed.zip", "--witnessed")
    asked_for = ("--key", key, "--witness", str(WITNESS.key))

    judged = command("audit", "verify", "witnessed.zip", *asked_for)
    assert judged.exit_code == 0
    witnessed = f"witnessed by witness.example.org/w1+{WITNESS.key.id.hex()} at 2026-03-02T12:00:00Z"
    assert witnessed in judged.stdout.splitlines()
    judged = command("audit", "verify", "all.zip", *asked_for)
    assert judged.exit_code == 1
    assert "the witness witness.example.org/w1" in judged.stdout
    assert "has not signed the checkpoint" in judged.stdout
    assert command("audit", "verify", "witnessed.zip", "--key", key).exit_code == 0
    with pytest.raises(ConfigurationError, match="is not that of a witness"):
        command("audit", "verify", "all.zip", "--key", key, "--witness", key)

    held = Path("witnessed.zip").read_bytes()
    note = parse_note(unpacked(held)["checkpoint.txt"])
    ours, theirs = note.signatures
    changed = replace(theirs, raw=theirs.raw[:7] + b"\x01" + theirs.raw[8:])
    for signatures in ((ours,), (ours, changed)):
        said = str(Note(note.text, signatures)).encode()
        Path("changed.zip").write_bytes(packed(unpacked(held) | {"checkpoint.txt": said}))
        assert command("audit", "verify", "changed.zip", "--key", key).exit_code == 0
        assert "has not signed" in command("audit", "verify", "changed.zip", *asked_for).stdout

    command("audit", "verifier", "--out", "iact_verify.py")
    for bundle, code in (("witnessed.zip", 0), ("all.zip", 1)):
        ended = subprocess.run(
            [sys.executable, "-I", "iact_verify.py", bundle, *asked_for], capture_output=True, check=False, text=True
        )
        assert ended.returncode == code, ended.stderr
