"""Checkpoints go to places that whoever keeps the log cannot set back, and what is there is compared with the log."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from iact.audit.identity import LogIdentity
from iact.audit.keeping import publish_in_spite
from iact.audit.notes import Note, Signer, parse_key, parse_note, verify
from iact.audit.publishing.git_ref import GitRef
from iact.audit.publishing.mail import Mail
from iact.audit.publishing.model import Kept, Place, Publication, RefusedError
from iact.audit.publishing.places import Publishing
from iact.audit.publishing.rounds import Became, Result, publish
from iact.audit.publishing.rules import PlaceState
from iact.audit.publishing.store import claim, settle, states
from iact.audit.publishing.web import post
from iact.audit.publishing.webhook import Webhook
from iact.audit.sequencing import sequence
from iact.audit.signing import sign_head
from iact.audit.standing import log_lines, log_standing
from iact.audit.store import newest_checkpoint
from iact.audit.tables import LOG_CHECKPOINTS, LOG_HEADS, LOG_LEAVES, LOG_TILES
from iact.config.model.publish import PublishByMail, PublishToGit, PublishToWeb
from iact.core.errors import ConfigurationError
from iact.core.secret_values import SecretReference
from iact.engine import journal
from iact.engine.clocks import ManualClock
from iact.engine.host import Host
from iact.engine.journal import LOG_RUN, EntryKind
from iact.stores.connect import reading, writing
from tests.support.checkpoint_places import Post, Web, git, post_office, protected_remote, web
from tests.support.kept import open_passing

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
pytestmark = pytest.mark.not_replayed("its entries decide nothing")
REF = "refs/heads/iact-checkpoints"


@pytest.fixture
def host() -> Iterator[Host]:
    engine = open_passing()
    yield Host(engine=engine, project="test", clock=ManualClock(NOON), services={})
    engine.dispose()


@pytest.fixture
def identity(tmp_path: Path) -> LogIdentity:
    folder = tmp_path / "project"
    folder.mkdir()
    return LogIdentity("example.com/test", folder, None, folder / "archive")


@pytest.fixture
def remote(tmp_path: Path, identity: LogIdentity) -> Path:
    return protected_remote(tmp_path / "remote.git", identity.root)


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as found:
        yield found


@pytest.fixture
def mailbox() -> Iterator[Post]:
    with post_office() as found:
        yield found


def go_on(host: Host, identity: LogIdentity, entries: int = 1) -> None:
    """Write entries, give them their places, and sign."""
    with writing(host.engine) as connection:
        for _ in range(entries):
            journal.append(
                connection, project="test", run="a", kind=EntryKind.DECISION, at=host.now(connection), body={}
            )
    sequence(host)
    sign_head(host, identity)


def on_another_machine(identity: LogIdentity) -> None:
    """Let what this machine has signed be unknown, as it is to another one that has the key."""
    identity.signed_file.unlink()


def later(host: Host, span: timedelta) -> None:
    assert isinstance(host.clock, ManualClock)
    host.clock.advance(span)


def to_git(identity: LogIdentity, remote: str = "origin") -> GitRef:
    return GitRef(PublishToGit(remote=remote), identity.root)


def to_web(identity: LogIdentity, hook: Web, token: str = "") -> Webhook:
    reference = SecretReference("env", token) if token else None
    return Webhook(PublishToWeb(url=hook.url, token=reference), identity.root)


def published(host: Host, *places: Place, at_once: bool = True) -> list[Result]:
    return publish(host, Publishing(places, HOUR), at_once=at_once)


def became(host: Host, *places: Place, at_once: bool = True) -> list[tuple[str, str, int]]:
    return [(one.place, one.became.value, one.size) for one in published(host, *places, at_once=at_once)]


def newest(host: Host) -> bytes:
    with reading(host.engine) as connection:
        found = newest_checkpoint(connection, "test")
    assert found is not None
    return found.note


def findings(host: Host, *places: Place) -> list[str]:
    with reading(host.engine) as connection:
        found: list[str] = log_standing(connection, "test", host.now(connection), Publishing(places, HOUR))["findings"]
    return found


def there(remote: Path, file: str = "checkpoint.txt") -> bytes:
    return git(remote, "cat-file", "blob", f"{REF}:{file}").encode() + b"\n"


def forgotten(host: Host) -> None:
    """Let the log be that of a store from before its first entry, as after a wrong restore."""
    with writing(host.engine) as connection:
        for table in (LOG_HEADS, LOG_LEAVES, LOG_TILES, LOG_CHECKPOINTS):
            connection.execute(delete(table))


def test_each_place_gets_the_newest_checkpoint_once(
    host: Host, identity: LogIdentity, remote: Path, hook: Web, mailbox: Post
):
    places: tuple[Place, ...] = (
        to_git(identity),
        to_web(identity, hook),
        Mail(PublishByMail(to="auditors@example.org", from_="log@example.com", smtp=mailbox.url), identity.root),
    )
    assert published(host, *places) == []

    go_on(host, identity, 3)
    assert became(host, *places) == [("git", "published", 3), ("webhook", "published", 3), ("mail", "published", 3)]
    assert became(host, *places) == [(name, "nothing new", 3) for name in ("git", "webhook", "mail")]

    assert there(remote) == newest(host) == hook.bodies[0]
    assert len(hook.bodies) == 1
    assert hook.sent[0]["content-type"] == "text/plain; charset=utf-8"
    assert "authorization" not in hook.sent[0]
    [mail] = mailbox.mails
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "log@example.com", "auditors@example.org", "Checkpoint of example.com/test: 3 entries",
    )  # fmt: skip
    attached = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
    assert attached["checkpoint.txt"] == newest(host)
    key = parse_key(there(remote, "keys.txt").decode())
    assert verify(parse_note(newest(host)), [key]) == (key,)


def test_a_ref_gets_a_commit_for_each_checkpoint_and_the_work_tree_nothing(
    host: Host, identity: LogIdentity, remote: Path
):
    (identity.root / "staged").write_text("staged", encoding="utf-8")
    git(identity.root, "add", "staged")
    asked = (("status", "--porcelain"), ("for-each-ref", "refs/heads", "refs/tags"))
    before = [git(identity.root, *words) for words in asked]
    for size in (1, 2, 3):
        go_on(host, identity)
        assert became(host, to_git(identity)) == [("git", "published", size)]

    assert git(remote, "rev-list", "--count", REF) == "3"
    assert git(remote, "ls-tree", "--name-only", REF).split() == ["checkpoint.txt", "keys.txt"]
    assert git(remote, "log", "-1", "--format=%s", REF) == "Checkpoint of example.com/test: 3 entries"
    assert [git(identity.root, *words) for words in asked] == before
    assert not (identity.root / ".git" / "FETCH_HEAD").exists()


def test_it_is_published_again_once_the_time_is_over_and_not_before(host: Host, identity: LogIdentity, hook: Web):
    place = to_web(identity, hook)
    go_on(host, identity)
    assert became(host, place, at_once=False) == [("webhook", "published", 1)]
    go_on(host, identity)
    assert became(host, place, at_once=False) == []
    later(host, HOUR)
    assert became(host, place, at_once=False) == [("webhook", "published", 2)]
    later(host, 5 * HOUR)
    assert became(host, place, at_once=False) == []


@pytest.mark.usefixtures("remote")
def test_a_place_that_refuses_keeps_no_other_and_is_left_alone_for_longer_each_time(
    host: Host, identity: LogIdentity, hook: Web
):
    hook.status, hook.answer = 503, b"out of\nspace"
    places = to_web(identity, hook), to_git(identity)
    go_on(host, identity)

    refused, taken = published(host, *places, at_once=False)
    assert (refused.became, refused.trouble) == (Became.REFUSED, "the webhook answers 503: out of space")
    assert taken.became is Became.PUBLISHED
    assert became(host, *places, at_once=False) == []
    for minutes in (1, 2, 4):
        later(host, timedelta(minutes=minutes) - timedelta(seconds=1))
        assert became(host, *places, at_once=False) == []
        later(host, timedelta(seconds=1))
        assert became(host, *places, at_once=False) == [("webhook", "refused", 0)]
    hook.status = 204
    later(host, HOUR)
    assert became(host, *places, at_once=False) == [("webhook", "published", 1), ("git", "nothing new", 1)]


def test_a_token_is_sent_and_follows_to_no_other_address(
    host: Host, identity: LogIdentity, hook: Web, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AUDIT_TOKEN", "hunter22")
    place = to_web(identity, hook, "AUDIT_TOKEN")
    go_on(host, identity)
    with web() as other:
        hook.status, hook.headers = 307, {"Location": other.url}
        [result] = published(host, place)
        assert other.bodies == []
    assert result.became is Became.REFUSED
    assert "sends on to 127.0.0.1:" in result.trouble
    assert hook.sent[0]["authorization"] == "Bearer hunter22"

    monkeypatch.delenv("AUDIT_TOKEN")
    [result] = published(host, place)
    assert "there is no environment variable AUDIT_TOKEN" in result.trouble
    assert len(hook.sent) == 1


def test_a_token_that_a_server_repeats_is_kept_nowhere(
    host: Host, identity: LogIdentity, hook: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    monkeypatch.setenv("AUDIT_TOKEN", "hunter22")
    hook.status, hook.answer = 401, b"nobody knows hunter22"
    go_on(host, identity)
    [result] = published(host, to_web(identity, hook, "AUDIT_TOKEN"))

    assert result.trouble == "the webhook answers 401: nobody knows …"
    assert "hunter22" not in caplog.text


def test_a_password_in_the_address_of_a_remote_is_kept_nowhere(host: Host, identity: LogIdentity, hook: Web):
    git(identity.root, "init", "--quiet")
    git(identity.root, "remote", "add", "origin", hook.url.replace("://", "://us:hunter22@"))
    go_on(host, identity)
    [result] = published(host, to_git(identity))

    assert result.became is Became.REFUSED
    assert "hunter22" not in result.trouble


def test_of_two_who_begin_in_the_same_moment_one_goes_on(host: Host):
    begun = PlaceState(address="origin", attempt=1)
    both = [replace(begun, attempt=2, not_before=NOON)] * 2
    with writing(host.engine) as connection:
        assert claim(connection, "test", "git", None, begun)
        assert [claim(connection, "test", "git", begun, one) for one in both] == [True, False]


def test_who_was_overtaken_notes_nothing(host: Host):
    begun = PlaceState(address="origin", attempt=1)
    with writing(host.engine) as connection:
        claim(connection, "test", "git", None, begun)
        claim(connection, "test", "git", begun, replace(begun, attempt=2))
        settle(connection, "test", "git", replace(begun, size=5, trouble="late"))
        assert states(connection, "test")["git"] == replace(begun, attempt=2)
        settle(connection, "test", "git", replace(begun, attempt=2, size=4))
        assert states(connection, "test")["git"] == replace(begun, attempt=2, size=4)


def test_nobody_who_answers_is_trouble_in_words(host: Host, identity: LogIdentity):
    with web() as gone, post_office() as closed:
        pass
    git(identity.root, "init", "--quiet")
    places: tuple[Place, ...] = (
        to_web(identity, gone),
        Mail(PublishByMail(to="a@example.org", smtp=closed.url), identity.root),
        to_git(identity),
    )
    go_on(host, identity)
    results = published(host, *places)

    assert [one.became for one in results] == [Became.REFUSED] * 3
    assert "gives no answer" in results[0].trouble
    assert "does not take the mail" in results[1].trouble
    assert "'origin' does not appear to be a git repository" in results[2].trouble


def test_mail_that_nobody_gets_is_trouble(host: Host, identity: LogIdentity, mailbox: Post):
    mailbox.takes = False
    go_on(host, identity)
    [result] = published(host, Mail(PublishByMail(to="a@example.org", smtp=mailbox.url), identity.root))

    assert result.trouble.endswith("does not take the mail: 550 nobody of that name is here")


def test_what_somebody_else_published_is_built_upon(host: Host, identity: LogIdentity, remote: Path, tmp_path: Path):
    other = tmp_path / "other"
    other.mkdir()
    go_on(host, identity)
    published(host, to_git(identity))
    git(tmp_path, "clone", "--quiet", str(remote), str(other))
    go_on(host, identity)
    theirs = GitRef(PublishToGit(), other)
    assert became(host, theirs) == [("git", "published", 2)]
    go_on(host, identity)

    assert became(host, to_git(identity)) == [("git", "published", 3)]
    assert git(remote, "rev-list", "--count", REF) == "3"


def test_a_ref_that_moves_in_the_same_moment_is_looked_at_again(
    host: Host, identity: LogIdentity, remote: Path, monkeypatch: pytest.MonkeyPatch
):
    go_on(host, identity)
    published(host, to_git(identity))
    go_on(host, identity)
    real, seen = GitRef.publish, list[str]()

    def late(self: GitRef, publication: Publication, after: Kept | None) -> None:
        if not seen:
            assert after is not None
            seen.append(after.state)
            tree = git(remote, "rev-parse", f"{REF}^{{tree}}")
            git(remote, "update-ref", REF, git(remote, "commit-tree", tree, "-p", after.state, "-m", "meanwhile"))
        real(self, publication, after)

    monkeypatch.setattr(GitRef, "publish", late)

    assert became(host, to_git(identity)) == [("git", "published", 2)]
    assert git(remote, "rev-list", "--count", REF) == "3"


def test_a_log_that_was_rewritten_is_found_by_what_was_published(host: Host, identity: LogIdentity, remote: Path):
    go_on(host, identity, 3)
    published(host, to_git(identity))
    kept = there(remote)
    forgotten(host)
    on_another_machine(identity)
    with writing(host.engine) as connection:
        journal.append(connection, project="test", run="b", kind=EntryKind.DECISION, at=NOON, body={"other": 1})
    go_on(host, identity, 4)

    [result] = published(host, to_git(identity))
    assert result.became is Became.CONTRADICTS
    assert "the first 3 entries of the log are not those whose checkpoint was published" in result.trouble
    assert there(remote) == kept
    [found] = findings(host, to_git(identity))
    assert found.startswith("git (origin refs/heads/iact-checkpoints): the first 3 entries")


@pytest.mark.usefixtures("remote")
def test_a_store_from_an_older_backup_is_found_even_where_it_knows_of_no_publication(host: Host, identity: LogIdentity):
    go_on(host, identity, 3)
    published(host, to_git(identity))
    engine = open_passing()
    restored = replace(host, engine=engine)
    on_another_machine(identity)
    go_on(restored, identity, 2)

    [result] = published(restored, to_git(identity))
    engine.dispose()
    assert result.became is Became.CONTRADICTS
    assert "a checkpoint of 3 entries was published, and the log has signed 2" in result.trouble


def test_what_a_webhook_was_sent_is_compared_as_well(host: Host, identity: LogIdentity, hook: Web):
    go_on(host, identity, 3)
    published(host, to_web(identity, hook))
    with writing(host.engine) as connection:
        connection.execute(update(LOG_TILES).values(hashes=b"\x00" * 96))
    on_another_machine(identity)
    go_on(host, identity, 1)

    [result] = published(host, to_web(identity, hook))
    assert result.became is Became.CONTRADICTS
    assert len(hook.bodies) == 1


def test_nothing_goes_anywhere_as_long_as_one_place_contradicts(
    host: Host, identity: LogIdentity, remote: Path, hook: Web
):
    """A store from an older backup signs another history: whoever cannot tell is not handed it."""
    go_on(host, identity, 3)
    published(host, to_git(identity), to_web(identity, hook))
    engine = open_passing()
    restored = replace(host, engine=engine)
    with writing(engine) as connection:
        journal.append(connection, project="test", run="b", kind=EntryKind.DECISION, at=NOON, body={"other": 1})
    on_another_machine(identity)
    go_on(restored, identity, 4)

    told: dict[str, Result] = {}
    for at_once in (True, False, True):
        results = published(restored, to_web(identity, hook), to_git(identity), at_once=at_once)
        told = {one.place: one for one in results}
        assert "webhook" not in told or told["webhook"].became is Became.REFUSED
        later(restored, 2 * HOUR)
    assert told["webhook"].trouble == "nothing is sent there as long as git contradicts"
    assert told["git"].became is Became.CONTRADICTS
    engine.dispose()
    assert len(hook.bodies) == 1

    on_another_machine(identity)
    go_on(host, identity, 1)
    assert [one.became for one in published(host, to_git(identity), to_web(identity, hook))] == [Became.PUBLISHED] * 2
    assert there(remote) == newest(host)


def test_a_server_that_answers_without_end_keeps_nobody_waiting(hook: Web):
    dripping = threading.Event()

    class Drip(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            while not dripping.wait(0.05):
                self.wfile.write(b"X")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Drip)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        with pytest.raises(RefusedError, match=r"127\.0\.0\.1:\d+ gives no whole answer in 1 s"):
            post(f"http://127.0.0.1:{server.server_address[1]}/", b"note", {}, seconds=1)
        assert post(hook.url, b"note", {}, seconds=30).is_success
    finally:
        dripping.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_log_keeps_the_name_that_its_key_signs(host: Host, identity: LogIdentity):
    go_on(host, identity)
    before = newest(host)

    with pytest.raises(ConfigurationError, match=r"A log keeps its name: write `audit: \{log: example\.com/test\}`"):
        go_on(host, replace(identity, origin="example.com/renamed"))
    assert newest(host) == before


def test_a_ref_that_was_set_back_is_published_to_again_and_told(host: Host, identity: LogIdentity, remote: Path):
    for _ in range(2):
        go_on(host, identity)
        published(host, to_git(identity))
    git(remote, "update-ref", REF, f"{REF}~1")

    [result] = published(host, to_git(identity))
    assert (result.became, result.is_good) == (Became.PUBLISHED, False)
    assert "somebody has set it back" in result.trouble
    assert findings(host, to_git(identity)) == [f"git (origin {REF}): {result.trouble}"]
    assert there(remote) == newest(host)
    with reading(host.engine) as connection:
        (entry,) = journal.entries(connection, "test", journal.LOG_RUN)
    assert entry.body == {"what": "set back", "place": "git", "message": result.trouble}

    for _ in range(2):
        later(host, HOUR)
        assert became(host, to_git(identity), at_once=False) == [("git", "nothing new", 2)]
        assert f"git (origin {REF}): {result.trouble}" in findings(host, to_git(identity))
    assert became(host, to_git(identity)) == [("git", "nothing new", 2)]
    assert not any("set it back" in one for one in findings(host, to_git(identity)))
    with reading(host.engine) as connection:
        assert len(list(journal.entries(connection, "test", journal.LOG_RUN))) == 1


@pytest.mark.parametrize("change", [("update-ref", REF, f"{REF}~1"), ("update-ref", "-d", REF)])
def test_a_ref_is_looked_at_though_nothing_new_is_signed(
    host: Host, identity: LogIdentity, remote: Path, change: tuple[str, ...]
):
    for _ in range(2):
        go_on(host, identity)
        published(host, to_git(identity))
    git(remote, *change)
    assert became(host, to_git(identity), at_once=False) == []

    later(host, HOUR)
    [result] = published(host, to_git(identity), at_once=False)
    assert (result.became, result.size) == (Became.PUBLISHED, 2)
    assert "somebody has set it back" in result.trouble
    assert there(remote) == newest(host)


@pytest.mark.parametrize("new", [0, 1])
def test_a_history_that_was_exchanged_below_the_same_checkpoint_is_told_until_somebody_has_looked(
    host: Host, identity: LogIdentity, remote: Path, new: int
):
    for _ in range(2):
        go_on(host, identity)
        published(host, to_git(identity))
    later(host, HOUR)
    assert became(host, to_git(identity), at_once=False) == [("git", "nothing new", 2)]
    assert findings(host, to_git(identity)) == []
    tree = git(remote, "rev-parse", f"{REF}^{{tree}}")
    git(remote, "update-ref", REF, git(remote, "commit-tree", tree, "-m", "alone"))
    if new:
        go_on(host, identity, new)

    later(host, HOUR)
    [result] = published(host, to_git(identity), at_once=False)
    assert (result.became, result.size) == ((Became.PUBLISHED, 3) if new else (Became.NOTHING_NEW, 2))
    assert "somebody has rewritten it" in result.trouble
    later(host, HOUR)
    assert published(host, to_git(identity), at_once=False)[0].trouble == ""
    assert f"git (origin {REF}): {result.trouble}" in findings(host, to_git(identity))
    published(host, to_git(identity))
    assert not any("rewritten" in one for one in findings(host, to_git(identity)))
    with reading(host.engine) as connection:
        assert len(list(journal.entries(connection, "test", journal.LOG_RUN))) == 1


def test_a_ref_that_another_machine_adds_to_is_not_taken_for_exchanged(
    host: Host, identity: LogIdentity, remote: Path, tmp_path: Path
):
    go_on(host, identity)
    published(host, to_git(identity))
    published(host, to_git(identity))
    git(tmp_path, "clone", "--quiet", str(remote), "elsewhere")
    elsewhere = GitRef(PublishToGit(), tmp_path / "elsewhere")
    for _ in range(2):
        go_on(host, identity)
        assert published(host, elsewhere)[0].trouble == ""
    [result] = published(host, to_git(identity))
    assert (result.became, result.trouble) == (Became.NOTHING_NEW, "")


def test_what_cannot_be_looked_at_is_handed_nothing_twice(host: Host, identity: LogIdentity, hook: Web):
    go_on(host, identity)
    published(host, to_web(identity, hook))

    later(host, 24 * HOUR)
    assert became(host, to_web(identity, hook), at_once=False) == []
    assert len(hook.bodies) == 1


def test_a_ref_with_something_else_in_it_is_left_alone(host: Host, identity: LogIdentity, remote: Path):
    git(identity.root, "push", "--quiet", "origin", f"main:{REF}")
    go_on(host, identity)

    [result] = published(host, to_git(identity))
    assert result.became is Became.CONTRADICTS
    assert "holds something else than checkpoints" in result.trouble
    assert git(remote, "rev-list", "--count", REF) == "1"


@pytest.mark.parametrize("change", ["key", "origin", "words"])
def test_a_checkpoint_of_somebody_else_is_no_ground_to_build_on(
    host: Host, identity: LogIdentity, remote: Path, change: str
):
    go_on(host, identity)
    ours = identity.signer()
    assert ours is not None
    text = parse_note(newest(host)).text
    signer = Signer.of_seed("example.com/test", b"\x01" * 32) if change == "key" else ours
    if change == "origin":
        text = text.replace("example.com/test", "example.com/other")
    note = str(Note(text, (signer.sign(text),))).encode() if change != "words" else b"nothing\n"
    theirs = Publication(
        origin="example.com/test", size=1, note=note, keys=(), at=NOON, before=0, proof_from=lambda _: ()
    )
    to_git(identity).publish(theirs, None)

    [result] = published(host, to_git(identity))
    assert result.became is Became.CONTRADICTS
    assert git(remote, "rev-list", "--count", REF) == "1"


def test_a_server_that_refuses_a_push_is_quoted(host: Host, identity: LogIdentity, remote: Path):
    (remote / "hooks" / "pre-receive").write_text("#!/bin/sh\necho not today >&2\nexit 1\n", encoding="utf-8")
    go_on(host, identity)

    [result] = published(host, to_git(identity))
    assert result.became is Became.REFUSED
    assert "pre-receive hook declined" in result.trouble
    assert "not today" in result.trouble


def test_who_is_killed_in_the_middle_has_published_and_the_next_does_no_harm(
    host: Host, identity: LogIdentity, remote: Path, hook: Web, monkeypatch: pytest.MonkeyPatch
):
    class Killed(BaseException):
        """Nothing after it is done."""

    places = to_git(identity), to_web(identity, hook)
    go_on(host, identity)
    for place in places:
        real = type(place).publish

        def killed(self: Place, publication: Publication, after: Kept | None, real=real) -> None:
            real(self, publication, after)
            raise Killed

        monkeypatch.setattr(type(place), "publish", killed)
        with pytest.raises(Killed):
            published(host, place)
        monkeypatch.setattr(type(place), "publish", real)
    assert became(host, *places, at_once=False) == []

    later(host, timedelta(minutes=5))
    assert became(host, *places, at_once=False) == [("git", "nothing new", 1), ("webhook", "published", 1)]
    assert hook.bodies == [newest(host)] * 2
    assert git(remote, "rev-list", "--count", REF) == "1"


def test_another_address_knows_nothing_of_what_went_to_the_one_before(host: Host, identity: LogIdentity, hook: Web):
    go_on(host, identity)
    published(host, to_web(identity, hook))
    with web() as other:
        assert became(host, to_web(identity, other), at_once=False) == [("webhook", "published", 1)]
        assert other.bodies == hook.bodies


def test_a_place_without_the_newest_for_a_day_is_a_finding(
    host: Host, identity: LogIdentity, hook: Web, caplog: pytest.LogCaptureFixture
):
    place = to_web(identity, hook)
    go_on(host, identity)
    published(host, place)
    later(host, 48 * HOUR)
    assert findings(host, place) == []
    go_on(host, identity)
    assert findings(host, place) == []
    later(host, 24 * HOUR)
    assert findings(host, place) == []
    later(host, timedelta(seconds=1))

    [found] = findings(host, place)
    assert found.startswith("what was signed since 2026-03-04T12:00:00.000000Z did not get to webhook (http://127")
    hook.status = 500
    with caplog.at_level(logging.WARNING):
        published(host, place)
    assert "publishing to webhook" in caplog.text
    assert findings(host, place)[0].endswith("as `every`: the webhook answers 500")


def test_the_standing_says_where_checkpoints_are_and_that_one_place_is_too_few(
    host: Host, identity: LogIdentity, hook: Web
):
    place = to_web(identity, hook)

    def lines(*places: Place) -> list[str]:
        with reading(host.engine) as connection:
            now = host.now(connection)
            return list(log_lines(log_standing(connection, "test", now, Publishing(places, HOUR)), now))

    go_on(host, identity)
    assert f"published to webhook ({hook.url}): nothing yet" in lines(place)
    published(host, place)
    later(host, 3 * HOUR)
    assert f"published to webhook ({hook.url}): 1 entries, 3 h ago" in lines(place)
    assert any(line.startswith("note: checkpoints go to webhook alone") for line in lines(place))
    assert any(line.startswith("note: checkpoints go nowhere") for line in lines())
    assert not any(line.startswith("note:") for line in lines(place, to_git(identity)))


def test_a_machine_without_the_key_leaves_publishing_to_others(host: Host, identity: LogIdentity, hook: Web):
    publishing = Publishing((to_web(identity, hook),), HOUR)
    go_on(host, identity)
    publish_in_spite(host, replace(identity, root=identity.root / "elsewhere"), publishing)
    assert hook.bodies == []

    publish_in_spite(host, identity, publishing)
    assert hook.bodies == [newest(host)]


def test_an_address_that_is_a_secret_is_named_and_shown_nowhere(
    host: Host, identity: LogIdentity, hook: Web, monkeypatch: pytest.MonkeyPatch
):
    go_on(host, identity)
    place = Webhook(PublishToWeb(url="env:AUDIT_URL"), identity.root)
    assert "there is no environment variable AUDIT_URL" in published(host, place)[0].trouble

    monkeypatch.setenv("AUDIT_URL", "ftp://audit.example.org/T0KEN")
    trouble = published(host, place)[0].trouble
    assert "env:AUDIT_URL: what is kept there is not shown" in trouble
    assert "T0KEN" not in trouble
    monkeypatch.setenv("AUDIT_URL", f"{hook.url}?key=T0KEN")
    hook.status, hook.answer = 403, b"nothing is at /?key=T0KEN, and T0KEN is not known: key=T0KEN"
    (refused,) = published(host, place)
    assert "the webhook answers 403" in refused.trouble
    assert "T0KEN" not in str(refused)
    hook.status = 200
    assert became(host, place) == [("webhook", "published", 1)]
    assert published(host, place)[0].address == "env:AUDIT_URL"


def test_that_a_place_has_another_address_stays_in_the_log(host: Host, identity: LogIdentity, hook: Web):
    go_on(host, identity, 2)
    assert became(host, to_web(identity, hook)) == [("webhook", "published", 2)]
    with web() as other:
        assert became(host, to_web(identity, other)) == [("webhook", "published", 2)]
        assert became(host, to_web(identity, other)) == [("webhook", "nothing new", 2)]
        go_on(host, identity)

    with reading(host.engine) as connection:
        said = [one.body for one in journal.entries(connection, "test", LOG_RUN)]
    assert said == [{"what": "another address", "place": "webhook", "size": 2}]
