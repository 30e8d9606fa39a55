"""How often the 95 % interval of a clustered median holds the true one, for four methods and three shapes of data.

Lead times of changes that are released together are drawn log-normal with correlation 0.53 inside a release, as two
real histories have it. `.venv/bin/python benchmarks/interval_coverage.py [REPEATS]` prints the table of
docs/adr/0010-interval-of-a-clustered-median.md; the seed is fixed, so it is the same on every run.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from iact.dora.statistics.median import median_bounds

SEED = 20_260_101
CORRELATION = 0.53
SPREAD = 1.5
TAIL = 0.025
RELEASES = (3, 5, 6, 7, 10, 12, 15, 25, 60)
Floats = NDArray[np.float64]
Bounds = tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Shape:
    """How large releases are.

    Attributes:
        name: what the table calls it.
        heavy: whether a few releases hold most changes; else every release holds twenty.
        pull: how much longer the changes of large releases wait.
    """

    name: str
    heavy: bool
    pull: float


SHAPES = (
    Shape("equal releases", heavy=False, pull=0),
    Shape("few large releases", heavy=True, pull=0.0),
    Shape("large ones waited longer", heavy=True, pull=0.5),
)


def draw(random: np.random.Generator, shape: Shape, releases: int) -> list[Floats]:
    """Return the logarithms of the lead times of each release."""
    sizes = np.maximum(1, np.round(np.exp(random.normal(2, 1.3, releases)))) if shape.heavy else np.full(releases, 20)
    centres = random.normal(0, math.sqrt(CORRELATION) * SPREAD, releases) + shape.pull * (np.log(sizes) - 2)
    inner = math.sqrt(1 - CORRELATION) * SPREAD
    return [random.normal(centre, inner, int(size)) for centre, size in zip(centres, sizes, strict=True)]


def sign_flip(clusters: list[Floats], _: np.random.Generator) -> Bounds:
    """What iact ships."""
    bounds = median_bounds([[Decimal(round(value * 10**6)) for value in cluster] for cluster in clusters])
    return None if bounds is None else (float(bounds[0]) / 10**6, float(bounds[1]) / 10**6)


def woodruff(clusters: list[Floats], _: np.random.Generator) -> Bounds:
    """Woodruff 1952: invert a cluster-robust t interval of the share below the median."""
    values, count = np.sort(np.concatenate(clusters)), len(clusters)
    middle = np.median(values)
    below = np.array([np.sum(cluster <= middle) for cluster in clusters])
    sizes = np.array([len(cluster) for cluster in clusters])
    residuals = below - below.sum() / sizes.sum() * sizes
    error = math.sqrt(count / (count - 1) * float(np.sum(residuals**2))) / len(values)
    half = float(stats.t.ppf(0.975, count - 1)) * error
    low, high = math.floor((0.5 - half) * len(values)), math.ceil((0.5 + half) * len(values))
    return None if low < 1 or high > len(values) else (float(values[low - 1]), float(values[high - 1]))


def bootstrap(clusters: list[Floats], random: np.random.Generator) -> Bounds:
    """Percentiles of the median of releases drawn with replacement."""
    values, count = np.concatenate(clusters), len(clusters)
    order = np.argsort(values)
    owner = np.repeat(np.arange(count), [len(cluster) for cluster in clusters])[order]
    weights = random.multinomial(count, np.full(count, 1 / count), size=999)[:, owner].cumsum(axis=1)
    medians = values[order][np.argmax(weights >= weights[:, -1:] / 2, axis=1)]
    return float(np.quantile(medians, 0.025)), float(np.quantile(medians, 0.975))


def sign_test(clusters: list[Floats], _: np.random.Generator) -> Bounds:
    """Order statistics of the medians of the releases, each release counting once."""
    medians, count = sorted(float(np.median(cluster)) for cluster in clusters), len(clusters)
    outside = max((k for k in range(count // 2 + 1) if stats.binom.cdf(k, count, 0.5) <= TAIL), default=None)
    return None if outside is None else (medians[outside], medians[count - 1 - outside])


METHODS: dict[str, Callable[[list[Floats], np.random.Generator], Bounds]] = {
    "sign flips": sign_flip,
    "Woodruff": woodruff,
    "bootstrap": bootstrap,
    "sign test": sign_test,
}


def coverage(shape: Shape, releases: int, repeats: int) -> dict[str, Any]:
    """Return for each method how often it gave an interval, how often that held the truth, and its median width."""
    random = np.random.default_rng([SEED, SHAPES.index(shape), releases])
    truth = float(np.median(np.concatenate(draw(np.random.default_rng(SEED), shape, 300_000))))
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
    for _ in range(repeats):
        clusters = draw(random, shape, releases)
        for name, method in METHODS.items():
            bounds = method(clusters, random)
            if bounds is not None:
                found[name].append(bounds)
    return {name: _row(bounds, truth, repeats) for name, bounds in found.items()}


def _row(bounds: list[tuple[float, float]], truth: float, repeats: int) -> str:
    if not bounds:
        return "none"
    held = sum(low <= truth <= high for low, high in bounds) / len(bounds)
    width = np.median([high - low for low, high in bounds])
    given = "" if len(bounds) == repeats else f" (given {len(bounds) / repeats:.0%})"
    return f"{held:.3f}, {width:.2f}{given}"


def main() -> None:
    """Print the table."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    print(f"Coverage and median width (of the logarithm), {repeats} repeats each.\n")
    print("| releases | " + " | ".join(METHODS) + " |")
    print("|---|" + "---|" * len(METHODS))
    for shape in SHAPES:
        print(f"| **{shape.name}** |" + " |" * len(METHODS))
        for releases in RELEASES:
            row = coverage(shape, releases, repeats)
            print(f"| {releases} | " + " | ".join(row[name] for name in METHODS) + " |", flush=True)


if __name__ == "__main__":
    main()
