"""Looking through a log: which entries there are of a run, a person, a rule or a period, and what one says."""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from iact.audit.checkpoint import parse_checkpoint
from iact.audit.contents import EARLIEST, LATEST, LogContents
from iact.audit.index_page import said_of, speaker_of
from iact.audit.notes import parse_note
from iact.audit.proofs import verify_inclusion
from iact.audit.store import OF_RUN, READ_AT_ONCE, head, newest_checkpoint, place_of, tile_reader
from iact.audit.tiles import Tiles
from iact.audit.tree import inclusion_proof, leaf_hash
from iact.core import instants
from iact.core.commitments import PERSON, commitments_in, disclosed
from iact.core.errors import ConfigurationError
from iact.engine import persons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy.engine import Connection


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
    """

    place: int
    record: dict[str, Any]
    agent: str
    rule: str
    content: bytes
    words: Mapping[str, str] = field(default_factory=dict)

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
        """What it says, in a few words."""
        return said_of(self.record["kind"], disclosed(self.record["body"], self.words))

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "place": self.place,
            "agent": self.agent,
            "rule": self.rule,
            "person": self.person,
            "entry": self.record,
            "words": dict(self.words),
        }


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for; what is left out does not matter.

    Attributes:
        run: name of a run, or the beginning of it.
        person: who said so: a name, a pseudonym, or the beginning of one.
        agent: the rule: an agent's name.
        begin: the first moment of a period.
        end: the moment after it.
        most: how many at most; the newest.
    """

    run: str = ""
    person: str = ""
    agent: str = ""
    begin: datetime | None = None
    end: datetime | None = None
    most: int = 50

    def takes(self, listed: Listed, pseudonym: str | None) -> bool:
        """Return whether an entry is one of them, by all but the period.

        Args:
            listed: the entry.
            pseudonym: what stands for the person.
        """
        return (
            listed.record["run"].startswith(self.run)
            and (not self.person or self._is_of(listed.speaker, pseudonym))
            and (not self.agent or listed.agent == self.agent)
        )

    def _is_of(self, speaker: str, pseudonym: str | None) -> bool:
        begins = self.person.startswith(f"{PERSON}:") and speaker.startswith(self.person)
        return begins or speaker in {self.person, pseudonym}


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
        if self.size is None:
            lines.append("  not signed yet")
        else:
            lines.append(
                f"  {len(self.proof)} hashes lead to the root of the log of {self.size} entries that was signed"
            )
        lines.append(json.dumps(record, indent=2, ensure_ascii=False))
        lines += [f"  {token} stands for {words!r}" for token, words in sorted(listed.words.items())]
        return "\n".join(lines)


class LogReader:
    """Looks through the log of a project, as long as a connection is open."""

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
        top = head(connection, project)
        self._size = top.size if top else 0
        self._signed = newest_checkpoint(connection, project)
        self._tiles = Tiles(self._size, tile_reader(connection, project))

    def entries(self, wanted: Wanted) -> list[Listed]:
        """Return entries in the order of the log: of those that are wanted, the newest.

        Args:
            wanted: which.

        Raises:
            MissingEntryError: if one is neither in the journal nor in the archive.
        """
        found: deque[Listed] = deque()
        pseudonym = persons.pseudonym_of(self._connection, self._project, wanted.person) if wanted.person else None
        for listed in self._newest_first(wanted):
            if wanted.takes(listed, pseudonym):
                found.appendleft(listed)
                if len(found) == wanted.most:
                    break
        return self._in_words(found)

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
        if sequence.isdecimal():
            place = place_of(self._connection, self._project, run, int(sequence))
            places = [] if place is None else [place]
        else:
            places = list(self._places_of(run))
        if not places:
            message = (
                f"the log has no entry {name!r}. Name a place, a run, or RUN/SEQUENCE; `iact audit list` shows them."
            )
            raise ConfigurationError(message)
        return self._in_words(self._several(places))

    def proved(self, listed: Listed) -> Proved:
        """Return an entry with its proof, which was checked.

        Raises:
            ProofError: if it is not the one that has this place in the log.
        """
        leaf = leaf_hash(listed.content)
        signed = self._signed
        if signed is None or signed.size <= listed.place:
            return Proved(listed, leaf, (), None, "")
        proof = inclusion_proof(self._tiles, listed.place, signed.size)
        note = signed.note.decode()
        checkpoint = parse_checkpoint(parse_note(signed.note).text)
        verify_inclusion(leaf, listed.place, checkpoint.size, proof, checkpoint.root)
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
            block = list(enumerate(self._contents.between(begin, end), begin))
            for place, content in reversed(block):
                listed = self._listed(place, content)
                if _is_within(listed, wanted):
                    yield listed

    def _places_of(self, run: str) -> Iterator[int]:
        """Yield the places of the entries of the run whose name begins so.

        Raises:
            ConfigurationError: if several do.
        """
        rows = OF_RUN.all(self._connection, project=self._project, first_run=run, last_run=f"{run}~")
        if len({row["run"] for row in rows}) > 1:
            message = f"several runs' names begin with {run!r}; `iact audit list` shows them."
            raise ConfigurationError(message)
        yield from (row["place"] for row in rows)

    def _several(self, places: Iterable[int]) -> Iterator[Listed]:
        known = sorted(places)
        return map(self._listed, known, self._contents.several(known))

    def _at(self, place: int) -> Listed:
        return self._listed(place, self._contents.at(place))

    def _listed(self, place: int, content: bytes) -> Listed:
        record = json.loads(content)
        agent, rule = self._start_of(record)
        return Listed(place, record, agent, rule, content)

    def _start_of(self, record: dict[str, Any]) -> tuple[str, str]:
        """Return the agent of an entry's run, and the digest of its definition."""
        run = record["run"]
        if run not in self._started:
            first = record
            if record["sequence"] != 1:
                place = place_of(self._connection, self._project, run, 1)
                first = {} if place is None else json.loads(self._contents.at(place))
            body = first.get("body", {})
            self._started[run] = (body.get("agent", ""), body.get("definition", ""))
        return self._started[run]


def _is_within(listed: Listed, wanted: Wanted) -> bool:
    at = instants.parse(listed.record["at"])
    return (wanted.begin is None or at >= wanted.begin) and (wanted.end is None or at < wanted.end)
