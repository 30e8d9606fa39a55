"""How the log of a project is called, who signs it, and where what is old goes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from iact.config.model.checking import wrong
from iact.config.model.publish import Publish, Witness
from iact.core.problems import Problem
from iact.core.shape import Scope, Secret, part
from iact.core.tree import NOWHERE, Position

_LOG_NAME: Final = re.compile(r"[!-*,-~]{1,100}", re.ASCII)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """How the log of the journal is called, who signs it, and where what is old goes.

    Attributes:
        log: what the log is called in what is signed, best a name that nobody else has, such as `example.com/shop`;
            the project's name where this is left out. It never changes afterwards.
        key: where the secret key of the log is kept, such as `env:IACT_LOG_KEY`; left out, it is made in the file
            `log.key` in the folder `.iact` of whoever is first to sign.
        archive: folder of the bundles of what `iact prune` deletes, below the project's folder or absolute.
        publish: where signed checkpoints go that nobody here can take back; left out, they go nowhere.
        witnesses: who is asked to sign that the log has only grown since they last saw it.
    """

    log: str = ""
    key: Secret | None = None
    archive: str = ".iact/archive"
    publish: Publish | None = None
    witnesses: tuple[Witness, ...] = ()
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield a name that no checkpoint can have."""
        if self.log and not _LOG_NAME.fullmatch(self.log):
            message = (
                f"`{self.log}` cannot be the name of a log: it is at most 100 letters of ASCII without space and `+`."
            )
            place = self.positions.get("log", NOWHERE)
            yield wrong("wrong-audit", place, message, "Write it like example.com/shop.")
        names = [one.name for one in self.witnesses]
        for number, one in enumerate(self.witnesses):
            if one.name in names[:number]:
                message = f"the witness {one.name} is named twice."
                yield wrong("wrong-audit", one.positions.get("key", NOWHERE), message, "Remove one of them.")
