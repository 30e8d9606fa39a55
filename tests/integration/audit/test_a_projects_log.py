"""The log of a project from its first entry on: listed, shown, exported, pruned, brought back, its key changed."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from iact.audit import rotating
from iact.audit.archives import Archive
from iact.audit.bundles import ENTRIES
from iact.audit.identity import LogIdentity
from iact.audit.key_files import make_key
from iact.audit.notes import Signer, parse_note
from iact.audit.rotating import Change, change_key
from iact.audit.sequencing import sequence
from iact.audit.store import head, leaves, newest_checkpoint
from iact.audit.tables import LOG_CHECKPOINTS
from iact.core.errors import ConfigurationError, EnvironmentProblemError, FindingError
from iact.engine import journal
from iact.engine.clocks import DatabaseClock
from iact.engine.host import Host
from iact.engine.journal import EntryKind, broken_link
from iact.engine.tables import JOURNAL, JOURNAL_PENDING, RUNS
from iact.stores.connect import open_sqlite, reading, writing
from iact.stores.units import write
from tests.support.databases import command

PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  store: {sqlite: store.db}
  audit: {log: example.com/shop}
"""
ROLLOUT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: rollout}
spec:
  inputs: {errors: {type: number}}
  start: watching
  states:
    watching:
      next:
        - {event: answered, when: {fact: event.by, is: lead}, decide: GO, to: ended}
        - {event: answered, to: given_up}
        - {when: {fact: input.errors, above: 10}, decide: ROLLBACK, to: ended}
        - {after: 4h, to: ended}
        - {event: nothing_yet, when: {fact: input.errors, above: 1000}, to: given_up}
    ended: {final: true}
    given_up: {final: true}
"""
RETENTION = """\
apiVersion: iact/v1
kind: RetentionPolicy
metadata: {name: a-month}
spec: {keep: {journal: 30d, runs: 60d}}
"""


@pytest.fixture(autouse=True)
def _shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a project with an agent the current folder."""
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    Path("iact.yaml").write_text(PROJECT, encoding="utf-8")
    Path("agents").mkdir()
    Path("agents/rollout.yaml").write_text(ROLLOUT, encoding="utf-8")
    Path("policies").mkdir()
    Path("policies/retention.yaml").write_text(RETENTION, encoding="utf-8")


def begun(subject: str = "one", errors: int = 3) -> str:
    said = command("run", "rollout", "--about", subject, "--with", f"errors={errors}").stdout
    return str(re.findall(r"run-\S+", said)[0])


def listed(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command("audit", "list", "--format", "json", *words).stdout)
    return found


def exported(name: str = "bundle.zip", *words: str) -> Path:
    command("audit", "export", "--out", name, *words)
    return Path(name)


def key() -> str:
    return command("audit", "key").stdout.splitlines()[0]


def entries_of(bundle: Path) -> list[bytes]:
    with Archive(bundle) as archive:
        return list(archive.lines(ENTRIES))


def ended_long_ago(run: str) -> None:
    """Let a run have ended two months ago."""
    engine = open_sqlite(Path("store.db"))
    with writing(engine) as connection:
        old = datetime.now(UTC) - timedelta(days=61)
        connection.execute(update(RUNS).where(RUNS.c.run == run).values(ended_at=old))
    engine.dispose()


def pruned_runs() -> dict[str, int]:
    found = json.loads(command("prune", "--format", "json").stdout)
    return {one["records"]: one["deleted"] for one in found}


def test_what_a_command_wrote_is_in_the_log_and_signed_when_it_ends():
    run = begun()

    found = json.loads(command("status", "--format", "json").stdout)["log"]
    assert (found["entries"], found["signed"], found["waits_since"], found["findings"]) == (2, 2, None, [])
    assert found["key"].startswith("example.com/shop+")
    assert stat.S_IMODE(Path(".iact/log.key").stat().st_mode) == 0o600
    assert Path(".iact/.gitignore").read_text("utf-8").endswith("*\n")
    shown = command("status").stdout
    assert "2 entries, 2 of them signed at" in shown
    assert [one["entry"]["run"] for one in listed()] == [run, run]


def test_entries_are_listed_by_run_person_rule_and_period():
    one, other = begun("one"), begun("other")
    command("runs", "tell", one, "answered", "--with", "by=lead")
    moment = datetime.now(UTC).isoformat()
    command("runs", "tell", other, "answered", "--with", "by=guest")

    assert [entry["place"] for entry in listed()] == [0, 1, 2, 3, 4, 5]
    assert {entry["entry"]["run"] for entry in listed("--run", one[:12])} == {one}
    assert [(entry["place"], entry["person"]) for entry in listed("--person", "lead")] == [(4, "lead")]
    assert len(listed("--rule", "rollout")) == 6
    assert listed("--rule", "pdca") == []
    assert [entry["place"] for entry in listed("--from", moment)] == [5]
    assert [entry["place"] for entry in listed("--to", moment)] == [0, 1, 2, 3, 4]
    assert [entry["place"] for entry in listed("--most", "2")] == [4, 5]
    assert re.search(r"4 .*decision  rollout@[0-9a-f]{12}  watching → ended, go", command("audit", "list").stdout)


def told_of(*words: str) -> str:
    found = command("audit", "list", *words)
    assert (found.exit_code, found.stdout) == (0, "")
    return found.stderr


def test_a_person_is_found_in_whatever_case_and_form_of_letters():
    run = begun()
    command("runs", "tell", run, "answered", "--by", "Zoë  Probe")

    for name in ("zoë probe", "ZOE\N{COMBINING DIAERESIS} PROBE", "Zoë  Probe"):
        assert [entry["place"] for entry in listed("--person", name)] == [2], name
    assert listed("--person", "Zoe Probe") == []


def test_a_rule_is_found_by_the_beginning_of_a_versions_digest():
    run = begun()
    rule = listed()[0]["rule"]
    file = Path("agents/rollout.yaml")
    file.write_text(file.read_text("utf-8").replace("above: 10", "above: 11"), "utf-8")
    later = begun("two")

    for version in (rule, rule.removeprefix("sha256:"), rule.removeprefix("sha256:")[:7].upper()):
        assert {entry["entry"]["run"] for entry in listed("--rule", f"rollout@{version}")} == {run}, version
    assert {entry["entry"]["run"] for entry in listed("--rule", "rollout@")} == {run, later}


def test_where_nothing_matches_it_is_said_what_there_is():
    run = begun()
    command("runs", "tell", run, "answered", "--by", "Ada Probe")
    version = listed()[0]["rule"].removeprefix("sha256:")[:12]

    assert listed("--rule", "rolout") == []
    assert "of 'rolout'. Did you mean rollout? There are runs of rollout." in told_of("--rule", "rolout")
    assert f"rollout has no version 'ffff' here. There is {version}." in told_of("--rule", "rollout@ffff")
    said = told_of("--person", "Ada Prob")
    assert "said by 'Ada Prob'. Did you mean Ada Probe? There is something by Ada Probe." in said
    assert "a run whose name begins with 'run-zzz'" in told_of("--run", "run-zzz")
    assert "nothing was written then" in told_of("--to", "2001-01-01")
    file = Path("agents/rollout.yaml")
    file.write_text(file.read_text("utf-8").replace("above: 10", "above: 11"), "utf-8")
    begun("two")
    newer = listed()[-1]["rule"]
    assert "each is there, and never in one entry" in told_of("--person", "Ada Probe", "--rule", f"rollout@{newer}")


def test_an_entry_is_named_by_the_beginning_of_its_runs_name():
    one, other = begun("one"), begun("two")
    short = next(one[:end] for end in range(4, len(one)) if not other.startswith(one[:end]))

    assert json.loads(command("audit", "show", f"{short}/2", "--format", "json").stdout)[0]["place"] == 1
    with pytest.raises(ConfigurationError, match=r"several runs' names begin with 'run-': run-"):
        command("audit", "show", "run-/2")
    for name in (f"{short}/3", f"{short}/99999999999999999999", f"{short}/x", "/1", "", "run-zzz/1"):
        with pytest.raises(ConfigurationError, match="the log has no entry"):
            command("audit", "show", name)


def test_an_entry_is_shown_with_its_rule_and_its_proof():
    run = begun(errors=11)

    by_place, by_run = command("audit", "show", "1").stdout, command("audit", "show", f"{run}/2").stdout
    assert by_place == by_run
    assert re.search(r"rule rollout sha256:[0-9a-f]{64}", by_place)
    assert "1 hashes lead to the root of the log of 2 entries that was signed" in by_place
    assert '"text": "input.errors above 10"' in by_place
    assert len(json.loads(command("audit", "show", run, "--format", "json").stdout)) == 2
    with pytest.raises(ConfigurationError, match="no entry 'run-none'"):
        command("audit", "show", "run-none")


def test_an_auditor_checks_an_export_with_one_file_and_the_key_alone(tmp_path: Path):
    run = begun()
    command("runs", "tell", run, "answered", "--with", "by=lead")
    laptop = tmp_path / "laptop"
    laptop.mkdir()
    shutil.move(exported(), laptop / "bundle.zip")
    (laptop / "shop.key").write_text(key() + "\n", "utf-8")
    command("audit", "verifier", "--out", str(laptop / "iact_verify.py"))

    done = subprocess.run(
        [sys.executable, "-I", "-S", "iact_verify.py", "bundle.zip", "--key", "shop.key"],
        cwd=laptop,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[:18], done.stderr) == (0, "holds, 3 entries, ", "")
    assert "log example.com/shop, 3 entries, signed by example.com/shop+" in done.stdout


@contextmanager
def an_hour_ago() -> Iterator[None]:
    """Let the store's clock be behind."""
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(DatabaseClock, "read", lambda *_: datetime.now(UTC) - timedelta(hours=1))
        yield


def test_a_period_is_exported_with_what_its_runs_go_on_from():
    with an_hour_ago():
        run = begun()
    moment = datetime.now(UTC).isoformat()
    command("runs", "tell", run, "answered", "--with", "by=lead")

    bundle = exported("period.zip", "--from", moment)
    assert [json.loads(entry)["sequence"] for entry in entries_of(bundle)] == [3]
    said = command("audit", "verify", str(bundle), "--key", key()).stdout
    assert "holds, 1 entries" in said
    assert "all entries written from 20" in said
    before = exported("before.zip", "--to", (datetime.now(UTC) - timedelta(minutes=30)).isoformat())
    assert [json.loads(entry)["sequence"] for entry in entries_of(before)] == [1, 2]
    found = json.loads(command("audit", "verify", str(before), "--key", key(), "--format", "json").stdout)
    assert (found["complete"], found["period"]["from"], found["unknown_runs"]) == (True, "", 0)
    with pytest.raises(ConfigurationError, match="nothing was written from 2099"):
        command("audit", "export", "--from", "2099-01-01", "--out", "none.zip")
    assert not Path("none.zip").exists()


def test_an_export_shows_that_the_log_goes_on_from_what_an_auditor_kept():
    begun("one")
    with zipfile.ZipFile(exported("first.zip")) as archive:
        Path("kept.txt").write_bytes(archive.read("checkpoint.txt"))
    moment = datetime.now(UTC).isoformat()
    begun("other")

    bundle = exported("second.zip", "--from", moment, "--checkpoint", "kept.txt")
    said = command("audit", "verify", str(bundle), "--key", key(), "--checkpoint", "kept.txt").stdout
    assert "goes on from what was kept at 2 entries" in said


def test_that_nothing_was_written_in_a_period_can_be_handed_out():
    with an_hour_ago():
        run = begun()
    begin, end = (datetime.now(UTC) - timedelta(minutes=one) for one in (40, 20))
    command("runs", "tell", run, "answered", "--with", "by=lead")

    bundle = exported("quiet.zip", "--from", begin.isoformat(), "--to", end.isoformat())
    found = json.loads(command("audit", "verify", str(bundle), "--key", key(), "--format", "json").stdout)
    assert (found["entries"], found["complete"], found["first"], found["last"]) == (0, True, 2, 2)


def test_an_export_takes_along_what_was_written_within_minutes_of_its_period():
    """Entries get their places in the order of their commits, which is not quite that of their moments."""
    run = begun()
    moment = datetime.now(UTC).isoformat()
    command("runs", "tell", run, "answered", "--with", "by=lead")

    bundle = exported("late.zip", "--from", moment)
    assert [json.loads(entry)["sequence"] for entry in entries_of(bundle)] == [1, 2, 3]


def test_every_decision_of_an_export_is_made_again():
    with an_hour_ago():
        run = begun()
    moment = datetime.now(UTC).isoformat()
    command("runs", "tell", run, "answered", "--with", "by=lead")
    begun("other", 11)

    said = command("audit", "verify", str(exported()), "--key", key(), "--replay").stdout
    assert said.endswith("5 decisions made again, all with the same result\n")
    bundle = str(exported("late.zip", "--from", moment))
    found = json.loads(command("audit", "verify", bundle, "--key", key(), "--replay", "--format", "json").stdout)
    assert (found["replayed"], found["not_replayed_runs"]) == (2, 1)


@pytest.mark.not_replayed("a decision is made up")
def test_a_decision_that_does_not_follow_from_its_facts_is_found_by_making_it_again():
    """Who has the key and the store can sign a step that the definition has, and that the facts do not lead to."""
    run = begun(errors=3)
    engine = open_sqlite(Path("store.db"))
    with writing(engine) as connection:
        body = {
            "trigger": {"kind": "looked"},
            "brought": [],
            "facts": [],
            "decision": {
                "considered": [],
                "final": True,
                "from": "watching",
                "holds": [],
                "intents": [],
                "moved": True,
                "outcome": "rollback",
                "taken": 2,
                "timers": [],
                "to": "ended",
                "visit": 2,
            },
        }
        now = datetime.now(UTC)
        journal.append(connection, project="shop", run=run, kind=EntryKind.DECISION, at=now, body=body)
    engine.dispose()

    bundle = str(exported())
    assert command("audit", "verify", bundle, "--key", key()).exit_code == 0
    told = command("audit", "verify", bundle, "--key", key(), "--replay")
    assert told.exit_code == 1
    assert f"entry 2 (run {run}, 3) decides otherwise than its definition does with the same facts" in told.stdout


@pytest.mark.not_replayed("a decision is edited")
def test_a_store_that_somebody_changed_is_not_exported_and_the_entry_is_named():
    begun()
    engine = open_sqlite(Path("store.db"))
    with writing(engine) as connection:
        body = connection.scalars(select(JOURNAL.c.body).where(JOURNAL.c.sequence == 2)).one()
        changed = body.replace(b"watching", b"sleeping")
        assert changed != body
        connection.execute(update(JOURNAL).where(JOURNAL.c.sequence == 2).values(body=changed))
    engine.dispose()

    with pytest.raises(FindingError, match=r"nothing was handed out: entry 1 \(run run-"):
        command("audit", "export", "--out", "bundle.zip")
    assert [path.name for path in Path().glob("*bundle*")] == []
    with pytest.raises(FindingError, match="The store was changed"):
        command("audit", "show", "1")


def test_after_its_key_was_changed_an_auditor_needs_nothing_new():
    begun("one")
    old = key()
    said = command("audit", "key", "change", "--reason", "a year is over", "--by", "security").stdout
    begun("other")

    assert command("audit", "key").stdout.splitlines() == [old, said.strip()]
    bundle = str(exported())
    verified = command("audit", "verify", bundle, "--key", old).stdout
    assert "holds, 5 entries" in verified
    assert f"signed by example.com/shop+{said.split('+')[1]}" in verified
    assert [entry["person"] for entry in listed("--run", "log")] == ["security"]
    assert not Path(".iact/log.key.next").exists()


def test_a_part_of_the_archive_that_is_not_there_is_no_changed_store():
    run = begun()
    command("audit", "archive")
    engine = open_sqlite(Path("store.db"))
    with writing(engine) as connection:
        connection.execute(delete(JOURNAL).where(JOURNAL.c.run == run))
    engine.dispose()
    (part,) = Path(".iact/archive").glob("*.zip")
    part.rename("elsewhere.zip")

    for words in (("list",), ("show", "0")):
        with pytest.raises(
            FindingError, match=rf"entry . \(run {run}, .\) cannot be read: entries 0 to 1 of the log are"
        ):
            command("audit", *words)
    with pytest.raises(FindingError) as told:
        command("audit", "show", "0")
    assert "Bring it back, or name its folder" in str(told.value)
    assert "changed by other means" not in str(told.value)


def test_a_new_key_has_signed_once_the_command_is_done():
    begun("one")
    said = command("audit", "key", "change", "--reason", "a year is over").stdout.strip()

    engine = open_sqlite(Path("store.db"))
    with reading(engine) as connection:
        newest, top = newest_checkpoint(connection, "shop"), head(connection, "shop")
        waiting = connection.scalars(select(JOURNAL_PENDING.c.number)).all()
    engine.dispose()
    assert newest is not None
    assert top is not None
    assert (newest.size, waiting) == (top.size, [])
    assert said.split("+")[1] in {one.id.hex() for one in parse_note(newest.note).signatures}


def test_a_change_of_keys_that_was_cut_off_is_finished_by_the_next_who_signs(monkeypatch: pytest.MonkeyPatch):
    begun("one")
    with monkeypatch.context() as cut_off:
        cut_off.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(RuntimeError("killed")))
        with pytest.raises(RuntimeError, match="killed"):
            command("audit", "key", "change", "--reason", "a year is over")
    assert Path(".iact/log.key.next").exists()

    begun("other")
    assert not Path(".iact/log.key.next").exists()
    new = command("audit", "key").stdout.splitlines()[1]
    assert (
        f"signed by example.com/shop+{new.split('+')[1]}"
        in command("audit", "verify", str(exported()), "--key", new).stdout
    )


def test_of_two_changes_at_once_one_is_refused_and_leaves_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    begun()

    def slowly(place: Path, name: str) -> Signer:
        """Let another machine, which has the same key, change it in between."""
        made = make_key(place, name)
        monkeypatch.setattr(rotating, "make_key", make_key)
        shutil.copytree(".iact", tmp_path / "other/.iact", ignore=shutil.ignore_patterns("*.next"))
        other = LogIdentity("example.com/shop", tmp_path / "other", None, tmp_path)
        engine = open_sqlite(Path("store.db"))
        host = Host(engine=engine, project="shop", clock=DatabaseClock(), services={})
        change_key(host, other, Change(by="lead", reason="the first"))
        engine.dispose()
        return made

    monkeypatch.setattr(rotating, "make_key", slowly)
    with pytest.raises(ConfigurationError, match="somebody else has changed the key meanwhile; nothing was changed"):
        command("audit", "key", "change", "--reason", "the second")
    assert sorted(file.name for file in Path(".iact").glob("log.key*")) == ["log.key", "log.key.lock"]
    assert len(command("audit", "key").stdout.splitlines()) == 2


def test_of_two_changes_on_one_machine_the_second_is_refused():
    begun()
    words = [sys.executable, "-m", "iact.cli", "audit", "key", "change", "--reason", "both"]
    both = [subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [(one.communicate()[1], one.returncode) for one in both]

    keys = command("audit", "key").stdout.splitlines()
    assert [code for _, code in told].count(0) == len(keys) - 1, told
    assert all("somebody else has changed the key meanwhile" in said for said, code in told if code), told
    assert not Path(".iact/log.key.next").exists()
    begun("two")
    assert json.loads(command("status", "--format", "json").stdout)["log"]["signed"] == 3 + len(keys)


def test_a_secret_that_another_process_has_put_in_place_is_taken_from_there(monkeypatch: pytest.MonkeyPatch):
    begun()

    def and_others_sign(*words: Any, **more: Any) -> Any:
        done = write(*words, **more)
        Path(".iact/log.key.next").replace(".iact/log.key")
        return done

    monkeypatch.setattr(rotating, "write", and_others_sign)
    made = command("audit", "key", "change", "--reason", "a year is over").stdout.strip()
    assert command("audit", "key").stdout.splitlines()[-1] == made
    begun("two")
    assert json.loads(command("status", "--format", "json").stdout)["log"]["findings"] == []


def test_a_key_whose_secret_is_lost_is_replaced_by_one_that_nothing_vouches_for():
    begun("one")
    old = key()
    Path(".iact/log.key").unlink()
    begun("other")
    found = json.loads(command("status", "--format", "json").stdout)["log"]
    assert (found["entries"], found["signed"]) == (4, 2)
    with pytest.raises(ConfigurationError, match="does not have the secret"):
        command("audit", "key", "change", "--reason", "lost")

    command("audit", "key", "change", "--reason", "the disk is gone", "--lost")
    new = command("audit", "key").stdout.splitlines()[-1]
    bundle = str(exported())
    assert "holds, 5 entries" in command("audit", "verify", bundle, "--key", new).stdout
    assert command("audit", "verify", bundle, "--key", old).exit_code == 1


def test_a_key_in_the_environment_signs_and_its_successor_goes_to_a_file(monkeypatch: pytest.MonkeyPatch):
    begun("one")
    secret = Path(".iact/log.key").read_text("ascii").strip()
    Path(".iact/log.key").unlink()
    project = PROJECT.replace("log: example.com/shop", "log: example.com/shop, key: env:SHOP_LOG_KEY")
    Path("iact.yaml").write_text(project, "utf-8")
    monkeypatch.setenv("SHOP_LOG_KEY", secret)
    begun("other")
    assert json.loads(command("status", "--format", "json").stdout)["log"]["signed"] == 4

    with pytest.raises(ConfigurationError, match="--out"):
        command("audit", "key", "change", "--reason", "a year is over")
    command("audit", "key", "change", "--reason", "a year is over", "--out", "new.key")
    begun("third")
    assert json.loads(command("status", "--format", "json").stdout)["log"]["signed"] == 4
    monkeypatch.setenv("SHOP_LOG_KEY", Path("new.key").read_text("ascii").strip())
    command("tick")
    assert json.loads(command("status", "--format", "json").stdout)["log"]["signed"] == 7


def test_what_is_deleted_is_in_the_archive_and_exported_as_if_it_were_there():
    old, young = begun("old", 11), begun("young", 11)
    before = entries_of(exported("before.zip"))
    ended_long_ago(old)

    assert pruned_runs() == {"journal": 1, "runs": 1}
    engine = open_sqlite(Path("store.db"))
    with reading(engine) as connection:
        assert set(connection.scalars(select(JOURNAL.c.run))) == {young, "log"}
    engine.dispose()
    assert entries_of(exported("after.zip"))[: len(before)] == before
    assert command("audit", "verify", "after.zip", "--key", key()).exit_code == 0
    assert {entry["entry"]["run"] for entry in listed("--run", old)} == {old}
    (part,) = Path(".iact/archive").glob("*.zip")
    assert command("audit", "verify", str(part), "--key", key()).exit_code == 0
    assert "4 entries in the archive" in command("status").stdout

    part.rename("elsewhere.zip")
    with pytest.raises(EnvironmentProblemError, match="entries 0 to 3 of the log are in the archive"):
        command("audit", "export", "--out", "without.zip")
    assert not Path("without.zip").exists()


def test_a_run_is_shown_out_of_the_archive_in_one_reading(monkeypatch: pytest.MonkeyPatch):
    run = begun("one")
    for number in range(5):
        command("runs", "tell", run, "nothing_yet", "--key", str(number))
    command("runs", "tell", run, "answered", "--with", "by=lead")
    ended_long_ago(run)
    pruned_runs()
    opened: list[Path] = []
    read = Archive.__init__

    def counted(archive: Archive, file: Path) -> None:
        opened.append(file)
        read(archive, file)

    monkeypatch.setattr(Archive, "__init__", counted)
    assert [one["entry"]["sequence"] for one in listed("--run", run)] == list(range(1, 9))
    assert len(opened) <= 2
    opened.clear()
    assert command("audit", "show", run).stdout.count(f"run {run}, ") == 8
    assert len(opened) <= 2


def test_nothing_is_archived_where_there_is_nothing_new():
    begun("one", 11)
    assert "entries 0 to 1" in command("audit", "archive").stdout
    assert command("audit", "archive").stdout == "There is nothing new to archive.\n"
    begun("other", 11)
    # The note on the first part is an entry, too.
    assert "entries 2 to 4" in command("audit", "archive").stdout
    assert len(list(Path(".iact/archive").glob("*.zip"))) == 2


def test_what_was_deleted_is_brought_back_and_follows_from_itself():
    run = begun("old", 11)
    ended_long_ago(run)
    pruned_runs()
    (part,) = Path(".iact/archive").glob("*.zip")

    said = command("audit", "restore", str(part), "--reason", "a lawsuit", "--by", "legal").stdout
    assert said.startswith("2 entries of 1 runs brought back; the bundle holds, 2 entries")
    engine = open_sqlite(Path("store.db"))
    with reading(engine) as connection:
        kept = connection.scalars(select(JOURNAL.c.sequence).where(JOURNAL.c.run == run).order_by(JOURNAL.c.sequence))
        assert list(kept) == [1, 2]
        assert broken_link(connection, "shop", run) is None
    engine.dispose()
    assert [entry["person"] for entry in listed("--person", "legal")] == ["legal"]
    assert "holds" in command("audit", "verify", str(exported()), "--key", key()).stdout
    assert command("audit", "restore", str(part), "--reason", "again").stdout.startswith("0 entries of 0 runs")


def test_a_bundle_that_was_changed_or_is_of_another_log_brings_nothing_back(tmp_path: Path):
    run = begun("old", 11)
    ended_long_ago(run)
    pruned_runs()
    (part,) = Path(".iact/archive").glob("*.zip")
    content = part.read_bytes()
    cut = tmp_path / "cut.zip"
    cut.write_bytes(content[: len(content) // 2])

    with pytest.raises(ConfigurationError, match="cannot be brought back"):
        command("audit", "restore", str(cut), "--reason", "x")
    other = tmp_path / "other"
    shutil.copytree(Path(), other, ignore=shutil.ignore_patterns(".iact", "store.db*"))
    with pytest.MonkeyPatch.context() as elsewhere:
        elsewhere.chdir(other)
        begun("stranger", 11)
        stranger = exported().absolute()
    with pytest.raises(FindingError, match="nothing was brought back"):
        command("audit", "restore", str(stranger), "--reason", "x")
    assert pruned_runs() == {"journal": 0, "runs": 0}


@pytest.mark.not_replayed("its entries are numbers, and decide nothing")
def test_entries_of_a_release_that_knows_no_log_get_their_places_with_the_next():
    run = begun()
    engine = open_sqlite(Path("store.db"))
    host = Host(engine=engine, project="shop", clock=DatabaseClock(), services={})
    with writing(engine) as connection:
        for number in range(3):
            body = {"number": number}
            now = datetime.now(UTC)
            journal.append(connection, project="shop", run=run, kind=EntryKind.DECISION, at=now, body=body)
        waiting = list(connection.scalars(select(JOURNAL_PENDING.c.number).order_by(JOURNAL_PENDING.c.number)))
        connection.execute(delete(JOURNAL_PENDING).where(JOURNAL_PENDING.c.number.in_(waiting[:2])))

    assert sequence(host) == 3
    with reading(engine) as connection:
        assert [leaf.sequence for leaf in leaves(connection, "shop", 0, 10)] == [1, 2, 3, 4, 5]
    engine.dispose()


def test_without_a_signature_nothing_is_exported():
    begun()
    engine = open_sqlite(Path("store.db"))
    with writing(engine) as connection:
        connection.execute(delete(LOG_CHECKPOINTS))
        top = head(connection, "shop")
    engine.dispose()
    assert top is not None
    Path(".iact/log.key").unlink()

    with pytest.raises(ConfigurationError, match="nothing is signed yet"):
        command("audit", "export", "--out", "bundle.zip")


def test_where_nothing_was_ever_kept_no_store_is_made():
    with pytest.raises(ConfigurationError, match="nothing was decided or done"):
        command("audit", "list")
    assert not Path("store.db").exists()
