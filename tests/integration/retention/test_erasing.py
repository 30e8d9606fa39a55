"""Erasing a person: every proof stays valid, and no file of the project names them any more."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import re
import stat
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from iact.core.commitments import commitments_in
from iact.core.errors import ConfigurationError, EnvironmentProblemError, FindingError
from iact.dora.tables import FAILURES
from iact.retention import erasing
from iact.stores.connect import writing
from services import mysql_protocol
from tests.support.databases import command
from tests.support.stores import KINDS, PASSWORD, StoreAt, store_at

NAME = "Ada Probe"
ADDRESS = "ada.probe@example.org"
TRACES = (b"ada probe", b"ada.probe")
PROJECT = """\
apiVersion: iact/v1
kind: Project
metadata: {name: shop}
spec:
  audit: {log: example.com/shop}
"""
ROLLOUT = """\
apiVersion: iact/v1
kind: Agent
metadata: {name: rollout}
spec:
  mode: propose
  start: waiting
  states:
    waiting:
      next: [{event: asked, to: restarting}, {after: 30 days, to: over}]
    restarting:
      do: command
      with: {run: [./restart], task: {service: api}}
      waits: for ever
      next:
        - {event: finished, decide: GO, to: over}
        - {event: failed, decide: FAILED, to: over}
        - {event: unknown, decide: UNKNOWN, to: over}
        - {event: asked, to: restarting}
    over: {final: true}
"""
RESTART = """\
#!%s
import json, sys
json.load(sys.stdin)
print(json.dumps({"decision": "GO", "confidence": 1, "reason": "restarted"}))
"""
HOLD = """\
apiVersion: iact/v1
kind: RetentionPolicy
metadata: {name: two-years}
spec:
  legal_holds: [{reason: Case 2026-17, subjects: [disputed]}]
"""


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAt]:
    """A project on each kind of database, in the current folder, whose agent asks before it does something."""
    monkeypatch.setenv(PASSWORD, mysql_protocol.PASSWORD)
    folder = tmp_path / "shop"
    folder.mkdir()
    monkeypatch.chdir(folder)
    program = Path("restart")
    program.write_text(RESTART % sys.executable, encoding="utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    Path("agents").mkdir()
    Path("agents/rollout.yaml").write_text(ROLLOUT, encoding="utf-8")
    Path("policies").mkdir()
    Path("policies/retention.yaml").write_text(HOLD, encoding="utf-8")
    with store_at(request.param, request, folder) as found:
        if found.server is not None:
            with found.opened():
                pass
        Path("iact.yaml").write_text(PROJECT + found.lines, encoding="utf-8")
        yield found


def begun(about: str) -> str:
    said = command("run", "rollout", "--about", about).stdout
    return str(re.findall(r"run-\S+", said)[0])


def spoken(about: str = "api", name: str = NAME) -> str:
    """Let a person ask a run, with a note that no rule reads, and approve what it proposes."""
    run = begun(about)
    command("runs", "tell", run, "asked", "--by", name, "--with", f"note={name} saw it", "--key", "first")
    command("approve", run, "--by", name, "--reason", f"{name} says that the disk is full")
    return run


def exported(name: str) -> Path:
    command("audit", "export", "--out", name)
    return Path(name)


def key() -> str:
    return command("audit", "key").stdout.splitlines()[0]


def traces() -> set[str]:
    """Return every file of the project in which the person is found as bytes, in zips as well."""
    found = set()
    for file in Path().rglob("*"):
        if file.is_file():
            contents = [file.read_bytes()]
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    contents += [archive.read(member) for member in archive.namelist()]
            if any(trace in content.lower() for content in contents for trace in TRACES):
                found.add(str(file))
    return found


def erased(*words: str) -> dict[str, Any]:
    said = command(
        "audit", "person", "erase", NAME, "--by", "lead", "--reason", "they asked", "--format", "json", *words
    )
    found: dict[str, Any] = json.loads(said.stdout)
    assert said.exit_code == (1 if found["left"] else 0)
    return found


def listed(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(command("audit", "list", "--format", "json", *words).stdout)
    return found


@pytest.mark.usefixtures("place")
def test_an_erased_person_leaves_every_proof_valid_and_no_trace_in_any_file():
    run = spoken()
    command("audit", "key", "change", "--by", NAME, "--reason", "a year is over")
    command("audit", "archive")
    command("backup", "--to", "before.backup")
    before, known = exported("before.zip"), key()
    with zipfile.ZipFile(before) as archive:
        Path("kept.txt").write_bytes(archive.read("checkpoint.txt"))
        assert NAME.encode() in archive.read("index.html")
    outside = before.rename(Path("..") / "before.zip")
    assert traces() >= {"before.backup"}

    found = erased()

    assert (found["left"], len(found["pseudonyms"]), found["remarks"]) == ([], 1, 3)
    assert found["runs"] == sorted(["log", run])
    assert traces() == set()
    after = exported("after.zip")
    assert "holds, " in command("audit", "verify", str(after), "--key", known, "--checkpoint", "kept.txt").stdout
    assert "holds, " in command("audit", "verify", str(outside), "--key", known, "--replay").stdout
    assert "holds, " in command("audit", "verify", str(after), "--key", known, "--replay").stdout
    for part in Path(".iact/archive").glob("*.zip"):
        assert "holds, " in command("audit", "verify", str(part), "--key", known).stdout
    assert command("backup", "verify", "before.backup").exit_code == 0
    assert traces() == set()


@pytest.mark.usefixtures("place")
def test_people_are_named_wherever_something_is_shown_until_they_are_erased():
    run = spoken()

    shown = command("runs", "show", run).stdout
    assert f"approved by {NAME}. {NAME} says that the disk is full" in shown
    assert [one["person"] for one in listed("--person", NAME)] == [NAME, NAME]
    entry = listed("--person", NAME)[-1]
    assert NAME not in json.dumps(entry["entry"])
    assert set(entry["words"].values()) == {NAME, f"{NAME} says that the disk is full"}
    pseudonym = entry["entry"]["body"]["by"]
    assert [one["place"] for one in listed("--person", pseudonym[:20])] == [
        one["place"] for one in listed("--person", NAME)
    ]
    assert f"{pseudonym} stands for '{NAME}'" in command("audit", "show", str(entry["place"])).stdout

    erased()

    shown = command("runs", "show", run).stdout
    assert NAME not in shown
    assert f"approved by {pseudonym[:19]}. remark:" in shown
    assert listed("--person", NAME) == []
    assert [one["person"] for one in listed("--person", pseudonym)] == [pseudonym[:19]] * 2
    assert listed("--run", "log")[-1]["entry"]["body"]["persons"] == [pseudonym]
    assert listed("--run", "log")[-1]["person"] == "lead"


@pytest.mark.usefixtures("place")
def test_others_keep_their_words_unless_these_name_the_person():
    spoken()
    other = spoken("web", "Bo Sample")
    naming = begun("db")
    command("runs", "tell", naming, "asked", "--by", "Bo Sample", "--with", f"note=ask {NAME}")

    assert erased()["remarks"] == 3

    assert "approved by Bo Sample. Bo Sample says that the disk is full" in command("runs", "show", other).stdout
    assert [set(one["words"].values()) for one in listed("--run", naming, "--person", "Bo Sample")] == [{"Bo Sample"}]
    assert traces() == set()


@pytest.mark.usefixtures("place")
def test_a_legal_hold_keeps_what_it_covers():
    run = spoken("disputed")

    with pytest.raises(FindingError, match=rf"a legal hold covers what they said of {run}: Case 2026-17"):
        erased()

    assert f"approved by {NAME}" in command("runs", "show", run).stdout
    Path("policies/retention.yaml").unlink()
    assert erased()["left"] == []
    assert traces() == set()


@pytest.mark.usefixtures("place")
def test_a_legal_hold_keeps_what_was_said_after_it_was_looked_up(monkeypatch: pytest.MonkeyPatch):
    spoken()
    real, runs = erasing._expect_no_hold, list[str]()  # noqa: SLF001 - the moment between two looks

    def late(*given: Any, **named: Any) -> None:
        real(*given, **named)
        if not runs:
            runs.append(spoken("disputed"))

    monkeypatch.setattr(erasing, "_expect_no_hold", late)

    with pytest.raises(FindingError, match="a legal hold covers what they said of run-"):
        erased()

    assert f"approved by {NAME}" in command("runs", "show", runs[0]).stdout


@pytest.mark.usefixtures("place")
def test_what_would_be_erased_is_shown_and_nothing_is_changed():
    run = spoken()
    Path("notes.txt").write_text(f"call {NAME}", "utf-8")

    said = command("audit", "person", "show", NAME).stdout
    assert re.search(r"person:[0-9a-f]{64} stands for them in the journal", said)
    assert f"2 texts by them or naming them, about {run}" in said
    assert "notes.txt names them" in said
    assert f"approved by {NAME}" in command("runs", "show", run).stdout
    assert command("audit", "person", "show", "Nobody Known").stdout == (
        "Nothing is kept of anybody who is called so.\n"
    )


@pytest.mark.usefixtures("place")
def test_what_still_names_them_is_told_until_it_is_gone():
    spoken()
    Path("policies/people.yaml").write_text(
        f"apiVersion: iact/v1\nkind: Person\nmetadata: {{name: ada}}\nspec: {{git: ['{NAME} <{ADDRESS}>']}}\n", "utf-8"
    )
    bundle = exported("handed-out.zip")

    said = command("audit", "person", "erase", "ada", "--by", "lead", "--reason", "they asked")
    assert said.exit_code == 1
    assert f"{bundle} names them in disclosures.jsonl" in said.stdout
    assert "policies/people.yaml names them: change or delete it" in said.stdout
    Path("policies/people.yaml").unlink()
    bundle.unlink()

    assert erased("--also", ADDRESS)["left"] == []
    assert traces() == set()


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--by", "lead", "--reason", f"{NAME} asked"), "the reason names whom it erases"),
        (("--by", NAME.lower(), "--reason", "they asked"), "it has to be somebody else who is not called so"),
    ],
)
def test_the_erasure_itself_leaves_no_new_trace(words: tuple[str, ...], why: str):
    spoken()
    with pytest.raises(ConfigurationError, match=why):
        command("audit", "person", "erase", NAME, *words)


def test_names_are_exchanged_in_texts_that_came_from_elsewhere(place: StoreAt):
    spoken()
    with place.opened() as engine, writing(engine) as connection:
        row = {column.name: None for column in FAILURES.columns}
        text = {"repository": "r", "key": "issue/1", "kind": "incident", "source": "github", "confidence": "high"}
        said = {"project": "shop", "evidence": f"Outage seen by {NAME}, {ADDRESS}"}
        moment = datetime(2026, 3, 2, tzinfo=UTC)
        connection.execute(insert(FAILURES).values({**row, **text, **said, "started_at": moment, "deployment": "d"}))

    found = erased("--also", ADDRESS)

    assert (found["rows"], found["left"]) == ({"failures": 1}, [])
    with place.opened() as engine, engine.connect() as connection:
        evidence = connection.execute(FAILURES.select()).mappings().one()["evidence"]
    assert re.fullmatch(r"Outage seen by person:[0-9a-f]{12}, person:[0-9a-f]{12}", evidence)
    assert traces() == set()


def erase_fails(name: str = NAME, *words: str) -> str:
    """Let somebody be erased where that is refused; return what is said."""
    said = command("audit", "person", "erase", name, "--by", "lead", "--reason", "they asked", *words)
    assert said.exit_code == 2
    return said.output


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("name", ["", " ", ".", "\udcff", "a\nb"])
def test_what_is_no_name_is_refused_and_changes_nothing(name: str):
    run = spoken()
    assert "expected what somebody is called" in erase_fails(name)
    assert "expected what somebody is called" in erase_fails(NAME, "--also", name)
    assert command("audit", "person", "show", name).exit_code == 2
    assert command("approve", run, "--by", name, "--reason", "x").exit_code == 2
    assert f"approved by {NAME}. {NAME} says" in command("runs", "show", run).stdout


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("records", ["journal", "runs"])
def test_a_legal_hold_keeps_who_told_something_without_a_word_of_their_own(records: str):
    hold = HOLD.replace("subjects", f"records: [{records}], subjects")
    Path("policies/retention.yaml").write_text(hold, "utf-8")
    run = begun("disputed")
    command("runs", "tell", run, "asked", "--by", NAME)

    with pytest.raises(FindingError, match=rf"a legal hold covers what they said of {run}"):
        erased()
    assert [one["person"] for one in listed("--person", NAME)] == [NAME]


@pytest.mark.usefixtures("place")
def test_what_no_rule_reads_is_kept_apart_even_where_it_is_a_number():
    run = begun("api")
    for _ in range(2):
        command("runs", "tell", run, "asked", "--by", "4711", "--with", "until=3 days", "--key", "once")

    (entry,) = listed("--person", "4711")
    assert sorted(entry["words"].values()) == ["3 days", "4711"]
    assert all([*commitments_in(fact["value"])] == [fact["value"]] for fact in entry["entry"]["body"]["brought"])
    said = json.loads(command("audit", "person", "show", "4711", "--format", "json").stdout)
    assert (said["remarks"], said["texts"]) == (1, ["3 days"])


@pytest.mark.usefixtures("place")
def test_what_is_packed_or_cannot_be_looked_into_is_told():
    spoken()
    hidden = f"{NAME} was here".encode()
    files = {
        "serve.log.gz": gzip.compress(hidden),
        "old.tar.xz": lzma.compress(b"\0" * 5000 + hidden),
        "other.bz2": bz2.compress(hidden),
        "table.csv": NAME.encode("utf-16"),
        "deep.zip": zipped({"in.zip": zipped({"a.txt": hidden})}),
        "named.zip": zipped({f"{NAME}.txt": b""}),
        f"{NAME}.txt": b"",
        "cut.zip": zipped({"a.txt": hidden})[:60],
        "cut.gz": gzip.compress(hidden * 100)[:40],
        "some.zst": b"(\xb5/\xfd",
    }
    harmless = {"clean.gz": gzip.compress(b"nothing"), "clean.zip": zipped({"a.txt": b"nothing"})}
    for name, content in {**files, **harmless}.items():
        Path(name).write_bytes(content)

    said = "\n".join(erased()["left"])

    assert [name for name in files if f"/{name}" not in said] == []
    assert [name for name in harmless if name in said] == []
    assert re.search(r"deep\.zip names them in in\.zip/a\.txt", said)
    assert "cut.gz cannot be looked into: it is damaged" in said
    assert "some.zst cannot be looked into: it is packed in a way that nobody reads here" in said
    for name in files:
        Path(name).unlink()
    assert erased()["left"] == []


def zipped(members: dict[str, bytes]) -> bytes:
    opened = io.BytesIO()
    with zipfile.ZipFile(opened, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return opened.getvalue()


@pytest.mark.usefixtures("place")
def test_backups_of_others_damaged_ones_and_encrypted_ones_are_told_and_stay(tmp_path: Path):
    spoken()
    public = command("backup", "key", "secret.key").stdout.strip()
    command("backup", "--to", "locked.backup", "--encrypt-for", public)
    command("backup", "--to", "good.backup")
    Path("nested").mkdir()
    Path("nested/iact.yaml").write_text(PROJECT, "utf-8")
    for name in ("nested/other.backup", "damaged.backup"):
        Path(name).write_bytes(Path("good.backup").read_bytes())
    with Path("damaged.backup").open("r+b") as opened:
        opened.seek(-100, io.SEEK_END)
        opened.write(b"x")
    other = Path("nested/other.backup").read_bytes()
    part = tmp_path / "shop" / ".cut.iact-part"
    part.write_bytes(other[:500])
    shown = command("audit", "person", "show", NAME).stdout
    assert (
        "good.backup names them in tables/persons.jsonl: it is a backup, which `iact audit person erase` writes anew"
        in shown
    )
    assert (
        "nested/other.backup names them in tables/persons.jsonl: it is a backup that has them where nothing can be"
        in shown
    )

    found = erased()

    assert [Path(one).name for one in found["backups"]] == ["good.backup"]
    assert (Path("nested/other.backup").read_bytes(), part.exists()) == (other, False)
    said = "\n".join(found["left"])
    assert "locked.backup cannot be looked into: it is an encrypted backup. Name its secret key by --key" in said
    assert re.search(r"damaged\.backup could not be written anew: .* is not what was written", said)
    assert "nested/other.backup names them in tables/" in said
    for name in ("damaged.backup", "nested/other.backup"):
        Path(name).unlink()
    said = "\n".join(erased("--key", "file:secret.key")["left"])
    assert "locked.backup names them in persons" in said
    Path("locked.backup").unlink()
    command("backup", "--to", "later.backup", "--encrypt-for", public)
    assert erased("--key", "file:secret.key")["left"] == []


@pytest.mark.usefixtures("place")
def test_another_project_in_the_same_store_keeps_its_people():
    spoken()
    rules = Path("iact.yaml").read_text("utf-8")
    Path("iact.yaml").write_text(rules.replace("name: shop", "name: other"), "utf-8")
    other = spoken()
    Path("iact.yaml").write_text(rules, "utf-8")
    command("backup", "--to", "both.backup")

    assert erased()["remarks"] == 2

    Path("iact.yaml").write_text(rules.replace("name: shop", "name: other"), "utf-8")
    assert f"approved by {NAME}" in command("runs", "show", other).stdout
    assert erased()["remarks"] == 2
    assert traces() == set()


def test_without_a_project_or_its_store_nobody_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"there is no project in .*: it has no iact\.yaml"):
        erased()
    with pytest.raises(ConfigurationError, match="there is no project in"):
        command("audit", "person", "show", NAME)
    Path("iact.yaml").write_text(PROJECT, "utf-8")
    for words in (("show", NAME), ("erase", NAME, "--by", "x", "--reason", "y", "--store", "typo.db")):
        with pytest.raises(EnvironmentProblemError, match="is not there: nothing is kept of anybody"):
            command("audit", "person", *words)
    assert [file.name for file in tmp_path.iterdir()] == ["iact.yaml"]


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("words", [(), ("--with", "note=3 days"), ("--key", "first")])
def test_who_is_known_only_for_telling_a_run_something_leaves_no_trace(words: tuple[str, ...]):
    run = begun("api")
    command("runs", "tell", run, "asked", "--by", NAME, *words)
    exported("before.zip")
    Path("before.zip").unlink()

    assert erased()["left"] == []
    assert traces() == set()
    assert command("audit", "verify", str(exported("after.zip")), "--key", key(), "--replay").exit_code == 0


@pytest.mark.usefixtures("place")
def test_a_name_that_a_rule_decides_by_is_told_as_what_is_left():
    file = Path("agents/rollout.yaml")
    reads = "{event: asked, when: {fact: event.by, is: lead}, to: over}, {event: asked, to: restarting}"
    file.write_text(file.read_text("utf-8").replace("{event: asked, to: restarting}", reads, 1), "utf-8")
    command("runs", "tell", begun("api"), "asked", "--by", NAME)

    left = erased()["left"]
    assert re.search(r"1 rows of the table journal name them in `body`, .*what rules read of what", str(left))
