"""`iact audit verify` and `iact audit verifier` at a terminal, without a project and without a store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
from click.testing import CliRunner

from iact.audit import replaying
from iact.audit.assembling import assembled
from iact.cli.main import iact
from iact.core.canonical import canonical
from iact.core.errors import IactError
from tests.support.bundles import OTHER, SIGNER, Log, kept_in, real_journal, with_entries


@pytest.fixture(scope="module")
def log() -> Log:
    return Log(real_journal())


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(iact, ["audit", *words])
    return done.exit_code, str(done.exception) if isinstance(done.exception, IactError) else done.output


def test_a_bundle_that_holds_is_told_in_words_and_as_json(log: Log, tmp_path: Path):
    bundle = str(kept_in(tmp_path, log.bundle(2, 9, kept=[1])))
    key = str(kept_in(tmp_path, f"{SIGNER.key}\n".encode(), "shop.key"))
    kept = str(kept_in(tmp_path, str(log.checkpoint(1)).encode(), "kept.txt"))

    code, said = run("verify", bundle, "--key", key, "--checkpoint", kept)
    assert (code, said[:18]) == (0, "holds, 7 entries, ")
    code, said = run("verify", bundle, "--key", key, "--checkpoint", kept, "--format", "json")
    record = json.loads(said)
    assert (code, record["holds"], record["entries"], record["kept"]) == (0, True, 7, [1])
    assert record["signed_by"] == [str(SIGNER.key)]


def test_a_bundle_that_does_not_hold_ends_with_1(log: Log, tmp_path: Path):
    changed = with_entries(log.bundle(), lambda entries: entries[:-1])
    bundle = str(kept_in(tmp_path, changed))

    code, said = run("verify", bundle, "--key", str(SIGNER.key))
    assert (code, said) == (1, f"does not hold: entry {len(log.entries) - 1} was left out, and all after it\n")
    code, said = run("verify", bundle, "--key", str(SIGNER.key), "--format", "json")
    assert (code, json.loads(said)["holds"]) == (1, False)
    assert run("verify", str(kept_in(tmp_path, log.bundle())), "--key", str(OTHER.key))[0] == 1


def test_what_cannot_be_judged_ends_with_2_and_no_traceback(tmp_path: Path):
    bundle = kept_in(tmp_path, b"PK")
    done = subprocess.run(
        [sys.executable, "-m", "iact.cli", "audit", "verify", bundle, "--key", str(SIGNER.key)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: cannot be judged: bundle.zip is not a bundle: it does not begin as a zip\n"


def test_the_verifier_is_printed_and_written_as_it_is_put_together(tmp_path: Path):
    file = tmp_path / "iact_verify.py"

    assert run("verifier") == (0, assembled())
    assert run("verifier", "--out", str(file)) == (0, "")
    assert file.read_text("utf-8") == assembled()
    code, said = run("verifier", "--out", str(tmp_path / "missing" / "iact_verify.py"))
    assert "cannot be written: No such file" in said
    assert code != 0


def replayed_with(log: Log, tmp_path: Path, change: Callable[[dict[str, Any]], object]) -> tuple[int, str]:
    """Verify, and replay, a bundle that ends with a decision of which who has the key changed a fact."""
    place = next(n for n, entry in reversed(list(enumerate(log.entries))) if json.loads(entry)["body"].get("facts"))
    record = json.loads(log.entries[place])
    change(record["body"]["facts"][0])
    forged = Log(log.journal, entries=[*log.entries[:place], canonical(record)])
    return run("verify", str(kept_in(tmp_path, forged.bundle())), "--key", str(SIGNER.key), "--replay")


@pytest.mark.parametrize(
    "changes",
    [
        {"observed_at": None},
        {"observed_at": {}},
        {"value": {"quantity": {"dimension": "duration", "amount": str(10**25)}}},
        {"value": {"quantity": {"dimension": "duration", "amount": "1e999999999"}}},
        {"value": {"quantity": []}},
        {"value": None},
        {"name": 7},
        {"baseline": "x"},
        {"held_since": "2026-13-01"},
    ],
)
def test_facts_of_which_nothing_can_be_made_are_told_of(changes: dict[str, Any], log: Log, tmp_path: Path):
    code, said = replayed_with(log, tmp_path, lambda fact: fact.update(changes))

    assert code == 1
    assert "facts" in said
    assert "Traceback" not in said


def test_a_length_of_time_that_no_calendar_has_is_told_of(log: Log, tmp_path: Path):
    def for_ever(record: dict[str, Any]) -> None:
        record["body"]["inputs"][0]["value"]["quantity"]["amount"] = str(10**25)

    first = next(n for n, entry in enumerate(log.entries) if json.loads(entry)["body"].get("inputs"))
    record = json.loads(log.entries[first])
    for_ever(record)
    forged = Log(log.journal, entries=[canonical(record)])

    code, said = run("verify", str(kept_in(tmp_path, forged.bundle())), "--key", str(SIGNER.key), "--replay")

    assert code == 1
    assert "holds facts from which nothing can be decided again: " in said


def test_too_little_memory_is_told_of(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def too_much(*_: object) -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(replaying, "replay_bundle", too_much)

    code, said = run("verify", str(kept_in(tmp_path, log.bundle())), "--key", str(SIGNER.key), "--replay")

    assert code != 0
    assert said == "cannot be judged: it takes more memory than there is."


def test_runs_that_go_on_are_kept_in_mind_within_a_limit(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replaying, "MOST_KEPT", 1_000)
    bundle = str(kept_in(tmp_path, log.bundle()))

    code, said = run("verify", bundle, "--key", str(SIGNER.key), "--replay")

    assert code != 0
    assert "make the decisions of a shorter period again" in said
    monkeypatch.setattr(replaying, "MOST_OF_AGENTS", 1_000)
    assert "the agents in definitions.jsonl have more" in run("verify", bundle, "--key", str(SIGNER.key), "--replay")[1]


def test_definitions_are_compiled_again_where_few_are_kept(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(replaying, "MOST_COMPILED", 1)

    code, said = run("verify", str(kept_in(tmp_path, log.bundle())), "--key", str(SIGNER.key), "--replay")

    assert code == 0
    assert "decisions made again, all with the same result" in said
