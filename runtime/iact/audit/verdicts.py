"""What is said of a bundle that holds: what was shown, and what was not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from iact.audit.bundles import FIRST_VERSION, Manifest, shortened
from iact.audit.chains import Seen
from iact.audit.checkpoint import Checkpoint
from iact.audit.notes import VerifierKey
from iact.audit.periods import OUT_OF_ORDER


@dataclass(frozen=True, slots=True)
class Verdict:
    """That a bundle holds.

    Attributes:
        manifest: what it is about.
        checkpoint: to which everything leads.
        signed_by: the trusted keys that signed it.
        seen: what its entries are.
        kept: sizes of the log of which the auditor kept a checkpoint, and from which it was shown to go on.
        witnessed: the witnesses that were asked for, and when each had seen that the log only grew (RFC 3339).
        untold: how many entries hold people or words of whom it is not disclosed who or what they are.
        shows_nothing: how many of the checkpoints that were kept are of an empty log.
    """

    manifest: Manifest
    checkpoint: Checkpoint
    signed_by: tuple[VerifierKey, ...]
    seen: Seen
    kept: tuple[int, ...]
    witnessed: tuple[tuple[VerifierKey, str], ...] = ()
    untold: int = 0
    shows_nothing: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it was shown that no entry of its period is missing; without an end it ends with the checkpoint."""
        manifest = self.manifest
        if manifest.version == FIRST_VERSION or not manifest.has_period:
            return (manifest.first, manifest.last) == (0, self.checkpoint.size)
        return not self._ends_early

    @property
    def _ends_early(self) -> bool:
        """Whether the log had no later entry when this was signed, so that those up to the period's end may come."""
        return bool(self.manifest.end) and self.manifest.last == self.checkpoint.size

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON data."""
        return {
            "holds": True,
            "entries": self.seen.entries,
            "decisions": self.seen.decisions,
            "from": self.seen.begin,
            "to": self.seen.end,
            "first": self.manifest.first,
            "last": self.manifest.last,
            "project": self.manifest.project,
            "period": {"from": self.manifest.begin, "to": self.manifest.end},
            "complete": self.is_whole,
            "unknown_runs": self.seen.unknown,
            "undisclosed_entries": self.untold,
            "back_dated_entries": self.seen.back_dated,
            "origin": self.checkpoint.origin,
            "size": self.checkpoint.size,
            "root": self.checkpoint.root.hex(),
            "signed_by": [str(key) for key in self.signed_by],
            "kept": list(self.kept),
            "witnessed": [{"key": str(key), "at": at} for key, at in self.witnessed],
        }

    def __str__(self) -> str:
        """Return it in words."""
        seen = self.seen
        period = f", from {seen.begin} to {seen.end}" if seen.entries else ""
        signers = " and ".join(shown_key(key) for key in self.signed_by)
        manifest = self.manifest
        places = f"places {manifest.first} to {manifest.last}"
        lines = [
            f"holds, {seen.entries} entries{period}",
            f"log {shortened(self.checkpoint.origin)}, {self.checkpoint.size} entries, signed by {signers}",
            f"project {shortened(manifest.project)}, {places} (the last not included)",
            self._wholeness(),
            f"{seen.decisions} decisions, each as the definition allows that its run pinned",
        ]
        if seen.unknown:
            said = "where they stood: of their first step less was checked."
            lines.append(f"Of {seen.unknown} runs that go on it is not shown {said}")
        if self.untold:
            said = "are not disclosed: they were erased, or left out."
            lines.append(f"In {self.untold} entries people, or what they wrote, {said}")
        if seen.back_dated:
            minutes = int(OUT_OF_ORDER.total_seconds() // 60)
            lines.append(
                f"{seen.back_dated} entries say that they were written more than {minutes} minutes before one that "
                "stands before them: they waited long for their places, a clock was wrong, or they were dated back"
            )
        lines += [f"witnessed by {shown_key(key)} at {at}" for key, at in self.witnessed]
        if self.shows_nothing:
            lines.append(
                "A checkpoint that was kept is of an empty log, from which every log goes on: it shows nothing."
            )
        if self.kept:
            lines.append(f"goes on from what was kept at {', '.join(map(str, self.kept))} entries")
        else:
            lines.append(
                "No checkpoint from earlier was handed in (--checkpoint): that the log was not written anew as a whole "
                "before this one was signed is not shown. Keep this bundle's checkpoint.txt for the next time."
            )
        return "\n".join(lines)

    def _wholeness(self) -> str:
        """Return in words of which period all entries are there, or that this is not shown."""
        manifest = self.manifest
        if manifest.version == FIRST_VERSION and not self.is_whole:
            return (
                "The bundle is of an earlier form: it is NOT shown that all entries of a period are in it. Ask for an "
                "export by a newer release."
            )
        whole = "the whole log, up to this checkpoint"
        if self._ends_early:
            begin = whole if not manifest.first else f"all entries written from {manifest.begin} up to this checkpoint"
            return (
                f"{begin}; it has no later one, so it is NOT shown that none was written from then until {manifest.end}"
            )
        if (manifest.first, manifest.last) == (0, self.checkpoint.size):
            return whole
        if not self.is_whole:
            return "a part of the log by its places: it is NOT shown that all entries of any period are in it"
        begin, end = manifest.begin or "the beginning", manifest.end or "this checkpoint"
        minutes = int(OUT_OF_ORDER.total_seconds() // 60)
        return (
            f"all entries written from {begin} to {end}, and those of {minutes} minutes around, as the times say that "
            "stand in the entries beside them"
        )


def shown_key(key: VerifierKey) -> str:
    """Return a key as people see it: its name and the four bytes that tell it from others of that name."""
    return f"{shortened(key.name, 60)}+{key.id.hex()}"
