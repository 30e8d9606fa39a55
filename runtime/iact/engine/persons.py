"""Who said something, and in which words: kept beside the journal, which holds only what stands for them.

An entry of the journal can never be changed, and a person's words have to be erasable. So the journal holds commitments
(`iact.core.commitments`), and the words stand in two tables whose rows may be deleted.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, insert, select

from iact.core.commitments import PERSON, REMARK, SALT_SIZE, commitment, commitments_in, disclosed
from iact.core.errors import ConfigurationError
from iact.engine.tables import PERSONS, REMARKS
from iact.stores.query import query

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from sqlalchemy.engine import Connection

LONGEST_NAME: Final = 200
"""Characters of a person's name at most."""
_ASKED_AT_ONCE: Final = 500

BY_NAME: Final = query(
    "The person of a name.",
    select(PERSONS).where(PERSONS.c.project == bindparam("project"), PERSONS.c.name == bindparam("person_name")),
)
PERSONS_OF: Final = query(
    "The persons for whom some commitments stand.",
    select(PERSONS.c.pseudonym.label("token"), PERSONS.c.salt, PERSONS.c.name.label("words")).where(
        PERSONS.c.project == bindparam("project"),
        PERSONS.c.pseudonym.in_(bindparam("tokens", expanding=True)),
    ),
)
REMARKS_OF: Final = query(
    "The words for which some commitments stand.",
    select(REMARKS.c.token, REMARKS.c.salt, REMARKS.c.words).where(
        REMARKS.c.project == bindparam("project"),
        REMARKS.c.token.in_(bindparam("tokens", expanding=True)),
    ),
)
ADD_PERSON: Final = query("Let something stand for a person.", insert(PERSONS))
ADD_REMARK: Final = query("Let something stand for what a person wrote.", insert(REMARKS))


def pseudonym_of(connection: Connection, project: str, name: str) -> str | None:
    """Return what stands for a person, None where nobody of that name ever said anything, or it was erased."""
    row = BY_NAME.one(connection, project=project, person_name=name)
    return None if row is None else str(row["pseudonym"])


class Persons:
    """Writes down who said something, and in which words, in one transaction.

    Two processes may write down one person in the same moment, so the unit of work has to say that it meets others.
    """

    def __init__(self, connection: Connection, project: str, now: datetime) -> None:
        """Prepare to write.

        Args:
            connection: in a transaction that writes.
            project: the project.
            now: the transaction's moment.
        """
        self._connection, self._project, self._now = connection, project, now

    def pseudonym(self, name: str) -> str:
        """Return what stands for a person in everything that is written down; it is made when they speak first.

        Raises:
            ConfigurationError: if the name is longer than any.
        """
        if len(name) > LONGEST_NAME:
            message = f"a name has {LONGEST_NAME} characters at most, and this one {len(name)}. Shorten it: --by NAME."
            raise ConfigurationError(message)
        known = pseudonym_of(self._connection, self._project, name)
        if known is not None:
            return known
        salt = secrets.token_bytes(SALT_SIZE)
        made = commitment(PERSON, salt, name)
        ADD_PERSON.run(self._connection, project=self._project, pseudonym=made, name=name, salt=salt, since=self._now)
        return made

    def remark(self, words: str, *, person: str, run: str) -> str:
        """Return what stands for words that a person wrote.

        Args:
            words: what they wrote.
            person: the pseudonym of the person.
            run: the run that they speak of.
        """
        salt = secrets.token_bytes(SALT_SIZE)
        made = commitment(REMARK, salt, words)
        ADD_REMARK.run(
            self._connection,
            project=self._project,
            token=made,
            salt=salt,
            words=words.encode(),
            person=person,
            run=run,
            written_at=self._now,
        )
        return made

    def said(self, by: str, reason: str, *, run: str) -> dict[str, str]:
        """Return what an entry of the journal says of who did something and why: `by` and `reason`.

        Args:
            by: the person.
            reason: their words.
            run: the run that they speak of.

        Raises:
            ConfigurationError: if the name is longer than any.
        """
        person = self.pseudonym(by)
        return {"by": person, "reason": self.remark(reason, person=person, run=run)}


def disclosures(connection: Connection, project: str, tokens: Collection[str]) -> Iterator[tuple[str, bytes, str]]:
    """Walk what some commitments stand for, each with its salt and its words, in order.

    One whose person was erased is left out.

    Args:
        connection: reads the store.
        project: the project.
        tokens: the commitments.
    """
    wanted = sorted(tokens)
    for begin in range(0, len(wanted), _ASKED_AT_ONCE):
        asked = wanted[begin : begin + _ASKED_AT_ONCE]
        found = [
            (str(row["token"]), bytes(row["salt"]), _text(row["words"]))
            for some in (PERSONS_OF, REMARKS_OF)
            for row in some.all(connection, project=project, tokens=asked)
        ]
        yield from sorted(found)


def words_of(connection: Connection, project: str, record: Any) -> Mapping[str, str]:
    """Return what the commitments in some JSON data stand for."""
    tokens = set(commitments_in(json.dumps(record, default=str)))
    return {token: words for token, _, words in disclosures(connection, project, tokens)}


def with_words(connection: Connection, project: str, record: Any) -> Any:
    """Return JSON data to show: with the words of people in the place of what stands for them."""
    return disclosed(record, words_of(connection, project, record))


def _text(words: str | bytes) -> str:
    return words if isinstance(words, str) else words.decode()
