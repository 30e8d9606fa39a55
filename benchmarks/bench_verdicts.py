"""How often PDCA is wrong where nothing changed, and how often it finds a real change: the tables of docs/pdca.md.

`.venv/bin/python benchmarks/bench_verdicts.py` prints them and ends with 1 where a bar is missed; `--write` puts them
into docs/pdca.md. The seed is fixed, so they are the same on every run. Releases of real histories are shuffled in
blocks, so that those that resemble their neighbours keep them; every verdict in such a history is a false one. A real
change is drawn log-normal with a standard deviation of 1 on the log scale. Every experiment is judged by the code that
judges real ones, and it is judged as often as it can be: at every release since the change, and a rhythm every week.
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
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

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
COMMAND: Final = ".venv/bin/python benchmarks/bench_verdicts.py --write"
PAGE: Final = ROOT / "docs/pdca.md"
BEGIN_MARK: Final = "<!-- verdicts: begin -->"
END_MARK: Final = "<!-- verdicts: end -->"
END: Final = datetime(2026, 4, 10, tzinfo=UTC)
HISTORIES: Final = ("flask", "requests")
SHUFFLED: Final = 2_000
SIMULATED: Final = 500
FALSE: Final = 0.05
"""The most that may be kept of what changed nothing, and the most that may be called worse."""
UNSURE: Final = 1.3
"""How many times as high as that the upper end of the 95 % interval of either may be: 6.5 % for 5 %."""
FALSE_VERDICTS: Final = (Verdict.KEEP, Verdict.REVERT)
BLOCK: Final = 4
"""Releases that stay together when a history is shuffled."""
AFTER: Final = 24
"""Releases since the change: as many as 24 weeks of weekly releases bring, which two extensions allow."""
MOST_WEEKS: Final = 26
YEAR_OF_WEEKS: Final = 52
"""The usual baseline of weekly releases; and twice as long as any shipped improvement is looked at."""
POLICY: Final = ImprovementPolicy()
CONFIDENCE: Final = float(POLICY.confidence.amount)
BELIEF: Final = belief_of(POLICY)
REAL: Final = 0.03
"""What a real change makes of the lead times of the histories, whose standard deviation is above 3 on the log scale."""
EVERY_LOOK: Final = range(MINIMUM_CLUSTERS, AFTER + 1)

Clusters: TypeAlias = "Sequence[tuple[float, ...]]"
Judged: TypeAlias = "tuple[Verdict, float]"
"""A verdict, and at which release or in which week since the change it was given."""
Experiment: TypeAlias = "Callable[[random.Random], Judged]"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A line of the first table: experiments in which nothing changed, so that every verdict is a false one.

    Attributes:
        what: what was simulated.
        judged: the verdict of each experiment.
    """

    what: str
    judged: tuple[Judged, ...] = ()

    @property
    def count(self) -> int:
        """How many experiments are made."""
        return SHUFFLED

    @property
    def holds(self) -> bool:
        """Whether both sorts of false verdicts are as rare as they have to be."""
        return all(
            share <= FALSE and high <= UNSURE * FALSE
            for share, (_, high) in (
                (hits / len(self.judged), wilson(hits, len(self.judged)))
                for hits in (given(self.judged, Verdict.KEEP), given(self.judged, Verdict.REVERT))
            )
        )

    def __str__(self) -> str:
        """Return it as a line of Markdown."""
        kept, worse = (shown(given(self.judged, verdict), len(self.judged)) for verdict in FALSE_VERDICTS)
        bar = f"≤ {_percent(FALSE)}"
        return f"| {self.what} | {len(self.judged):,} | {kept} | {worse} | {bar} | {_yes(holds=self.holds)} |"


@dataclass(frozen=True, slots=True)
class Changed:
    """A line of the second table: experiments in which something changed.

    Attributes:
        what: what was simulated.
        bar: the least that must be found.
        judged: the verdict of each experiment.
        right: the verdict that is right.
        unit: in what the time to the verdict is counted; where a release is a week, in weeks.
    """

    what: str
    bar: float = 0.8
    judged: tuple[Judged, ...] = ()
    right: Verdict = Verdict.KEEP
    unit: str = "releases"

    @property
    def count(self) -> int:
        """How many experiments are made."""
        return SIMULATED

    @property
    def holds(self) -> bool:
        """Whether the change is found often enough."""
        return given(self.judged, self.right) / len(self.judged) >= self.bar

    def __str__(self) -> str:
        """Return it as a line of Markdown."""
        found = shown(given(self.judged, self.right), len(self.judged))
        times = [at for verdict, at in self.judged if verdict is self.right]
        when = f"{statistics.median(times):,.0f} {self.unit}" if times else "–"
        bar = f"≥ {_percent(self.bar)}"
        return f"| {self.what} | {len(self.judged):,} | {found} | {when} | {bar} | {_yes(holds=self.holds)} |"


def given(judged: Sequence[Judged], verdict: Verdict) -> int:
    """Return how many experiments had this verdict."""
    return sum(found is verdict for found, _ in judged)


def shown(hits: int, count: int) -> str:
    """Return a share with its 95 % interval, for people."""
    low, high = wilson(hits, count)
    return f"{_percent(hits / count)} [{_percent(low)}, {_percent(high)}]"


def _yes(*, holds: bool) -> str:
    return "yes" if holds else "**no**"


def _percent(share: float) -> str:
    return f"{round(share * 100, 1):g} %"


def wilson(hits: int, count: int, z: float = 1.959964) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson, JASA 22, 1927)."""
    share = hits / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    reach = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, middle - reach), min(1.0, middle + reach)


@dataclass(frozen=True, slots=True)
class Past:
    """What is shuffled of a real history.

    Attributes:
        lead_times: those of each release, in the order in which they were released.
        failed: 1 for each release that failed by git's reverts and hot fixes, else 0, in the same order.
        gaps: seconds between one release and the next.
    """

    lead_times: Clusters
    failed: Clusters
    gaps: Sequence[float]


def past(name: str, folder: Path) -> Past:
    """Return a history of `tests/data`, read by the rules of this repository."""
    place = folder / name
    subprocess.run(["git", "clone", "--quiet", ROOT / f"tests/data/git-histories/{name}.bundle", place], check=True)
    project, engine = open_project(ROOT), open_memory()
    refresh(engine, project, place, END)
    window = Window.ending(END, timedelta(days=20 * 365))
    with reading(engine) as connection:
        history = read_history(connection, project.name, repository_key(place), window)
    engine.dispose()
    measured = Measured.of(history, window, named_metrics(project))
    deployed = sorted(deployment.deployed_at.timestamp() for deployment in history.deployments)
    return Past(
        lead_times=tuple(measured.in_order("lead_time")),
        failed=tuple(measured.in_order("change_failure_rate")),
        gaps=tuple(later - earlier for earlier, later in pairwise(deployed)),
    )


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


def judged(
    before: Clusters,
    after: Clusters,
    looks: Iterable[int],
    every: float = WEEK,
    dimension: Dimension = Dimension.DURATION,
) -> Judged:
    """Judge an experiment at each of its looks, given as numbers of releases since, until there is a verdict."""
    baseline, last = stretch(before, 0, every), 0
    for last in looks:
        since = stretch(after[:last], len(before), every)
        effect = posterior(dimension, baseline, since, confidence=CONFIDENCE, belief=BELIEF)
        verdict = by_evidence(effect, Better.LOWER)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, float(last)
    return Verdict.INCONCLUSIVE, float(last)


Value = TypeVar("Value")


def in_blocks(values: Sequence[Value], chance: random.Random) -> list[Value]:
    """Return values in another order, in which blocks of neighbours stay together."""
    begin = chance.randrange(BLOCK)
    blocks = [list(values[:begin]), *(list(values[at : at + BLOCK]) for at in range(begin, len(values), BLOCK))]
    chance.shuffle(blocks)
    return [value for block in blocks for value in block]


def shuffled(  # noqa: PLR0913, PLR0917 - the parts of an experiment, each named by its line of the table
    clusters: Clusters,
    factor: float,
    chance: random.Random,
    before: int | None = None,
    after: int = AFTER,
    dimension: Dimension = Dimension.DURATION,
) -> Judged:
    """Judge releases of one history in another order, at every release; `factor` is what a change makes of them."""
    order = in_blocks(clusters, chance)
    changed_ones = [tuple(value * factor for value in cluster) for cluster in order[-after:]]
    first = 0 if before is None else len(order) - after - before
    return judged(order[first:-after], changed_ones, range(MINIMUM_CLUSTERS, after + 1), dimension=dimension)


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


def drifting(weeks: int, chance: random.Random) -> Judged:
    """Judge weekly releases whose lead time falls by 20 % a year all along, so that no change made it fall."""
    trend = [0.8 ** (week / 52) for week in range(YEAR_OF_WEEKS + weeks)]
    found = together(chance, trend)
    return judged(found[:YEAR_OF_WEEKS], found[YEAR_OF_WEEKS:], range(MINIMUM_CLUSTERS, weeks + 1))


def seasonal(chance: random.Random) -> Judged:
    """Judge weekly releases whose lead time goes up and down by a quarter with the season that chance begins in."""
    start = chance.uniform(0, 2 * math.pi)
    waves = [1.25 ** math.sin(start + 2 * math.pi * week / 52) for week in range(YEAR_OF_WEEKS + AFTER)]
    found = together(chance, waves)
    return judged(found[:YEAR_OF_WEEKS], found[YEAR_OF_WEEKS:], EVERY_LOOK)


def failing(before: float, after: float, chance: random.Random) -> Judged:
    """Judge the failure rate of a release every two days, at every release, for 24 weeks after a year."""
    every, earlier, later = WEEK / 3.5, round(3.5 * YEAR_OF_WEEKS), round(3.5 * AFTER)
    outcomes = [(float(chance.random() < share),) for share in [before] * earlier + [after] * later]
    looks = range(MINIMUM_CLUSTERS, later + 1)
    return judged(outcomes[:earlier], outcomes[earlier:], looks, every, Dimension.SHARE)


def rhythm(rate: float, chance: random.Random) -> Judged:
    """Judge how often is released, each week for 24 weeks; before, releases came by chance, one in two weeks."""
    year = YEAR_OF_WEEKS * WEEK
    moments = [*arrivals(chance, 0.5, 0.0, year), *arrivals(chance, 0.5 * rate, year, year + AFTER * WEEK)]
    return paced(moments, year, AFTER)


def in_another_rhythm(gaps: Sequence[float], weeks: int, chance: random.Random) -> Judged:
    """Judge how often is released, each week, in a history whose gaps are shuffled, from any moment in it."""
    moments = list(accumulate(in_blocks(gaps, chance)))
    return paced(moments, chance.uniform(moments[BLOCK * 2], moments[-1] - weeks * WEEK), weeks)


def paced(moments: Sequence[float], at: float, weeks: int) -> Judged:
    """Judge how often is released since a moment against up to a year before it, each week."""
    begin = max(0.0, at - YEAR_OF_WEEKS * WEEK)
    before = released([moment for moment in moments if begin <= moment < at], at - begin, at)
    for week in range(1, weeks + 1):
        now = at + week * WEEK
        since = released([moment for moment in moments if at <= moment < now], week * WEEK, now)
        effect = posterior(Dimension.RATE, before, since, confidence=CONFIDENCE, belief=BELIEF)
        verdict = by_evidence(effect, Better.HIGHER)
        if verdict is not Verdict.INCONCLUSIVE:
            return verdict, float(week)
    return Verdict.INCONCLUSIVE, float(weeks)


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


def unchanged(histories: Mapping[str, Past]) -> Iterator[tuple[Experiment, Unchanged]]:
    """Walk the experiments in which nothing changes, each with the line that its verdicts belong to."""
    for name, one in histories.items():
        lead_times, failed, gaps = one.lead_times, one.failed, one.gaps
        yield partial(shuffled, lead_times, 1.0), Unchanged(f"{name}: lead times of {len(lead_times)} releases")
        failures = partial(shuffled, failed, 1.0, dimension=Dimension.SHARE)
        yield failures, Unchanged(f"{name}: which of {len(failed)} releases failed")
        yield (
            partial(in_another_rhythm, gaps, YEAR_OF_WEEKS),
            Unchanged(f"{name}: the rhythm of {len(gaps)} gaps, a year"),
        )
    year = partial(shuffled, histories["requests"].lead_times, 1.0, before=YEAR_OF_WEEKS, after=YEAR_OF_WEEKS)
    yield year, Unchanged("requests: lead times of 52 releases, then of 52 more")
    yield partial(weekly, 1.0, AFTER), Unchanged("weekly releases")
    yield partial(weekly, 1.0, YEAR_OF_WEEKS), Unchanged("weekly releases, looked at for a year")
    yield partial(drifting, AFTER), Unchanged("weekly releases, a trend of −20 % a year")
    trend = Unchanged("weekly releases, a trend of −20 % a year, looked at for a year")
    yield partial(drifting, YEAR_OF_WEEKS), trend
    yield seasonal, Unchanged("weekly releases, seasons of ±25 %")
    yield partial(weekly, 1.0, AFTER, alike=0.5), Unchanged("weekly releases that resemble the one before")
    for share in (0.15, 0.05):
        yield partial(failing, share, share), Unchanged(f"failure rate of {_percent(share)}, a release every two days")
    yield partial(rhythm, 1.0), Unchanged("a release in two weeks by chance")


def changed(histories: Mapping[str, Past]) -> Iterator[tuple[Experiment, Changed]]:
    """Walk the experiments in which something changes, each with the line that its verdicts belong to."""
    for name, one in histories.items():
        what = f"{name}: lead times of {len(one.lead_times)} releases, the last {AFTER} a fall of {_percent(1 - REAL)}"
        yield partial(shuffled, one.lead_times, REAL), Changed(what)
    for fall, count in ((0.3, 250), (0.15, 1_200)):
        yield partial(arms, count, fall), Changed(f"−{fall * 100:.0f} % with {count:,} independent values an arm")
    once = f"with one release a week, within {MOST_WEEKS} weeks"
    yield partial(weekly, 0.5, MOST_WEEKS), Changed(f"−50 % {once}", 0.7, unit="weeks")
    yield partial(failing, 0.15, 0.01), Changed("failure rate from 15 % to 1 %, a release every two days")
    yield partial(rhythm, 4.0), Changed("four times as many releases", unit="weeks")
    worse = Verdict.REVERT
    yield partial(weekly, 2.0, MOST_WEEKS), Changed(f"harm: twice as long {once}", 0.7, right=worse, unit="weeks")
    harm = Changed("harm: failure rate from 15 % to 35 %, a release every two days", right=worse)
    yield partial(failing, 0.15, 0.35), harm


def lines() -> tuple[list[Unchanged], list[Changed]]:
    """Return every line of both tables, computed on as many processors as there are."""
    with tempfile.TemporaryDirectory() as folder:
        histories = {name: past(name, Path(folder)) for name in HISTORIES}
    with ProcessPoolExecutor() as pool:
        waiting = [(pool.submit(drawn, row.count, one), row) for one, row in unchanged(histories)]
        later = [(pool.submit(drawn, row.count, one), row) for one, row in changed(histories)]
        return (
            [replace(row, judged=verdicts.result()) for verdicts, row in waiting],
            [replace(row, judged=verdicts.result()) for verdicts, row in later],
        )


def tables(first: Iterable[Unchanged], second: Iterable[Changed]) -> str:
    """Return both tables as Markdown."""
    return "\n".join(
        [
            f"Made by `{COMMAND}`, seed {SEED:,}.",
            "Nothing changed, and it was kept or called worse in this share of experiments, with its 95 % interval",
            f"whose upper end may be {UNSURE} times the bar:",
            "",
            "| nothing changed | experiments | kept | called worse | bar | holds |",
            "|---|---|---|---|---|---|",
            *map(str, first),
            "",
            "Something changed, and it was found:",
            "",
            "| changed | experiments | found | median until then | bar | holds |",
            "|---|---|---|---|---|---|",
            *map(str, second),
        ]
    )


def write(text: str, page: Path = PAGE) -> None:
    """Put tables between the marks of a page."""
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN_MARK)
    _, found, after = rest.partition(END_MARK)
    if not found:
        sys.exit(f"{page} has no {BEGIN_MARK} with a {END_MARK} after it, between which the tables would stand.")
    page.write_text(f"{before}{BEGIN_MARK}\n{text}\n{END_MARK}{after}", encoding="utf-8")


def main(arguments: Sequence[str]) -> None:
    """Print the tables, with `--write` into the page, and fail where a bar is missed."""
    first, second = lines()
    text = tables(first, second)
    print(text)
    if "--write" in arguments:
        write(text)
    if not (all(row.holds for row in first) and all(row.holds for row in second)):
        sys.exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
