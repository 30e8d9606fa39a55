"""Whatever is done to a bundle or to the log that it is of is found, and what is honest holds.

The entries are those of runs that the engine carried out on a store. The deceiver either changes what was handed out,
or has the key of the log and signs it anew; then only what an auditor kept, or what the entries say, can show it.
"""

from __future__ import annotations

import ast
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
    NEIGHBOURS,
    RANGES,
    ROTATIONS,
    AuditFindingError,
    BundleError,
)
from iact.audit.checkpoint import Checkpoint
from iact.audit.keys import rotate
from iact.audit.notes import Note, Signature, Signer
from iact.audit.verdicts import Verdict
from iact.audit.verifying import verify_bundle
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
    of_the_first_version,
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
    for first in range(size):
        for last in range(first + 1, size + 1):
            kept = sorted({1, first, last, size} - {0})
            verdict = judged(log.bundle(first, last, kept=kept), [str(log.checkpoint(one)) for one in kept])

            assert (verdict.seen.entries, verdict.kept) == (last - first, tuple(kept))


@pytest.mark.parametrize(("name", "entries", "complete"), [("v1-whole", 44, True), ("v1-part", 32, False)])
def test_what_an_earlier_release_handed_out_holds(name: str, entries: int, complete: bool):  # noqa: FBT001 - a case
    verdict = verify_bundle(ROOT / f"tests/data/bundles/{name}.zip", [SIGNER.key])

    assert (verdict.seen.entries, verdict.to_record()["complete"]) == (entries, complete)
    assert ("of an earlier form: it is NOT shown that all" in str(verdict)) != complete


def test_a_bundle_without_any_entry_shows_nothing(log: Log, judged):
    with pytest.raises(BundleError, match="no entry at all"):
        judged(log.bundle(4, 4))


AFTERNOON = ("2026-03-02T14:00:00.000000Z", "2026-03-02T17:00:00.000000Z")
"""In it the entries from place 10 to 21 were written, at three o'clock; the others at noon and at six."""


def test_that_a_period_is_whole_is_shown_by_what_is_right_before_and_right_after(log: Log, judged):
    size = len(log.entries)
    for first, last, period in (
        (10, 21, AFTERNOON),
        (0, 21, ("", AFTERNOON[1])),
        (10, size, (AFTERNOON[0], "")),
        (10, 10, ("2026-03-02T13:00:00.000000Z", "2026-03-02T14:00:00.000000Z")),
        (0, 0, ("2026-03-01T00:00:00.000000Z", "2026-03-02T00:00:00.000000Z")),
    ):
        verdict = judged(log.bundle(first, last, period=period))

        assert verdict.to_record()["complete"]
        assert verdict.to_record()["period"] == dict(zip(("from", "to"), period, strict=True))
        assert f"all entries written from {period[0] or 'the beginning'} to " in str(verdict)
    assert "NOT shown that all entries of any period" in str(judged(log.bundle(10, 21)))
    for period in (("", ""), ("2020-01-01T00:00:00.000000Z", "")):
        verdict = judged(log.bundle(period=period))
        assert verdict.to_record()["complete"]
        assert "the whole log, up to this checkpoint" in str(verdict)


def test_a_period_that_goes_on_after_the_checkpoint_is_not_called_whole(log: Log, judged):
    """Who has the key may sign the log as it was earlier, and what came later is not in it."""
    for first, begin, size in ((0, "2026-03-01T00:00:00.000000Z", 15), (10, AFTERNOON[0], 15), (10, AFTERNOON[0], 22)):
        end = "2027-01-01T00:00:00.000000Z"
        verdict = judged(log.bundle(first, size, size=size, period=(begin, end)))

        assert verdict.to_record()["complete"] is False
        assert f"it is NOT shown that none was written from then until {end}" in str(verdict)
        assert "up to this checkpoint" in str(verdict)
    assert judged(log.bundle(10, 15, size=15, period=(AFTERNOON[0], ""))).to_record()["complete"]


def test_a_period_of_which_whoever_has_the_key_left_entries_out_is_found(log: Log, judged):
    for first, last in ((11, 21), (10, 20), (12, 15), (11, len(log.entries))):
        said = finding(judged, log.bundle(first, last, period=AFTERNOON))
        assert "does not show that none of the period is missing" in said, (first, last)
    for first, last, period in ((1, 21, ("", AFTERNOON[1])), (10, 21, (AFTERNOON[0], ""))):
        assert "entries were left out" in finding(judged, log.bundle(first, last, period=period))
    assert finding(judged, log.bundle(11, 21, period=("2026-03-02T15:00:00.000001Z", AFTERNOON[1])))


def test_entries_beside_a_period_are_proved_and_the_right_ones(log: Log, judged):
    members = unpacked(log.bundle(10, 21, period=AFTERNOON))
    before, after = members[NEIGHBOURS].splitlines()

    def shown(*lines: bytes) -> str:
        return finding(judged, packed({**members, NEIGHBOURS: b"".join(line + b"\n" for line in lines)}))

    for lines in ((), (before,), (after,), (after, before), (before, before), (before, after, after)):
        assert "does not show just what is right before and right after" in shown(*lines)
    other = json.loads(before)
    elsewhere = {"place": 8, "proof": json.loads(before)["proof"], "entry": other["entry"]}
    assert "is not proved" in shown(canonical(elsewhere), after)
    earlier = canonical(json.loads(other["entry"]) | {"at": "2026-03-01T00:00:00.000000Z"}).decode()
    assert "is not proved" in shown(canonical(other | {"entry": earlier}), after)
    moved = json.loads(members[MANIFEST]) | {"from": "2026-03-02T12:01:00.000000Z"}
    assert "does not show that none" in finding(judged, packed({**members, MANIFEST: canonical(moved)}))


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2026-03-02", ""),
        ("2026-03-02T14:00:00Z", ""),
        ("2026-02-30T14:00:00.000000Z", ""),
        (AFTERNOON[1], AFTERNOON[0]),
        (AFTERNOON[0], AFTERNOON[0]),
        ("\u0662026-03-02T14:00:00.000000Z", ""),
    ],
)
def test_a_period_that_is_none_is_told(begin: str, end: str, log: Log, judged):
    members = unpacked(log.bundle(10, 21, period=AFTERNOON))
    record = json.loads(members[MANIFEST]) | {"from": begin, "to": end}

    with pytest.raises(BundleError, match="from and to are moments as iact writes them"):
        judged(packed({**members, MANIFEST: canonical(record)}))


def earlier_lines(bundle: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in unpacked(bundle)[EARLIER].splitlines()]


def with_earlier(bundle: bytes, lines: Sequence[object]) -> bytes:
    return packed({**unpacked(bundle), EARLIER: b"".join(canonical(line) + b"\n" for line in lines)})


def test_where_a_run_stands_that_goes_on_has_to_be_shown(log: Log, judged):
    """From 8 on: its first entry, the decision by which it stands where it does, and what was tried since."""
    honest = log.bundle(8)
    lines = earlier_lines(honest)
    assert [line["place"] for line in lines] == [0, 1, 5, 6, 7]
    assert judged(honest).seen.unknown == 0

    without_decision = [line for line in lines if line["place"] != 6]
    assert "without the decision before it" in finding(judged, with_earlier(honest, without_decision))
    without_beginning = [line for line in lines if line["place"] != 0]
    assert "without the beginning of its run" in finding(judged, with_earlier(honest, without_beginning))
    for left_out in (5, 7):
        kept = [line for line in lines if line["place"] != left_out]
        assert finding(judged, with_earlier(honest, kept))
    for twice in range(len(lines)):
        assert "not in its order" in finding(judged, with_earlier(honest, [*lines[: twice + 1], *lines[twice:]]))


def test_runs_that_do_not_go_on_are_not_shown_from_before(log: Log, judged):
    ended = log.proved(0)
    line = {"place": 0, "proof": [one.hex() for one in ended.proof], "entry": ended.content.decode()}
    honest = log.bundle(10)

    said = finding(judged, with_earlier(honest, [line, *earlier_lines(honest)]))

    assert "it does not go on in the bundle" in said


def test_definitions_are_there_once_in_their_order_and_only_those_that_runs_pinned(log: Log, judged):
    members = unpacked(log.bundle())
    one, two = members[DEFINITIONS].splitlines()

    def holding(*lines: bytes) -> str:
        return finding(judged, packed({**members, DEFINITIONS: b"".join(line + b"\n" for line in lines)}))

    assert "is not in order, or comes twice" in holding(two, one)
    assert "is not in order, or comes twice" in holding(one, one, two)
    members = unpacked(log.bundle(0, 1))
    assert members[DEFINITIONS].splitlines() in ([one], [two])
    assert "no run of the bundle pinned" in holding(one, two)


def test_what_is_not_disclosed_is_counted(log: Log, judged):
    told, untold = judged(log.bundle()), judged(Log(log.journal, discloses=False).bundle())

    assert (told.untold, untold.untold) == (0, 4)
    assert "In 4 entries people, or what they wrote, are not disclosed" in str(untold)


def test_words_that_stand_in_no_entry_are_found(log: Log, judged):
    said = [one.written() for one in SAID]
    members = unpacked(log.bundle(0, 3))
    assert members[DISCLOSURES] == b""

    added = packed({**members, DISCLOSURES: b"".join(line + b"\n" for line in said)})

    assert "says of 2 commitments what they stand for, and no entry has them" in finding(judged, added)


@pytest.mark.parametrize("name", [MANIFEST, RANGES, ROTATIONS, CONSISTENCY, EARLIER, NEIGHBOURS])
def test_what_is_said_in_another_way_was_changed(name: str, log: Log, judged):
    """Two ways to say the same would let a bundle be changed without that anybody can tell."""
    rotation = rotate(ORIGIN, SIGNER, OTHER.key)
    later = Log(log.journal, signer=OTHER)
    members = unpacked(later.bundle(10, 21, period=AFTERNOON, kept=[3], rotations=[rotation]))
    assert judged(packed(members)).seen.entries == 11
    lines = [json.dumps(json.loads(line)) for line in members[name].splitlines()]

    with pytest.raises((BundleError, AuditFindingError), match="not written as iact writes it"):
        judged(packed({**members, name: "\n".join(lines).encode() + b"\n" * (len(lines) > 1)}))


def test_a_proof_that_nobody_asks_for_holds_as_well(log: Log, judged):
    members = unpacked(log.bundle(5, 10, kept=[3]))
    (record,) = json.loads(members[CONSISTENCY])

    for changed in ({"root": "00" * 32}, {"size": 4}, {"size": 0}, {"size": 999}, {"proof": record["proof"][:-1]}):
        assert CONSISTENCY in finding(judged, packed({**members, CONSISTENCY: canonical([record | changed])}))
    assert "in their order" in finding(judged, packed({**members, CONSISTENCY: canonical([record, record])}))


def test_a_key_that_others_have_is_believed_for_what_was_kept_and_nothing_else(
    log: Log, journal: Journal, tmp_path: Path
):
    """The log goes on under another key that the old one did not name; the auditor kept what the old one signed."""
    file = kept_in(tmp_path, Log(journal, signer=OTHER).bundle(kept=[9]))
    kept = [str(log.checkpoint(9)).encode()]

    assert verify_bundle(file, [OTHER.key], kept, (), [SIGNER.key]).kept == (9,)
    with pytest.raises(BundleError, match="name that with --old-key"):
        verify_bundle(file, [OTHER.key], kept)
    with pytest.raises(AuditFindingError, match="none of the keys that are trusted"):
        verify_bundle(kept_in(tmp_path, log.bundle()), [OTHER.key], (), (), [SIGNER.key])


def test_a_checkpoint_of_an_empty_log_shows_nothing_and_the_verdict_says_so(log: Log, judged):
    verdict = judged(log.bundle(), [str(log.checkpoint(0))])

    assert verdict.kept == ()
    assert "is of an empty log, from which every log goes on: it shows nothing" in str(verdict)


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
    members[CONSISTENCY] = canonical([{"size": 3, "root": log.root(3).hex(), "proof": []}])
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
    back = unpacked(later.bundle(rotations=[rotate(ORIGIN, OTHER, SIGNER.key)]))
    back[KEYS] += f"{SIGNER.key}\n".encode()
    assert "none of the keys" in finding(judged, packed(back))
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


def test_an_entry_that_is_not_written_as_rfc_8785_says_is_found(log: Log, judged):
    last = max(place for place, entry in enumerate(log.entries) if json.loads(entry)["run"] != "log")
    record = json.loads(log.entries[last])
    swapped_keys = json.dumps(dict(reversed(record.items())), separators=(",", ":"), ensure_ascii=False).encode()
    for content in (json.dumps(record).encode(), log.entries[last].replace(b'"at"', b'"\\u0061t"'), swapped_keys):
        assert content != log.entries[last]
        forged = Log(log.journal, entries=[*log.entries[:last], content, *log.entries[last + 1 :]])
        assert f"entry {last} is not written as iact writes it" in finding(judged, forged.bundle())


def test_keys_are_sorted_by_utf_16_as_rfc_8785_says(log: Log, judged):
    """Of these two letters the first has the smaller number, and is the later one in UTF-16."""
    early, late = "\uffee", "\U0001f600"
    first = json.loads(log.entries[-1])
    first["body"][early], first["body"][late] = "1", "2"
    entry = canonical(first)
    assert entry.index(late.encode()) < entry.index(early.encode())
    assert judged(Log(log.journal, entries=[*log.entries[:-1], entry]).bundle()).seen.entries == len(log.entries)
    by_number = json.dumps(first, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert by_number != entry
    forged = Log(log.journal, entries=[*log.entries[:-1], by_number])
    assert "is not written as iact writes it" in finding(judged, forged.bundle())


def test_a_run_does_not_go_back_in_time(log: Log, judged):
    place = len(log.entries) - 1
    early = "2026-03-01T00:00:00.000000Z"

    said = finding(judged, signed_with(log, place, lambda record: record.update(at=early)))

    assert f"was written at {early}, before the entry of its run from which it follows" in said


def test_entries_that_are_dated_back_are_counted(log: Log, judged):
    """Who has the key can hide entries of a period behind one that is dated back; in the whole log that shows."""
    record = json.loads(log.entries[-1]) | {"run": "run-late", "sequence": 1, "at": "2026-03-02T12:00:00.000000Z"}
    started = json.loads(log.entries[11]) | {key: record[key] for key in ("run", "sequence", "at")} | {"previous": ""}
    verdict = judged(Log(log.journal, entries=[*log.entries, canonical(started)]).bundle())

    assert verdict.to_record()["back_dated_entries"] == 1
    assert "1 entries say that they were written more than 5 minutes before one that stands before them" in str(verdict)
    assert judged(log.bundle()).seen.back_dated == 0


def test_nobody_writes_what_he_wants_beside_keys_and_signatures(judged, journal: Journal):
    rotation = rotate(ORIGIN, SIGNER, OTHER.key)
    members = unpacked(Log(journal, signer=OTHER).bundle(rotations=[rotation]))
    stranger = Signer.of_seed(ORIGIN, bytes(range(2, 34)))
    added = canonical([str(rotation), str(rotate(ORIGIN, stranger, SIGNER.key))])
    assert "they were put in" in finding(judged, packed({**members, ROTATIONS: added}))
    assert "they were put in" in finding(judged, packed({**members, ROTATIONS: canonical([str(rotation)] * 2)}))
    long = str(Signature("example.com/crook", b"abcd", b"what nobody has signed " * 10)).encode() + b"\n"
    assert "longer than any" in finding(judged, packed({**members, CHECKPOINT: members[CHECKPOINT] + long}))


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
        lines = sorted(members[DEFINITIONS].replace(line, changed).splitlines(), key=digest)
        said = finding(judged, packed({**members, DEFINITIONS: b"".join(one + b"\n" for one in lines)}))
        assert "does not hold that definition" in said


def test_who_spoke_is_shown_where_it_is_disclosed_and_the_entries_hold_where_it_is_not(log: Log, judged):
    told, untold = log.bundle(), Log(log.journal, discloses=False).bundle()
    assert judged(told).to_record() == judged(untold).to_record() | {"undisclosed_entries": 0}
    who = SAID[0]
    assert f"by {who.words}<" in unpacked(told)[INDEX].decode()
    assert f"by {shortened_commitment(who.token)}<" in unpacked(untold)[INDEX].decode()
    assert unpacked(told)[ENTRIES] == unpacked(untold)[ENTRIES]
    assert all(one.words.encode() not in unpacked(told)[ENTRIES] for one in SAID)


def test_a_bundle_from_before_there_were_pseudonyms_holds(log: Log, judged):
    """It discloses nothing and has no file for it, and its page says of no decision who asked for it."""
    members = of_the_first_version(unpacked(Log(log.journal, discloses=False).bundle()))
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


@pytest.mark.parametrize("redirected", ["1>&-", "1>/dev/full"])
def test_an_answer_that_nobody_can_hear_is_none(redirected: str, log: Log, alone: Path, tmp_path: Path):
    bundle = kept_in(tmp_path, log.bundle())
    line = f'"{sys.executable}" -I "{alone}" "{bundle}" --key "{SIGNER.key}" {redirected}'

    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (2, "")


def test_a_python_that_is_too_old_is_told_so(alone: Path):
    """One that knows less of the language has to read it, up to the line that says so."""
    text = alone.read_text(encoding="utf-8")

    ast.parse(text, feature_version=(3, 8))
    older = text.replace("sys.version_info < (3, 11)", "True")
    assert older.index("sys.exit(2)") < older.index("import argparse")
    alone.with_name("older.py").write_text(older, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", alone.with_name("older.py")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (2, "cannot be judged: this file needs Python 3.11 or later\n")


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
