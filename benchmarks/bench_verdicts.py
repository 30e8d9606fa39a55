"""How often PDCA keeps what changed nothing, and how often it finds a real change: the table of docs/pdca.md.

`.venv/bin/python benchmarks/bench_verdicts.py` prints it and ends with 1 where a bar is missed. The seed is fixed, so
the table is the same on every run. Releases of real histories are shuffled in blocks, so that those that resemble their
neighbours keep them; every verdict in such a history is a false one. A real change is drawn log-normal with a standard
deviation of 1 on the log scale. Every experiment is judged as often as the shipped policy allows, and by the code that
judges real ones.
"""

from __future__ import annotations

import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from iact.config.opening import open_project
from iact.core.quantities import Dimension
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.measure import read_history
from iact.dora.repository import refresh, repository_key
from iact.dora.terms import Better
from iact.pdca.effect import Stretch, compare
from iact.pdca.measured import Measured
from iact.pdca.model import ImprovementPolicy
from iact.pdca.power import WEEK, needed, spread_of
from iact.pdca.rules import each_look
from iact.pdca.verdict import Verdict, by_evidence
from iact.stores.connect import open_memory, reading

ROOT: Final = Path(__file__).resolve().parent.parent
SEED: Final = 20_260_411
COMMAND: Final = ".venv/bin/python benchmarks/bench_verdicts.py"
END: Final = datetime(2026, 4, 10, tzinfo=UTC)
HISTORIES: Final = ("flask", "requests")
SHUFFLED: Final = 2_000
SIMULATED: Final = 500
BLOCK: Final = 4
"""Releases that stay together when a history is shuffled."""
AFTER: Final = 24
"""Releases since the change: as many as 24 weeks of weekly releases bring, which two extensions allow."""
VERDICT_WEEKS: Final = 8
MOST_WEEKS: Final = 26
POLICY: Final = ImprovementPolicy()
CONFIDENCE: Final = each_look(POLICY, POLICY.extensions)

Clusters: TypeAlias = "Sequence[tuple[float, ...]]"
Judged: TypeAlias = "tuple[Verdict, float]"
"""A verdict, and at which release since the change it was given."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        what: what was simulated.
        judged: the verdict of each experiment.
        false: whether every keep is wrong, because nothing changed.
        bar: the most that may be false, or the least that must be found.
        upper: the most that the upper end of the interval may be; None for no such bar.
        unit: in what the time to the verdict is counted; where a release is a week, in weeks.
    """

    what: str
    judged: tuple[Judged, ...]
    false: bool
    bar: float
    upper: float | None = None
    unit: str = "releases"

    @property
    def keeps(self) -> int:
        """How many experiments were kept."""
        return sum(verdict is Verdict.KEEP for verdict, _ in self.judged)

    @property
    def holds(self) -> bool:
        """Whether the bar holds."""
        share, (_, high) = self.keeps / len(self.judged), wilson(self.keeps, len(self.judged))
        if not self.false:
            return share >= self.bar
        return share <= self.bar and (self.upper is None or high <= self.upper)

    def __str__(self) -> str:
        """Return it as a line of Markdown."""
        count = len(self.judged)
        low, high = wilson(self.keeps, count)
        times = [at for verdict, at in self.judged if verdict is Verdict.KEEP]
        when = f"{statistics.median(times):,.0f} {self.unit}" if times and not self.false else "–"
        above = f", upper end ≤ {_percent(self.upper)}" if self.upper else ""
        bar = f"{'≤' if self.false else '≥'} {_percent(self.bar)}{above}"
        share = f"{_percent(self.keeps / count)} [{_percent(low)}, {_percent(high)}]"
        return f"| {self.what} | {count:,} | {share} | {when} | {bar} | {'yes' if self.holds else '**no**'} |"


def _percent(share: float) -> str:
    return f"{round(share * 100, 1):g} %"


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 22, 1927)."""
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def releases(name: str, folder: Path) -> list[tuple[float, ...]]:
    """Return the lead times of each release of a history, in the order in which they were released."""
    place = folder / name
    subprocess.run(["git", "clone", "--quiet", ROOT / f"tests/data/git-histories/{name}.bundle", place], check=True)
    project, engine = open_project(ROOT), open_memory()
    refresh(engine, project, place, END)
    window = Window.ending(END, timedelta(days=20 * 365))
    with reading(engine) as connection:
        history = read_history(connection, project.name, repository_key(place), window)
    engine.dispose()
    measured = Measured.of(history, window, named_metrics(project))
    return list(measured.in_order("lead_time"))


def judged(before: Clusters, after: Clusters, looks: Sequence[int]) -> Judged:
    """Judge an experiment at each of its looks, given as numbers of releases since, until there is a verdict."""
    baseline = Stretch(clusters=tuple(before), seconds=len(before) * WEEK)
    for look in looks:
        since = Stretch(clusters=tuple(after[:look]), seconds=look * WEEK)
        verdict = by_evidence(compare(Dimension.DURATION, baseline, since, confidence=CONFIDENCE), Better.LOWER)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, float(look)
    return Verdict.INCONCLUSIVE, float(looks[-1])


def shuffled(clusters: Clusters, chance: random.Random) -> Judged:
    """Judge releases of one history in another order, at four looks."""
    begin = chance.randrange(BLOCK)
    blocks = [list(clusters[:begin]), *(list(clusters[at : at + BLOCK]) for at in range(begin, len(clusters), BLOCK))]
    chance.shuffle(blocks)
    order = [cluster for block in blocks for cluster in block]
    after = order[-AFTER:]
    return judged(order[:-AFTER], after, [AFTER // 4 * part for part in (1, 2, 3, 4)])


def independent(chance: random.Random, count: int, factor: float = 1.0) -> list[tuple[float, ...]]:
    """Return releases of one change each, whose lead times have a standard deviation of 1 on the log scale."""
    return [(factor * math.exp(12 + chance.gauss(0, 1)),) for _ in range(count)]


def together(chance: random.Random, factors: Sequence[float]) -> list[tuple[float, ...]]:
    """Return releases of several changes each; half the variance of 1 is shared by those that are released together."""
    found = []
    for factor in factors:
        size, shared = max(1, int(chance.lognormvariate(1.2, 0.8))), chance.gauss(0, math.sqrt(0.5))
        found.append(
            tuple(factor * math.exp(12 + shared + chance.gauss(0, math.sqrt(0.5))) for _ in range(size)),
        )
    return found


def weekly(factor: float, chance: random.Random) -> Judged:
    """Judge a year of weekly releases against the weeks since: when the planned sample is there, then every 8 weeks."""
    before = together(chance, [1.0] * 52)
    after = together(chance, [factor] * MOST_WEEKS)
    spread = spread_of(Dimension.DURATION, Stretch(clusters=tuple(before), seconds=52 * WEEK))
    planned = needed(spread, 0.5, per_week=1.0, confidence=CONFIDENCE).releases if spread else None
    ends = [VERDICT_WEEKS * part for part in range(1, POLICY.extensions + 2)]
    return judged(before, after, [planned, *ends] if planned is not None and planned < VERDICT_WEEKS else ends)


def drifting(chance: random.Random) -> Judged:
    """Judge weekly releases whose lead time falls by 20 % a year all along, so that no change made it fall."""
    trend = [0.8 ** (week / 52) for week in range(52 + AFTER)]
    found = together(chance, trend)
    return judged(found[:52], found[52:], [VERDICT_WEEKS * part for part in (1, 2, 3)])


def drawn(count: int, experiment: Callable[[random.Random], Judged]) -> tuple[Judged, ...]:
    """Return the verdicts of so many experiments, drawn alike on every machine."""
    chance = random.Random(SEED)  # noqa: S311 - a simulation that repeats, not a secret
    return tuple(experiment(chance) for _ in range(count))


def arms(count: int, fall: float, chance: random.Random) -> Judged:
    """Judge so many values against as many that are smaller, once."""
    return judged(independent(chance, count), independent(chance, count, 1 - fall), [count])


def table() -> list[Row]:
    """Return every line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        histories = {name: releases(name, Path(folder)) for name in HISTORIES}
    unchanged: dict[str, Callable[[random.Random], Judged]] = {
        f"{name}: {len(clusters)} releases shuffled in blocks of {BLOCK}, nothing changed": partial(shuffled, clusters)
        for name, clusters in histories.items()
    }
    unchanged["weekly releases, nothing changed"] = partial(weekly, 1.0)
    unchanged["weekly releases, a trend of −20 % a year and no change"] = drifting
    changed = {
        f"−{fall * 100:.0f} % with {count:,} independent values an arm": partial(arms, count, fall)
        for fall, count in ((0.3, 250), (0.15, 1_200))
    }
    halved = drawn(SIMULATED, partial(weekly, 0.5))
    return [
        *(Row(what, drawn(SHUFFLED, one), false=True, bar=0.05, upper=0.065) for what, one in unchanged.items()),
        *(Row(what, drawn(SIMULATED, one), false=False, bar=0.8) for what, one in changed.items()),
        Row(f"−50 % with one release a week, within {MOST_WEEKS} weeks", halved, false=False, bar=0.7, unit="weeks"),
    ]


def main() -> None:
    """Print the table, and fail where a bar is missed."""
    print(f"`{COMMAND}`, seed {SEED:,}, {POLICY.extensions + 2} looks at {CONFIDENCE * 100:g} % each:\n")
    print("| simulated | experiments | kept, with its 95 % interval | median until kept | bar | holds |")
    print("|---|---|---|---|---|---|")
    rows = table()
    for row in rows:
        print(row)
    if not all(row.holds for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
