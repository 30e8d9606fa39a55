"""Looking through a log: which entries there are of a run, a person, a rule or a period, and what one says."""

from __future__ import annotations

import json
import unicodedata
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from iact.audit.checkpoint import parse_checkpoint
from iact.audit.contents import EARLIEST, LATEST, LogContents
from iact.audit.index_page import said_of, speaker_of
from iact.audit.notes import NoteError, parse_note
from iact.audit.proofs import ProofError, verify_inclusion
from iact.audit.store import OF_RUN, READ_AT_ONCE, head, newest_checkpoint, place_of, tile_reader
from iact.audit.stored_rows import wrong_with
from iact.audit.tiles import LostTileError, Tiles
from iact.audit.tree import inclusion_proof, leaf_hash
from iact.core import instants
from iact.core.commitments import PERSON, commitments_in, disclosed
from iact.core.errors import ConfigurationError
from iact.core.problems import did_you_mean
from iact.engine import persons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.engine import Connection, RowMapping

    from iact.audit.store import Leaf

_DIGEST: Final = "sha256:"
_SHORT: Final = 12
"""How many digits of a version's digest are shown."""
_NAMED: Final = 10
"""How many names are told of those that there are."""
_MOST_ENTRIES: Final = 2**31 - 1
"""How many entries a run can have, as every database counts them."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a log, to read.

    Attributes:
        place: in the log, counted from 0.
        record: what it says.
        agent: name of the agent whose run it is.
        rule: digest of the definition under which the run started: which version of the rule.
        content: its stored bytes.
        words: what the commitments in it stand for; one whose person was erased is left out.
        is_out_of_reach: whether it is in a part of the archive that is not there.
        wrong: what is wrong with its row; empty where it is the one that the log has. What it says is then not to be
            believed.
    """

    place: int
    record: dict[str, Any]
    agent: str
    rule: str
    content: bytes
    words: Mapping[str, str] = field(default_factory=dict)
    wrong: str = ""
    is_out_of_reach: bool = False

    @property
    def name(self) -> str:
        """What it is called where something is wrong with it."""
        return f"entry {self.place} (run {self.record['run']}, {self.record['sequence']})"

    @property
    def mark(self) -> str:
        """What is said in its place where something is wrong with it; else empty."""
        return (
            f"{'OUT OF REACH' if self.is_out_of_reach else 'NOT AS THE LOG HAS IT'}: it {self.wrong}"
            if self.wrong
            else ""
        )

    @property
    def speaker(self) -> str:
        """What stands in the entry for who said so; empty where nobody did."""
        return speaker_of(self.record["body"])

    @property
    def person(self) -> str:
        """Who said so, where a person did; empty where none did."""
        return str(disclosed(self.speaker, self.words))

    @property
    def says(self) -> str:
        """What it says, in a few words; where its row was changed, what is wrong with it."""
        return self.mark or said_of(self.record["kind"], disclosed(self.record["body"], self.words))

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "place": self.place,
            "agent": self.agent,
            "rule": self.rule,
            "person": self.person,
            "entry": self.record,
            "words": dict(self.words),
            "wrong": self.wrong or None,
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; what is left out does not matter.

    Attributes:
        run: name of a run, or the beginning of it.
        person: who said so: a name in whatever case and form of its letters, a pseudonym, or the beginning of one.
        rule: an agent's name, or that and the beginning of a version's digest: `NAME@DIGEST`.
        begin: the first moment of a period.
        end: the moment after it.
        most: how many at most; the newest.
    """

    run: str = ""
    person: str = ""
    rule: str = ""
    begin: datetime | None = None
    end: datetime | None = None
    most: int = 50

    def takes(self, listed: Listed, speaker: str) -> bool:
        """Return whether an entry is one of them, by all but the period.

        Args:
            listed: the entry.
            speaker: the name of who says so in it; empty where nobody does, or it was erased.
        """
        return (
            listed.record["run"].startswith(self.run)
            and (not self.person or self._is_of(listed.speaker, speaker))
            and (not self.rule or self._is_by(listed))
        )

    def _is_of(self, token: str, name: str) -> bool:
        begins = self.person.startswith(f"{PERSON}:") and token.startswith(self.person)
        return begins or (bool(name) and folded(name) == folded(self.person))

    def _is_by(self, listed: Listed) -> bool:
        name, _, version = self.rule.partition("@")
        digest = listed.rule.removeprefix(_DIGEST)
        return listed.agent == name and digest.startswith(version.lower().removeprefix(_DIGEST))


@dataclass(slots=True)
class Seen:
    """What the entries say that were looked through, for whoever looks for something that none of them says.

    Attributes:
        entries: how many there were.
        rules: the agents, and the versions of each that the entries name.
        people: who spoke in them.
    """

    entries: int = 0
    rules: dict[str, set[str]] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)

    def add(self, listed: Listed, speaker: str) -> None:
        """Note what an entry says, and who says so in it."""
        self.entries += 1
        if listed.agent:
            self.rules.setdefault(listed.agent, set()).add(listed.rule.removeprefix(_DIGEST)[:_SHORT])
        if speaker:
            self.people.add(speaker)

    def nothing_matches(self, wanted: Wanted) -> str:
        """Return that nothing matches, and what of it does not, where that can be told."""
        if not self.entries:
            return f"nothing matches: {_no_entries(wanted)}"
        why = [*self._no_rule(wanted.rule), *self._no_person(wanted.person)]
        return f"nothing matches: {' '.join(why).strip() or 'each is there, and never in one entry.'}"

    def _no_rule(self, rule: str) -> Iterator[str]:
        name, _, version = rule.partition("@")
        if not rule:
            return
        if name not in self.rules:
            known = sorted(self.rules)
            yield f"no entry is of a run of {name!r}. {_known(name, known, 'There are runs of')}"
        elif not any(one.startswith(version.lower().removeprefix(_DIGEST)[:_SHORT]) for one in self.rules[name]):
            yield f"{name} has no version {version!r} here. There is {', '.join(sorted(self.rules[name]))}."

    def _no_person(self, person: str) -> Iterator[str]:
        if person and folded(person) not in map(folded, self.people) and not person.startswith(f"{PERSON}:"):
            known = sorted(self.people)
            yield f"in no entry anything is said by {person!r}. {_known(person, known, 'There is something by')}"


def folded(name: str) -> str:
    """Return a name as it is compared: in whatever case, form of its letters and spacing somebody writes it."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold()).split())


def _known(name: str, known: Sequence[str], beginning: str) -> str:
    if not known:
        return ""
    more = f" and {len(known) - _NAMED} more" if len(known) > _NAMED else ""
    return f"{did_you_mean(name, known)} {beginning} {', '.join(known[:_NAMED])}{more}.".strip()


def _no_entries(wanted: Wanted) -> str:
    if wanted.run:
        return f"the log has no entry of a run whose name begins with {wanted.run!r} then. `iact runs list` shows runs."
    return "nothing was written then." if wanted.begin or wanted.end else "nothing was written yet."


@dataclass(frozen=True, slots=True)
class Proved:
    """An entry with the proof that it is in the log.

    Attributes:
        listed: the entry.
        leaf: its hash.
        proof: the hashes that lead from it to the root.
        size: how many entries the log had when that root was signed; None where it was not yet.
        note: the signed checkpoint.
    """

    listed: Listed
    leaf: bytes
    proof: tuple[bytes, ...]
    size: int | None
    note: str

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            **self.listed.to_record(),
            "leaf": self.leaf.hex(),
            "proof": [one.hex() for one in self.proof],
            "size": self.size,
            "checkpoint": self.note,
        }

    @property
    def said(self) -> str:
        """What it is, for people: where it stands, what proves it, and the entry itself."""
        listed = self.listed
        record = listed.record
        lines = [
            f"entry {listed.place}: run {record['run']}, {record['sequence']}, {record['kind']}, {record['at']}",
            f"  rule {listed.agent} {listed.rule}" if listed.rule else "  about the log itself",
            f"  leaf sha256:{self.leaf.hex()}",
        ]
        if listed.mark:
            lines.append(f"  {listed.mark}")
        elif self.size is None:
            lines.append("  not signed yet")
        else:
            lines.append(
                f"  {len(self.proof)} hashes lead to the root of the log of {self.size} entries that was signed"
            )
        lines.append(json.dumps(record, indent=2, ensure_ascii=False))
        lines += [f"  {token} stands for {words!r}" for token, words in sorted(listed.words.items())]
        return "\n".join(lines)


class LogReader:
    """Looks through the log of a project, as long as a connection is open.

    Attributes:
        seen: what the entries say that were looked through.
    """

    def __init__(self, connection: Connection, project: str, folder: Path) -> None:
        """Prepare to look.

        Args:
            connection: reads the store.
            project: whose log.
            folder: its archive.
        """
        self._connection, self._project = connection, project
        self._contents = LogContents(connection, project, folder)
        self._started: dict[str, tuple[str, str]] = {}
        self._names: dict[str, str] = {}
        self.seen = Seen()
        top = head(connection, project)
        self._size = top.size if top else 0
        self._signed = newest_checkpoint(connection, project)
        self._tiles = Tiles(self._size, tile_reader(connection, project))

    def entries(self, wanted: Wanted) -> list[Listed]:
        """Return entries in the order of the log: of those that are wanted, the newest.

        Args:
            wanted: which.
        """
        found: deque[Listed] = deque()
        for listed in self._newest_first(wanted):
            speaker = self._name_of(listed.speaker)
            self.seen.add(listed, speaker)
            if wanted.takes(listed, speaker):
                found.appendleft(listed)
                if len(found) == wanted.most:
                    break
        return self._in_words(found)

    def _name_of(self, speaker: str) -> str:
        """Return who is behind what an entry says of who spoke; a token of somebody who was erased names nobody."""
        if speaker not in self._names:
            tokens = set(commitments_in(speaker))
            words = persons.words_of(self._connection, self._project, speaker) if tokens else {}
            self._names[speaker] = "" if tokens - words.keys() else str(disclosed(speaker, words))
        return self._names[speaker]

    def _in_words(self, found: Iterable[Listed]) -> list[Listed]:
        """Return entries with what the commitments in them stand for."""
        entries = list(found)
        words = persons.words_of(self._connection, self._project, [one.record for one in entries])
        own = [set(commitments_in(json.dumps(one.record))) for one in entries]
        return [
            replace(one, words={token: words[token] for token in sorted(tokens & words.keys())})
            for one, tokens in zip(entries, own, strict=True)
        ]

    def named(self, name: str) -> list[Listed]:
        """Return the entries that a person named: by a place, by `run/sequence`, or all of a run.

        Raises:
            ConfigurationError: if there is none.
        """
        if name.isdecimal() and int(name) < self._size:
            return self._in_words([self._at(int(name))])
        run, _, sequence = name.partition("/")
        places: list[int] = []
        if not sequence:
            places = list(self._places_of(run)) if run else []
        elif sequence.isdecimal() and (whole := self._run_named(run)):
            place = place_of(self._connection, self._project, whole, min(int(sequence), _MOST_ENTRIES))
            places = [] if place is None else [place]
        if not places:
            message = (
                f"the log has no entry {name!r}. Name a place, a run, or RUN/SEQUENCE; `iact audit list` shows them."
            )
            raise ConfigurationError(message)
        return self._in_words(self._several(places))

    def proved(self, listed: Listed) -> Proved:
        """Return an entry with its proof, which was checked; without one where its row was changed, and with why."""
        leaf = leaf_hash(listed.content)
        signed = self._signed
        if listed.wrong or signed is None or signed.size <= listed.place:
            return Proved(listed, leaf, (), None, "")
        try:
            proof = inclusion_proof(self._tiles, listed.place, signed.size)
            note = signed.note.decode()
            checkpoint = parse_checkpoint(parse_note(signed.note).text)
            verify_inclusion(leaf, listed.place, checkpoint.size, proof, checkpoint.root)
        except (ProofError, NoteError, LostTileError, UnicodeDecodeError) as error:
            wrong = f"is not in what was signed last: {error}"
            return Proved(replace(listed, wrong=wrong), leaf, (), None, "")
        return Proved(listed, leaf, proof, checkpoint.size, note)

    def _newest_first(self, wanted: Wanted) -> Iterator[Listed]:
        if wanted.run:
            for listed in reversed(list(self._several(self._places_of(wanted.run)))):
                if _is_within(listed, wanted):
                    yield listed
            return
        span: tuple[int, int] | None = (0, self._size)
        if wanted.begin or wanted.end:
            span = self._contents.within(wanted.begin or EARLIEST, wanted.end or LATEST, self._size)
        first, last = span or (0, 0)
        for end in range(last, first, -READ_AT_ONCE):
            begin = max(first, end - READ_AT_ONCE)
            for leaf in reversed(list(self._contents.found(begin, end))):
                listed = self._listed(leaf)
                if _is_within(listed, wanted):
                    yield listed

    def _places_of(self, run: str) -> Iterator[int]:
        """Yield the places of the entries of the run whose name begins so.

        Raises:
            ConfigurationError: if several do.
        """
        whole, rows = self._rows_of(run)
        yield from (row["place"] for row in rows if row["run"] == whole)

    def _run_named(self, beginning: str) -> str:
        """Return the run whose name begins so, empty for none; errors are those of `_places_of`."""
        return self._rows_of(beginning)[0] if beginning else ""

    def _rows_of(self, run: str) -> tuple[str, Sequence[RowMapping]]:
        rows = OF_RUN.all(self._connection, project=self._project, first_run=run, last_run=f"{run}~")
        names = sorted({row["run"] for row in rows})
        if len(names) > 1 and run not in names:
            shown = ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
            message = f"several runs' names begin with {run!r}: {shown}. Write more of it."
            raise ConfigurationError(message)
        return (run if run in names else names[0] if names else ""), rows

    def _several(self, places: Iterable[int]) -> Iterator[Listed]:
        known = sorted(places)
        return map(self._listed, self._contents.several(known))

    def _at(self, place: int) -> Listed:
        return next(self._several([place]))

    def _listed(self, leaf: Leaf) -> Listed:
        wrong = wrong_with(leaf, self._tiles)
        record = _record_of(leaf.content)
        if record is None:
            # Something has to stand where an entry was, so that the others can be told from it.
            record = {"run": leaf.run, "sequence": leaf.sequence, "kind": "unknown", "at": "", "body": {}}
            wrong = wrong or "is no entry of a journal"
        elif wrong:
            record |= {"run": leaf.run, "sequence": leaf.sequence}
        agent, rule = self._start_of(leaf, record)
        return Listed(
            leaf.place, record, agent, rule, leaf.content or b"", wrong=wrong, is_out_of_reach=leaf.is_out_of_reach
        )

    def _start_of(self, leaf: Leaf, record: dict[str, Any]) -> tuple[str, str]:
        """Return the agent of an entry's run, and the digest of its definition."""
        if leaf.run not in self._started:
            first: dict[str, Any] | None = record
            if leaf.sequence != 1:
                place = place_of(self._connection, self._project, leaf.run, 1)
                first = None if place is None else _record_of(next(self._contents.several([place])).content)
            body = first["body"] if first else {}
            self._started[leaf.run] = (str(body.get("agent", "")), str(body.get("definition", "")))
        return self._started[leaf.run]


def _record_of(content: bytes | None) -> dict[str, Any] | None:
    """Return what an entry says; None where these are not the bytes of one, since somebody has changed them."""
    try:
        record = json.loads(content or b"")
        is_entry = isinstance(record["body"], dict) and isinstance(record["sequence"], int)
        texts = [record[name] for name in ("run", "kind", "at")]
        if not is_entry or not all(isinstance(one, str) for one in texts):
            return None
        instants.parse(record["at"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    else:
        return dict(record)


def _is_within(listed: Listed, wanted: Wanted) -> bool:
    """Return whether an entry is from a period; one that no longer says when it was written may be."""
    if not listed.record["at"]:
        return True
    at = instants.parse(listed.record["at"])
    return (wanted.begin is None or at >= wanted.begin) and (wanted.end is None or at < wanted.end)
