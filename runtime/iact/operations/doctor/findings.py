"""What an examination found: each thing with where it is, why it matters, and what mends it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

OK: Final = "ok"
ADVICE: Final = "advice"
WRONG: Final = "wrong"
BROKEN: Final = "broken"
"""Nothing works before this is mended."""

_EXIT_CODES: Final = {OK: 0, ADVICE: 0, WRONG: 1, BROKEN: 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        check: what was looked at, such as `max_allowed_packet`.
        level: `ok`, `advice`, `wrong` or `broken`.
        where: the table, server, file or line of the configuration.
        found: what is there.
        why: why it matters; empty where all is well.
        mend: statements of SQL, each ended by a semicolon, and commands or lines that mend it, in this order.
    """

    check: str
    level: str
    where: str
    found: str
    why: str = ""
    mend: tuple[str, ...] = ()

    def to_data(self) -> dict[str, Any]:
        """Return it for a program."""
        return {
            "check": self.check,
            "level": self.level,
            "where": self.where,
            "found": self.found,
            "why": self.why,
            "mend": list(self.mend),
        }


def exit_code(findings: Sequence[Finding]) -> int:
    """Return how a command ends that found these: 0 all well or advice only, 1 something is wrong, 3 nothing works."""
    return max((_EXIT_CODES[finding.level] for finding in findings), default=0)


def lines(findings: Sequence[Finding]) -> list[str]:
    """Return the lines that tell people what was found: one for what is well, all that belongs to it for the rest."""
    told: list[str] = []
    for finding in findings:
        told.append(f"{finding.level:<7} {finding.check}: {finding.found}")
        if finding.level != OK:
            told.append(f"        where: {finding.where}")
            told.append(f"        why:   {finding.why}")
            told += [f"        mend:  {step}" for step in finding.mend]
    return [*told, _summary(findings)]


def _summary(findings: Sequence[Finding]) -> str:
    bad = sum(finding.level in {WRONG, BROKEN} for finding in findings)
    advice = sum(finding.level == ADVICE for finding in findings)
    said = f"{bad} of {len(findings)} checks found something wrong" if bad else f"{len(findings)} checks, nothing wrong"
    return f"{said}, and {advice} ha{'s' if advice == 1 else 've'} advice." if advice else f"{said}."
