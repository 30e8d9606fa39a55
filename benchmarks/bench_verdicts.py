"""How often PDCA keeps what changed nothing, and how often it finds a real change: the table of docs/pdca.md.

`.venv/bin/python benchmarks/bench_verdicts.py` prints it and ends with 1 where a bar is missed. The seed is fixed, so
the table is the same on every run. Releases of real histories are shuffled in blocks, so that those that resemble their
neighbours keep them; every verdict in such a history is a false one. A real change is drawn log-normal with a standard
deviation of 1 on the log scale. Every experiment is judged by the code that
judges real ones, and it is judged as often as it can be: at every release since the change.
"""

from __future__ import annotations

import math
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

from iact.config.opening import open_project
from iact.core.quantities import Dimension
from iact.dora.definitions import named_metrics
from iact.dora.figures import Window
from iact.dora.measure import read_history
from iact.dora.repository import refresh, repository_key
from iact.dora.terms import Better
from iact.pdca.effect import MINIMUM_CLUSTERS, Stretch
from iact.pdca.measured import Measured
from iact.pdca.model import ImprovementPolicy
from iact.pdca.posterior import posterior
from iact.pdca.power import WEEK
from iact.pdca.rules import belief_of
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
MOST_WEEKS: Final = 26
POLICY: Final = ImprovementPolicy()
CONFIDENCE: Final = float(POLICY.confidence.amount)
BELIEF: Final = belief_of(POLICY)
REAL: Final = 0.03
"""What a real change makes of the lead times of the histories, whose standard deviation is above 3 on the log scale."""
EVERY_LOOK: Final = range(MINIMUM_CLUSTERS, AFTER + 1)
YEAR_OF_WEEKS: Final = 52

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


def stretch(clusters: Clusters, first: int, every: float = WEEK) -> Stretch:
    """Return releases that follow each other evenly, the first of them so many intervals after the beginning."""
    moments = tuple((first + place + 1) * every for place in range(len(clusters)))
    return Stretch(
        clusters=tuple(clusters),
        seconds=len(clusters) * every,
        gaps=(every,) * max(0, len(clusters) - 1),
        moments=moments,
        until=moments[-1],
    )


def judged(before: Clusters, after: Clusters, looks: Iterable[int], every: float = WEEK) -> Judged:
    """Judge an experiment at each of its looks, given as numbers of releases since, until there is a verdict."""
    baseline, last = stretch(before, 0, every), 0
    for last in looks:
        since = stretch(after[:last], len(before), every)
        effect = posterior(Dimension.DURATION, baseline, since, confidence=CONFIDENCE, belief=BELIEF)
        verdict = by_evidence(effect, Better.LOWER)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, float(last)
    return Verdict.INCONCLUSIVE, float(last)


def shuffled(clusters: Clusters, factor: float, chance: random.Random) -> Judged:
    """Judge releases of one history in another order, at every release; `factor` is what a change makes of them."""
    begin = chance.randrange(BLOCK)
    blocks = [list(clusters[:begin]), *(list(clusters[at : at + BLOCK]) for at in range(begin, len(clusters), BLOCK))]
    chance.shuffle(blocks)
    order = [cluster for block in blocks for cluster in block]
    after = [tuple(value * factor for value in cluster) for cluster in order[-AFTER:]]
    return judged(order[:-AFTER], after, EVERY_LOOK)


def independent(chance: random.Random, count: int, factor: float = 1.0) -> list[tuple[float, ...]]:
    """Return releases of one change each, whose lead times have a standard deviation of 1 on the log scale."""
    return [(factor * math.exp(12 + chance.gauss(0, 1)),) for _ in range(count)]


def together(chance: random.Random, factors: Sequence[float], alike: float = 0.0) -> list[tuple[float, ...]]:
    """Return releases of several changes each; half the variance of 1 is shared by those that are released together.

    Args:
        chance: the lots.
        factors: what each release's lead times are multiplied by.
        alike: how far what is shared resembles that of the release before, as a correlation.
    """
    found, before = [], chance.gauss(0, 1)
    for factor in factors:
        size = max(1, int(chance.lognormvariate(1.2, 0.8)))
        before = alike * before + math.sqrt(1 - alike * alike) * chance.gauss(0, 1)
        shared = before * math.sqrt(0.5)
        found.append(
            tuple(factor * math.exp(12 + shared + chance.gauss(0, math.sqrt(0.5))) for _ in range(size)),
        )
    return found


def weekly(factor: float, weeks: int, chance: random.Random, alike: float = 0.0) -> Judged:
    """Judge a year of weekly releases against the weeks since, at every release."""
    found = together(chance, [1.0] * YEAR_OF_WEEKS + [factor] * weeks, alike)
    return judged(found[:YEAR_OF_WEEKS], found[YEAR_OF_WEEKS:], range(MINIMUM_CLUSTERS, weeks + 1))


def drifting(chance: random.Random) -> Judged:
    """Judge weekly releases whose lead time falls by 20 % a year all along, so that no change made it fall."""
    trend = [0.8 ** (week / 52) for week in range(YEAR_OF_WEEKS + AFTER)]
    found = together(chance, trend)
    return judged(found[:YEAR_OF_WEEKS], found[YEAR_OF_WEEKS:], EVERY_LOOK)


def seasonal(chance: random.Random) -> Judged:
    """Judge weekly releases whose lead time goes up and down by a quarter with the season that chance begins in."""
    start = chance.uniform(0, 2 * math.pi)
    waves = [1.25 ** math.sin(start + 2 * math.pi * week / 52) for week in range(YEAR_OF_WEEKS + AFTER)]
    found = together(chance, waves)
    return judged(found[:YEAR_OF_WEEKS], found[YEAR_OF_WEEKS:], EVERY_LOOK)


def failing(after: float, chance: random.Random) -> Judged:
    """Judge the failure rate of a release every two days, at every release, for 24 weeks; before, 15 % failed."""
    every, look = WEEK / 3.5, 0
    outcomes = [(float(chance.random() < share),) for share in [0.15] * 182 + [after] * 84]
    before = stretch(outcomes[:182], 0, every)
    for look in range(MINIMUM_CLUSTERS, 85):
        since = stretch(outcomes[182 : 182 + look], 182, every)
        effect = posterior(Dimension.SHARE, before, since, confidence=CONFIDENCE, belief=BELIEF)
        verdict = by_evidence(effect, Better.LOWER)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, float(look)
    return Verdict.INCONCLUSIVE, float(look)


def rhythm(rate: float, chance: random.Random) -> Judged:
    """Judge how often is released, each week for 24 weeks; before, releases came by chance, one in two weeks."""
    year = YEAR_OF_WEEKS * WEEK
    before = arrivals(chance, 0.5, 0.0, year)
    after = arrivals(chance, 0.5 * rate, year, year + AFTER * WEEK)
    for week in range(MINIMUM_CLUSTERS, AFTER + 1):
        now = year + week * WEEK
        since = [moment for moment in after if moment < now]
        effect = posterior(
            Dimension.RATE,
            released(before, year, year),
            released(since, week * WEEK, now),
            confidence=CONFIDENCE,
            belief=BELIEF,
        )
        verdict = by_evidence(effect, Better.HIGHER)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, float(week)
    return Verdict.INCONCLUSIVE, float(AFTER)


def arrivals(chance: random.Random, per_week: float, start: float, end: float) -> list[float]:
    """Return the moments of a Poisson process."""
    found, at = [], start
    while (at := at + chance.expovariate(per_week) * WEEK) < end:
        found.append(at)
    return found


def released(moments: Sequence[float], seconds: float, until: float) -> Stretch:
    """Return a stretch of time with releases at these moments."""
    gaps = tuple(later - earlier for earlier, later in pairwise(moments))
    return Stretch(clusters=((1.0,),) * len(moments), seconds=seconds, gaps=gaps, moments=tuple(moments), until=until)


def drawn(count: int, experiment: Callable[[random.Random], Judged]) -> tuple[Judged, ...]:
    """Return the verdicts of so many experiments, drawn alike on every machine."""
    chance = random.Random(SEED)  # noqa: S311 - a simulation that repeats, not a secret
    return tuple(experiment(chance) for _ in range(count))


def arms(count: int, fall: float, chance: random.Random) -> Judged:
    """Judge so many values against as many that are smaller, twelve weeks each, at every quarter of them."""
    looks = [count * part // 4 for part in (1, 2, 3, 4)]
    return judged(independent(chance, count), independent(chance, count, 1 - fall), looks, 12 * WEEK / count)


def experiments(histories: Mapping[str, Clusters]) -> Iterator[tuple[Callable[[random.Random], Judged], Row]]:
    """Walk the experiments, each with the line that its verdicts belong to."""
    for name, clusters in histories.items():
        what = f"{name}: {len(clusters)} releases shuffled in blocks of {BLOCK}"
        yield partial(shuffled, clusters, 1.0), unchanged(f"{what}, nothing changed")
        yield partial(shuffled, clusters, REAL), changed(f"{what}, the last {AFTER} a fall of {_percent(1 - REAL)}")
    yield partial(weekly, 1.0, AFTER), unchanged("weekly releases, nothing changed")
    yield drifting, unchanged("weekly releases, a trend of −20 % a year and no change")
    yield seasonal, unchanged("weekly releases, seasons of ±25 % and no change")
    yield partial(weekly, 1.0, AFTER, alike=0.5), unchanged("weekly releases that resemble the one before, no change")
    yield partial(failing, 0.15), unchanged("failure rate of 15 %, a release every two days, nothing changed")
    yield partial(rhythm, 1.0), unchanged("a release in two weeks by chance, nothing changed")
    for fall, count in ((0.3, 250), (0.15, 1_200)):
        yield partial(arms, count, fall), changed(f"−{fall * 100:.0f} % with {count:,} independent values an arm")
    yield (
        partial(weekly, 0.5, MOST_WEEKS),
        changed(f"−50 % with one release a week, within {MOST_WEEKS} weeks", bar=0.7, unit="weeks"),
    )
    yield partial(failing, 0.01), changed("failure rate from 15 % to 1 %, a release every two days")
    yield partial(rhythm, 4.0), changed("four times as many releases", unit="weeks")


def unchanged(what: str) -> Row:
    """Return a line whose keeps are all false."""
    return Row(what, (), false=True, bar=0.05, upper=0.065)


def changed(what: str, bar: float = 0.8, unit: str = "releases") -> Row:
    """Return a line whose keeps are all right."""
    return Row(what, (), false=False, bar=bar, unit=unit)


def table() -> list[Row]:
    """Return every line of the table, computed on as many processors as there are."""
    with tempfile.TemporaryDirectory() as folder:
        histories = {name: releases(name, Path(folder)) for name in HISTORIES}
    with ProcessPoolExecutor() as pool:
        lines = [
            (pool.submit(drawn, SHUFFLED if row.false else SIMULATED, one), row) for one, row in experiments(histories)
        ]
        return [replace(row, judged=verdicts.result()) for verdicts, row in lines]


def main() -> None:
    """Print the table, and fail where a bar is missed."""
    print(f"`{COMMAND}`, seed {SEED:,}, judged anew at every release:\n")
    print("| simulated | experiments | kept, with its 95 % interval | median until kept | bar | holds |")
    print("|---|---|---|---|---|---|")
    rows = table()
    for row in rows:
        print(row)
    if not all(row.holds for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
