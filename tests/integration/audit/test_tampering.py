"""Whatever is done to a bundle or to the log that it is of is found, and what is honest holds.

The entries are those of runs that the engine carried out on a store. The deceiver either changes what was handed out,
or has the key of the log and signs it anew; then only what an auditor kept, or what the entries say, can show it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import pytest

from iact.audit.assembling import assembled
from iact.audit.bundles import (
    CHECKPOINT,
    CONSISTENCY,
    DEFINITIONS,
    DISCLOSURES,
    EARLIER,
    ENTRIES,
    INDEX,
    KEYS,
    LEAVES,
    MANIFEST,
    RANGES,
    ROTATIONS,
    AuditFindingError,
    BundleError,
)
from iact.audit.checkpoint import Checkpoint
from iact.audit.keys import rotate
from iact.audit.notes import Note, Signer
from iact.audit.verifying import Verdict, verify_bundle
from iact.core.canonical import canonical, digest
from iact.core.commitments import shortened_commitment
from tests.support.bundles import (
    ORIGIN,
    OTHER,
    SAID,
    SIGNER,
    Journal,
    Log,
    kept_in,
    packed,
    real_journal,
    unpacked,
    with_entries,
)
from tests.support.project import ROOT


class Change(Protocol):
    """Something that can be done to entries at one place."""

    __name__: str

    def __call__(self, entries: list[bytes], place: int) -> list[bytes]:
        """Return what becomes of them."""


def edited(entries: list[bytes], place: int) -> list[bytes]:
    """Change when an entry was written, and nothing else: it stays an entry in canonical JSON."""
    changed = entries[place].replace(b'"at":"2026-', b'"at":"2025-', 1)
    assert changed != entries[place]
    return [*entries[:place], changed, *entries[place + 1 :]]


def dropped(entries: list[bytes], place: int) -> list[bytes]:
    return [*entries[:place], *entries[place + 1 :]]


def inserted(entries: list[bytes], place: int) -> list[bytes]:
    record = json.loads(entries[place])
    record["body"]["note"] = "nobody wrote this"
    return [*entries[:place], canonical(record), *entries[place:]]


def swapped(entries: list[bytes], place: int) -> list[bytes]:
    other = place + 1 if place + 1 < len(entries) else 0
    changed = list(entries)
    changed[place], changed[other] = changed[other], changed[place]
    return changed


def duplicated(entries: list[bytes], place: int) -> list[bytes]:
    return [*entries[: place + 1], *entries[place:]]


CHANGES: Sequence[Change] = (edited, dropped, inserted, swapped, duplicated)


def chained(entries: list[bytes]) -> list[bytes]:
    """Make every entry name the one before it again, as a deceiver does who knows how a journal is written."""
    last: dict[str, tuple[int, str]] = {}
    changed = []
    for entry in entries:
        record = json.loads(entry)
        record["sequence"], record["previous"] = last.get(record["run"], (0, ""))
        record["sequence"] += 1
        content = canonical(record)
        last[record["run"]] = (record["sequence"], digest(content))
        changed.append(content)
    return changed


def instead(forged: list[bytes], _entries: list[bytes]) -> list[bytes]:
    return forged


@pytest.fixture(scope="module")
def journal() -> Journal:
    return real_journal()


@pytest.fixture(scope="module")
def log(journal: Journal) -> Log:
    return Log(journal)


@pytest.fixture(scope="module")
def parts(log: Log) -> list[tuple[int, int]]:
    """The whole log, and parts that begin and end within runs."""
    size = len(log.entries)
    return [(0, size), (3, size), (0, size - 4), (5, size - 5)]


@pytest.fixture
def judged(tmp_path: Path) -> Callable[..., Verdict]:
    def judge(bundle: bytes, kept: Sequence[str] = (), keys=(SIGNER.key,)) -> Verdict:
        return verify_bundle(kept_in(tmp_path, bundle), keys, [one.encode() for one in kept])

    return judge


def finding(judge: Callable[..., Verdict], bundle: bytes, *arguments: Sequence[str]) -> str:
    """Return why a bundle does not hold; it has to be a finding, and not a file that cannot be read."""
    with pytest.raises(AuditFindingError) as found:
        judge(bundle, *arguments)
    return str(found.value)


def every_change(first: int, last: int) -> Iterator[tuple[str, int, Callable[[list[bytes]], list[bytes]]]]:
    for change in CHANGES:
        for place in range(last - first):
            yield change.__name__, place, partial(change, place=place)


def test_every_part_of_an_honest_log_holds_at_every_size(log: Log, judged):
    """No false alarm: whatever is exported, with whatever checkpoint was kept."""
    size = len(log.entries)
    for first in range(size + 1):
        for last in range(first, size + 1):
            kept = sorted({1, first, last, size} - {0})
            verdict = judged(log.bundle(first, last, kept=kept), [str(log.checkpoint(one)) for one in kept])

            assert (verdict.seen.entries, verdict.kept) == (last - first, tuple(kept))


@pytest.mark.parametrize(("name", "entries"), [("v1-whole", 44), ("v1-part", 32)])
def test_what_an_earlier_release_handed_out_holds(name: str, entries: int):
    file = ROOT / f"tests/data/bundles/{name}.zip"

    assert verify_bundle(file, [SIGNER.key]).seen.entries == entries


def test_a_log_that_grew_since_the_bundle_was_asked_for_holds(log: Log, judged):
    for size in range(1, len(log.entries)):
        assert judged(log.bundle(size=size), [str(log.checkpoint(1))]).checkpoint.size == size


def test_the_first_entry_that_was_changed_after_it_was_handed_out_is_named(log: Log, parts, judged):
    for first, last in parts:
        honest = log.bundle(first, last)
        for what, place, change in every_change(first, last):
            said = finding(judged, with_entries(honest, change))
            before, after = log.entries[first:last], change(log.entries[first:last])
            pairs = zip(before, after, strict=False)
            bad = next((n for n, (one, two) in enumerate(pairs) if one != two), min(len(before), len(after)))

            assert said.startswith(f"entry {first + bad} "), (what, place, said)


def test_it_is_found_where_the_list_of_hashes_was_made_to_fit(log: Log, parts, judged):
    for first, last in parts:
        honest = log.bundle(first, last)
        for _, _, change in every_change(first, last):
            assert finding(judged, with_entries(honest, change, hashes=True))


def test_it_is_found_where_every_later_entry_of_the_run_was_written_anew(log: Log, judged):
    honest = log.bundle()
    for _, place, change in every_change(0, len(log.entries)):
        forged = chained(change(list(log.entries)))
        if forged == log.entries:
            # What followed the one that was put in twice was put back into order, as it was.
            continue
        assert finding(judged, with_entries(honest, partial(instead, forged), hashes=True)), place


def test_what_whoever_has_the_key_signs_anew_does_not_go_on_from_what_was_kept(log: Log, judged, journal: Journal):
    """Truncation and regrowth, a fork, and every change: with a checkpoint of the whole log, all of them are found."""
    kept = str(log.checkpoint())
    for _, place, change in every_change(0, len(log.entries)):
        forged = Log(journal, entries=chained(change(list(log.entries))))
        if forged.entries == log.entries:
            continue
        size = len(forged.entries)
        proofs = [len(log.entries)] if size >= len(log.entries) else []

        assert finding(judged, forged.bundle(kept=proofs), [kept]), place


def test_what_is_signed_anew_without_that_each_entry_follows_is_found_without_what_was_kept(
    log: Log, judged, journal: Journal
):
    """The last entry of a run can be edited or dropped by who has the key: that shows only with what was kept."""
    last = {json.loads(entry)["run"]: place for place, entry in enumerate(log.entries)}
    for change in (edited, dropped, duplicated):
        for place in range(len(log.entries)):
            if change is not duplicated and place in last.values():
                continue
            forged = Log(journal, entries=change(list(log.entries), place))

            assert finding(judged, forged.bundle()), (change.__name__, place)


def test_a_log_that_was_cut_off_and_grew_again_is_found(log: Log, judged, journal: Journal):
    half, size = len(log.entries) // 2, len(log.entries)
    other = [canonical(json.loads(entry) | {"at": "2026-03-03T00:00:00.000000Z"}) for entry in log.entries[half:]]
    grown = Log(journal, entries=chained([*log.entries[:half], *other]))

    assert judged(grown.bundle(kept=[half]), [str(log.checkpoint(half))]).kept == (half,)
    assert "written anew" in finding(judged, grown.bundle(kept=[half + 1]), [str(log.checkpoint(half + 1))])
    assert "written anew" in finding(judged, grown.bundle(), [str(log.checkpoint(size))])
    assert "cut off" in finding(judged, log.bundle(size=half), [str(log.checkpoint(size))])


def test_a_kept_checkpoint_outside_of_the_period_needs_its_proof(log: Log, judged):
    said = finding(judged, log.bundle(5, 10), [str(log.checkpoint(3))])

    assert "does not show that the log goes on from the 3 entries" in said
    assert judged(log.bundle(5, 10, kept=[3]), [str(log.checkpoint(3))]).kept == (3,)


def test_an_empty_proof_shows_nothing(log: Log, judged):
    members = unpacked(log.bundle(5, 10, kept=[3]))
    members[CONSISTENCY] = canonical([{"size": 3, "proof": []}])
    assert "proof is empty" in finding(judged, packed(members), [str(log.checkpoint(3))])

    members = unpacked(log.bundle(5, 10))
    lines = [json.loads(line) for line in members[EARLIER].splitlines()]
    assert lines
    members[EARLIER] = b"".join(canonical(one | {"proof": []}) + b"\n" for one in lines)
    assert "is not proved" in finding(judged, packed(members))


def test_hashes_beside_the_entries_are_part_of_the_proof(log: Log, judged):
    members = unpacked(log.bundle(5, 10))
    record = json.loads(members[RANGES])
    for side, hashes in record.items():
        for place in range(len(hashes)):
            changed = {**record, side: [*hashes[:place], "00" * 32, *hashes[place + 1 :]]}
            assert finding(judged, packed({**members, RANGES: canonical(changed)}))
            fewer = {**record, side: [*hashes[:place], *hashes[place + 1 :]]}
            assert "does not hold" in finding(judged, packed({**members, RANGES: canonical(fewer)}))


def test_a_checkpoint_that_was_replaced_is_found(log: Log, judged, journal: Journal):
    other = Log(journal, entries=chained(edited(list(log.entries), 3)))
    members = unpacked(log.bundle())

    assert finding(judged, packed({**members, CHECKPOINT: str(other.checkpoint()).encode()}))
    smaller = str(log.checkpoint(len(log.entries) - 1)).encode()
    assert "goes up to place" in finding(judged, packed({**members, CHECKPOINT: smaller}))


def test_a_signature_that_is_missing_of_another_key_or_not_its_own_is_found(log: Log, judged, journal: Journal):
    members = unpacked(log.bundle())
    text, signature = members[CHECKPOINT].decode().split("\n\n")

    def signed_by(line: str) -> bytes:
        return packed({**members, CHECKPOINT: f"{text}\n\n{line}".encode()})

    assert "cut off" in finding(judged, signed_by(""))
    other = str(Log(journal, signer=OTHER).checkpoint()).split("\n\n")[1]
    assert f"none of the keys that are trusted signed it (it names {ORIGIN}+" in finding(judged, signed_by(other))
    assert finding(judged, signed_by(signature.replace("/", "+") if "/" in signature else signature[::-1]))
    forged = str(log.checkpoint(3)).split("\n\n")[1]
    assert "is not that of its key" in finding(judged, signed_by(forged))


def test_a_bundle_of_another_key_does_not_hold_although_it_brings_its_key_along(judged, journal: Journal):
    assert "none of the keys that are trusted" in finding(judged, Log(journal, signer=OTHER).bundle())


def test_a_key_signs_its_own_log_and_no_other(judged, journal: Journal):
    """Whoever has one key may call a second log otherwise; a witness's key is no log's."""
    named_otherwise = Signer.of_seed("example.com/other", bytes(range(32)))
    bundle = Log(journal, signer=named_otherwise).bundle()

    for one in (bundle, Log(journal).bundle()):
        with pytest.raises(AuditFindingError, match=f"of the log {ORIGIN}, and what was handed in are keys of example"):
            judged(one, (), (named_otherwise.key,))
    assert judged(Log(journal).bundle(), (), (named_otherwise.key, SIGNER.key)).signed_by == (SIGNER.key,)


def test_without_a_key_nothing_holds(log: Log, judged):
    with pytest.raises(BundleError, match="without one, anybody could have made the bundle"):
        judged(log.bundle(), keys=())


def test_who_knows_the_first_key_trusts_the_one_that_it_named_and_no_other(judged, journal: Journal):
    rotation = rotate(ORIGIN, SIGNER, OTHER.key)
    later = Log(journal, signer=OTHER)

    assert judged(later.bundle(rotations=[rotation])).signed_by == (OTHER.key,)
    assert "none of the keys" in finding(judged, later.bundle(rotations=[rotate(ORIGIN, OTHER, SIGNER.key)]))
    forged = str(rotation).replace(str(rotation.signatures[0]), str(rotate("else", SIGNER, OTHER.key).signatures[0]))
    members = unpacked(later.bundle()) | {ROTATIONS: canonical([forged])}
    assert "was changed" in finding(judged, packed(members))


def test_every_byte_of_every_file_but_the_keys_is_part_of_what_is_checked(log: Log, judged):
    """`keys.txt` is there to look up. Of all other files, changing any byte leaves nothing that holds."""
    honest = unpacked(log.bundle(5, 10, kept=[3]))
    kept = [str(log.checkpoint(3))]
    unfound = []
    for name in honest.keys() - {KEYS}:
        content = honest[name]
        for place in range(0, len(content), max(1, len(content) // 150)):
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            try:
                judged(packed({**honest, name: changed}), kept)
            except (AuditFindingError, BundleError):
                continue
            unfound.append((name, place, changed[max(0, place - 20) : place + 20]))

    assert unfound == []


def forbidden(entries: list[bytes], place: int, **changes: object) -> list[bytes]:
    """Let a decision be another one, and everything after it follow from that."""
    record = json.loads(entries[place])
    record["body"]["decision"] |= changes
    return chained([*entries[:place], canonical(record), *entries[place + 1 :]])


def test_a_step_that_the_pinned_definition_does_not_have_is_found_although_it_was_signed(
    log: Log, judged, journal: Journal
):
    """From → event → to, on every decision: another end, another way, and a run that begins elsewhere."""
    checked = 0
    for place, entry in enumerate(log.entries):
        body = json.loads(entry)["body"]
        if "decision" not in body:
            continue
        decision = body["decision"]
        forgeries: list[dict[str, object]] = [
            {"to": "changed" if decision["to"] != "changed" else "asking"},
            {"from": "over"},
            {"visit": 17},
        ]
        if decision["moved"] and "trigger" in body:
            forgeries += [{"taken": decision["taken"] + 1}, {"taken": None}, {"moved": False}]
            forgeries += [{"outcome": "approved"}, {"final": not decision["final"]}]
        for changes in forgeries:
            said = finding(judged, Log(journal, entries=forbidden(list(log.entries), place, **changes)).bundle())
            assert said.startswith(f"entry {place} "), (place, changes, said)
            checked += 1

    assert checked > 50


def test_a_step_for_a_reason_that_the_definition_does_not_have_is_found(log: Log, judged, journal: Journal):
    for place, entry in enumerate(log.entries):
        record = json.loads(entry)
        if record["kind"] != "decision" or not record["body"]["decision"]["moved"]:
            continue
        record["body"]["trigger"] = {"kind": "event", "name": "nobody said this"}
        forged = chained([*log.entries[:place], canonical(record), *log.entries[place + 1 :]])

        said = finding(judged, Log(journal, entries=forged).bundle())

        assert said.startswith(f"entry {place} ")
        assert "for another reason" in said


def of_kind(log: Log, kind: str, **decided: object) -> int:
    """Return the place of the first entry of a kind, whose decision says this."""
    records = [json.loads(entry) for entry in log.entries]
    fits = (one["kind"] == kind and decided.items() <= one["body"].get("decision", {}).items() for one in records)
    return list(fits).index(True)


def signed_with(log: Log, place: int, change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return a bundle in which who has the key changed one entry, and let all others follow from it."""
    record = json.loads(log.entries[place])
    change(record)
    return Log(
        log.journal, entries=chained([*log.entries[:place], canonical(record), *log.entries[place + 1 :]])
    ).bundle()


MADE_UP = {"from": "asking", "to": "given_up", "moved": True, "outcome": "approved"}


@pytest.mark.parametrize("kind", ["", "moved", "other", "STARTED", "decision\n"])
def test_an_entry_of_a_kind_that_there_is_not_is_found(kind: str, log: Log, judged):
    place = of_kind(log, "receipt")

    said = finding(judged, signed_with(log, place, lambda record: record.update(kind=kind)))

    assert said.startswith(f"entry {place} ")
    assert "which this verifier does not know" in said


@pytest.mark.parametrize("kind", ["attempt", "receipt", "review", "approved"])
def test_a_decision_in_an_entry_that_is_none_is_found_and_not_shown(kind: str, log: Log, judged):
    """The page would show it, and nothing would have checked it."""
    place = of_kind(log, "attempt")

    def made_up(record: dict[str, Any]) -> None:
        record["kind"] = kind
        record["body"]["decision"] = MADE_UP

    assert f"which no entry of the kind {kind} does" in finding(judged, signed_with(log, place, made_up))


def test_what_happened_to_the_log_is_told_by_the_log_alone(log: Log, judged):
    place = of_kind(log, "receipt")
    said = finding(judged, signed_with(log, place, lambda record: record.update(kind="log")))
    assert "of the kind log, which entries of its run are not" in said

    record = json.loads(log.entries[place]) | {"run": "log", "previous": "", "sequence": 1}
    other = Log(log.journal, entries=[*log.entries, canonical(record)])
    assert "of the kind receipt, which entries of its run are not" in finding(judged, other.bundle())
    made_up = canonical(record | {"kind": "log", "body": {"what": "x", "decision": MADE_UP}})
    assert "holds a decision" in finding(judged, Log(log.journal, entries=[*log.entries, made_up]).bundle())


STAYING = [
    {"outcome": "approved"},
    {"final": True},
    {"intents": [{"action": "change_world", "arguments": {}}]},
    {"timers": [{"transition": 2, "due_at": "2026-03-03T00:00:00.000000Z"}]},
    {"holds": ["world=x"]},
]


@pytest.mark.parametrize("changes", STAYING)
def test_a_decision_by_which_nothing_moves_says_nothing_else(changes: dict[str, object], log: Log, judged):
    place = of_kind(log, "decision", moved=False)

    said = finding(judged, Log(log.journal, entries=forbidden(list(log.entries), place, **changes)).bundle())

    assert said.startswith(f"entry {place} ")
    assert "says that nothing moved, and that something came of it" in said


@pytest.mark.parametrize(
    "changes",
    [
        {"intents": []},
        {"intents": [{"action": "other", "arguments": {}}]},
        {"intents": [{"action": "change_world", "arguments": {}}] * 2},
        {"intents": [1]},
        {"timers": [{"transition": 0, "due_at": "2026-03-03T00:00:00.000000Z"}]},
        {"timers": None},
        {"holds": ["world=x"]},
    ],
)
def test_a_step_brings_what_its_definition_says_and_nothing_else(changes: dict[str, object], log: Log, judged):
    place = of_kind(log, "decision", to="changing")

    said = finding(judged, Log(log.journal, entries=forbidden(list(log.entries), place, **changes)).bundle())

    assert said.startswith(f"entry {place} ")
    assert "what its definition does not" in said


def say_more(more: Mapping[str, object], record: dict[str, Any]) -> None:
    record["body"].update(more)


def test_an_action_that_nobody_decided_or_that_is_settled_is_found(log: Log, judged):
    """Whatever comes after a run has ended, too: its first step leads to an attempt, its last one ends it."""
    place = of_kind(log, "attempt")
    attempt = json.loads(log.entries[place])
    run = attempt["run"]

    def with_more(key: str, **more: object) -> bytes:
        made_up = attempt | {"body": attempt["body"] | {"key": key, **more}}
        return Log(log.journal, entries=chained([*log.entries, canonical(made_up)])).bundle()

    own = attempt["body"]["key"]
    assert "was not decided, or was settled before" in finding(judged, with_more(own))
    assert "was not decided" in finding(judged, with_more(f"{run}/1/0"))
    assert "a state that the run has not entered" in finding(judged, with_more(f"{run}/99/0"))
    for key in ("other/2/0", own.removeprefix("run-"), f"{run}/2", f"{run}/02/0", f"{own}\n"):
        assert "does not say of which action" in finding(judged, with_more(key)), key
    for more in ({"action": "other"}, {"arguments": {"everything": True}}):
        said = finding(judged, signed_with(log, place, partial(say_more, more)))
        assert "about another action than the one that was decided" in said


def test_a_run_that_has_ended_decides_nothing_more(log: Log, judged):
    ended = json.loads(log.entries[of_kind(log, "decision", to="changed")])
    decision = ended["body"]["decision"]
    stays = decision | {"from": "changed", "moved": False, "taken": None, "final": False, "outcome": ""}
    made_up = ended | {"body": ended["body"] | {"decision": stays, "trigger": {"kind": "looked"}}}
    said = finding(judged, Log(log.journal, entries=chained([*log.entries, canonical(made_up)])).bundle())

    assert "decides in the state changed, in which its run has ended" in said


@pytest.mark.parametrize(
    "at",
    [
        "",
        "now",
        "2026-03-02",
        "2026-03-02T12:00:00Z",
        "2026-02-30T12:00:00.000000Z",
        "2026-03-02T12:00:00.000000+01:00",
        "\x1b[2Jholds, 9 entries",
        "2026-03-02T12:00:00.000000Z\n",
        "1026-03-02T12:00:00.000000Z",
    ],
)
def test_a_moment_that_is_none_is_found_and_told_without_control_characters(at: str, log: Log, judged):
    place = len(log.entries) - 1

    said = finding(judged, signed_with(log, place, lambda record: record.update(at=at)))

    assert said.startswith(f"entry {place} says that it was written at ")
    assert said.isprintable()


def test_a_run_does_not_go_back_in_time(log: Log, judged):
    place = len(log.entries) - 1
    early = "2026-03-01T00:00:00.000000Z"

    said = finding(judged, signed_with(log, place, lambda record: record.update(at=early)))

    assert f"was written at {early}, before the entry of its run from which it follows" in said


def test_names_of_logs_are_shown_without_what_moves_a_terminal(journal: Journal, judged):
    odd = Signer.of_seed("log\u202egnp", bytes(range(32)))
    text = str(Checkpoint(odd.key.name, len(journal.entries), Log(journal).root()))
    members = unpacked(Log(journal).bundle())
    members[CHECKPOINT] = str(Note(text, (odd.sign(text),))).encode()
    members[KEYS] = f"{odd.key}\n".encode()
    members[INDEX] = members[INDEX].replace(ORIGIN.encode(), "log\ufffdgnp".encode())

    said = str(judged(packed(members), (), (odd.key,)))

    assert "log\ufffdgnp, " in said
    assert all(line.isprintable() for line in said.splitlines())


def test_a_definition_that_is_not_the_pinned_one_is_found(log: Log, judged):
    members = unpacked(log.bundle())
    for line in members[DEFINITIONS].splitlines():
        changed = line.replace(b"given_up", b"changed!") if b"given_up" in line else line.replace(b"2h", b"9h")
        assert changed != line
        said = finding(judged, packed({**members, DEFINITIONS: members[DEFINITIONS].replace(line, changed)}))
        assert "does not hold that definition" in said


def test_who_spoke_is_shown_where_it_is_disclosed_and_the_entries_hold_where_it_is_not(log: Log, judged):
    told, untold = log.bundle(), Log(log.journal, discloses=False).bundle()
    assert judged(told).to_record() == judged(untold).to_record()
    who = SAID[0]
    assert f"by {who.words}<" in unpacked(told)[INDEX].decode()
    assert f"by {shortened_commitment(who.token)}<" in unpacked(untold)[INDEX].decode()
    assert unpacked(told)[ENTRIES] == unpacked(untold)[ENTRIES]
    assert all(one.words.encode() not in unpacked(told)[ENTRIES] for one in SAID)


def test_a_bundle_from_before_there_were_pseudonyms_holds(log: Log, judged):
    """It discloses nothing and has no file for it, and its page says of no decision who asked for it."""
    members = unpacked(Log(log.journal, discloses=False).bundle())
    del members[DISCLOSURES]
    page = re.sub(r", by (?:person:)?\w+<", "<", members[INDEX].decode())
    assert page != members[INDEX].decode()

    assert judged(packed({**members, INDEX: page.encode()})).seen.entries == len(log.entries)
    assert "index.html does not say" in finding(judged, packed(members))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda lines: [lines[0].replace(b"guest", b"lead"), lines[1]], "says that person:.* stands for 'lead', which"),
        (lambda lines: [lines[0].replace(b"31", b"32", 1), lines[1]], "says that person:.* stands for 'guest', which"),
        (
            lambda lines: [lines[0].replace(b"person:", b"remark:"), lines[1]],
            "says that remark:.* stands for 'guest', which it does not",
        ),
        (lambda lines: [lines[0], lines[0], lines[1]], "line 2 of disclosures.jsonl is not in order, or comes twice"),
        (lambda lines: [lines[1], lines[0]], "line 2 of disclosures.jsonl is not in order"),
        (lambda lines: lines[1:], "index.html does not say what the entries say"),
        (lambda lines: [*lines, b"[]"], "line 3 of disclosures.jsonl has other keys"),
        (lambda lines: [*lines, b"{}{"], "line 3 of disclosures.jsonl is not JSON"),
        (lambda lines: [*lines, b'{"salt":"","token":"","words":1}'], "salt, token and words are texts"),
        (lambda lines: [*lines, b'{"salt":"zz","token":"","words":""}'], "line 3 of disclosures.jsonl cannot be read"),
        (lambda lines: [*lines, b'{"salt":"00","token":"","words":""}'], "line 3 of disclosures.jsonl: a salt has 16"),
        (lambda lines: [*lines, b'{"salt":"","token":"","words":"\\ud800"}'], "line 3 of disclosures.jsonl cannot be"),
    ],
)
def test_words_that_nobody_said_are_found(
    log: Log, judged, alone: Path, change: Callable[[list[bytes]], list[bytes]], why: str
):
    members = unpacked(log.bundle())
    members[DISCLOSURES] = b"".join(line + b"\n" for line in change(members[DISCLOSURES].splitlines()))
    changed = packed(members)

    with pytest.raises((AuditFindingError, BundleError), match=why):
        judged(changed)
    code, said = verified_alone(alone, changed, "--key", str(SIGNER.key))
    assert code in {1, 2}
    assert re.search(why, said)


def test_a_page_that_says_other_than_the_entries_is_found(log: Log, judged):
    members = unpacked(log.bundle())
    changed = members[INDEX].replace("asking → changing".encode(), "asking → given_up".encode())
    assert changed != members[INDEX]

    assert "index.html does not say" in finding(judged, packed({**members, INDEX: changed}))


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier as an auditor has it: one file, in a folder with nothing else."""
    file = tmp_path_factory.mktemp("laptop") / "iact_verify.py"
    file.write_text(assembled(), encoding="utf-8")
    return file


def verified_alone(alone: Path, bundle: bytes, *arguments: str) -> tuple[int, str]:
    """Return the exit code and all that the file says, run by a Python that finds no package but its own library."""
    file = kept_in(alone.parent, bundle)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-W", "error", alone, file, "--key", str(SIGNER.key), *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=60,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_file_by_itself_says_what_the_modules_say(alone: Path, log: Log, judged):
    """A sample of all of the above, by the file that auditors have."""
    kept = kept_in(alone.parent, str(log.checkpoint(3)).encode(), "kept.txt")
    size = len(log.entries)
    honest = log.bundle(5, size, kept=[3])
    assert verified_alone(alone, honest, "--checkpoint", str(kept)) == (
        0,
        f"{judged(honest, [str(log.checkpoint(3))])}\n",
    )
    for change in CHANGES:
        for hashes in (False, True):
            changed = with_entries(honest, partial(change, place=7), hashes=hashes)
            assert verified_alone(alone, changed) == (1, f"does not hold: {finding(judged, changed)}\n")
    code, said = verified_alone(alone, packed(unpacked(honest) | {MANIFEST: b"{"}))
    assert (code, said.partition(":")[0]) == (2, "cannot be judged")
    assert verified_alone(alone, Log(log.journal, signer=OTHER).bundle())[0] == 1
    forged = Log(log.journal, entries=forbidden(list(log.entries), 3, to="changed"))
    code, said = verified_alone(alone, forged.bundle())
    assert (code, said[:22]) == (1, "does not hold: entry 3")


def test_the_same_entries_give_the_same_bytes(log: Log):
    assert log.bundle(3, 9, kept=[2]) == log.bundle(3, 9, kept=[2])
    assert unpacked(log.bundle())[ENTRIES].splitlines() == log.entries
    assert len(unpacked(log.bundle())[LEAVES]) == 32 * len(log.entries)
