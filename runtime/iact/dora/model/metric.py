"""The kind `Metric`: how one figure is computed, in words that a team can read and change."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from iact.core.facts import FactType
from iact.core.problems import Problem, did_you_mean
from iact.core.quantities import Dimension, parse
from iact.core.registry import kind
from iact.core.scope import Scope
from iact.core.shape import AnyQuantity, AtLeastOne, Duration, Moment, part
from iact.core.tree import NOWHERE, Position
from iact.dora.examples import outcome_of
from iact.dora.figures import PRESENTED, Unit
from iact.dora.statistics import STATISTICS
from iact.dora.terms import MILESTONES, Better, Each, Exclusion, Milestone, NoData, Source, Where

DEFAULT_WINDOW = parse("90d", Dimension.DURATION)


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of a duration, shown with its share of the whole.

    Attributes:
        stage: what people call it, such as `review`.
        from_: the moment at which it begins.
        to: the moment at which it ends.
    """

    stage: str
    from_: Milestone
    to: Milestone
    position: Position = NOWHERE


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One change, deployment, failure or pull request of an example.

    Attributes:
        authored: when the change was written.
        committed: when it got its present form.
        first_commit: when the first commit of a pull request was written.
        opened: when the pull request was opened.
        reviewed: when it was first reviewed.
        merged: when it reached the main line.
        deployed: when it was deployed, or when the deployment was.
        started: since when users were affected by a failure.
        restored: when they no longer were.
        failed: whether the deployment failed.
        rework: whether the deployment was made to mend what users saw.
        merge: whether the change is a merge commit.
        first: whether the deployment is the first that is known.
    """

    authored: Moment | None = None
    committed: Moment | None = None
    first_commit: Moment | None = None
    opened: Moment | None = None
    reviewed: Moment | None = None
    merged: Moment | None = None
    deployed: Moment | None = None
    started: Moment | None = None
    restored: Moment | None = None
    failed: bool = False
    rework: bool = False
    merge: bool = False
    first: bool = False


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Example(Row):
    """Rows, and the figure that they make. Validation computes it anew.

    Attributes:
        expect: the figure; null where it must be unknown.
        rows: the rows, where there is not exactly one, which may stand beside `expect`.
        over: how long the window is, from the first moment of the rows; else it just holds them.
        without: the sources that there are not.
    """

    expect: AnyQuantity | None
    rows: tuple[Row, ...] | None = None
    over: Duration | None = None
    without: tuple[Source, ...] = ()
    position: Position = NOWHERE


@kind("Metric", folder="catalog/metrics")
@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """How one delivery figure is computed from changes, deployments, failures or pull requests.

    A figure that lacks its source or has no rows is unknown and says why; it is never 0. Durations below zero, where
    clocks disagree, are always left out and counted.

    Attributes:
        question: what the figure answers, as a person would ask it.
        each: what one row is: a change (a commit), a deployment, a failure or a pull request.
        show: the statistic that is shown of the rows, such as median, share or per_week.
        unit: the unit that people are shown it in, such as days.
        better: whether lower or higher is better.
        sources: what has to be known; where one of them is not, the figure is unknown.
        from_: the moment at which the duration of a row begins.
        to: the moment at which it ends.
        sum_of: instead of `from` and `to`, durations that are added up; one that is unknown, or ends before it begins,
            adds nothing.
        round_up_to: every duration is rounded up to whole numbers of this, such as 1m.
        where: which deployments count, of all that there are.
        stages: the parts of the duration, each shown with its share.
        window: how far back the figure looks when nobody says otherwise.
        no_data: what it means that a window holds no rows; zero is only right for what is counted.
        leave_out: changes that do not count.
        examples: rows with the figure that they make, which validation computes anew.
    """

    question: str
    each: Each
    show: str
    unit: str
    better: Better
    sources: AtLeastOne[Source]
    from_: Milestone | None = None
    to: Milestone | None = None
    sum_of: tuple[Stage, ...] = ()
    round_up_to: Duration | None = None
    where: Where | None = None
    stages: tuple[Stage, ...] = ()
    window: Duration = DEFAULT_WINDOW
    no_data: NoData = NoData.UNKNOWN
    leave_out: tuple[Exclusion, ...] = (Exclusion.FIRST_KNOWN_DEPLOYMENT, Exclusion.MERGES)
    examples: tuple[Example, ...] = ()
    position: Position = NOWHERE

    @property
    def fact_type(self) -> FactType:
        """The type of the fact `metric.NAME`."""
        if self.show not in STATISTICS:
            return FactType.QUANTITY
        return FactType(STATISTICS[self.show].unit.dimension.value)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check is handed the project
        """Say which keys contradict each other."""
        for message, hint in self._faults():
            yield Problem(rule="metric", position=self.position, message=message, hint=hint)

    def run_examples(self, scope: Scope) -> Iterator[Problem]:
        """Compute each example, and say which came out otherwise."""
        for example in self.examples:
            message = outcome_of(scope.name or "example", self, example)
            if message:
                yield Problem(rule="failed-example", position=example.position, message=message)

    def _faults(self) -> Iterator[tuple[str, str]]:
        if self.show not in STATISTICS:
            known = ", ".join(STATISTICS)
            hint = did_you_mean(self.show, STATISTICS) or f"There are {known}."
            yield f"`show: {self.show}`: there is no statistic of that name.", hint
            return
        statistic = STATISTICS[self.show]
        yield from self._moment_faults(statistic.unit)
        yield from self._unit_faults(statistic.unit)
        yield from self._source_faults()
        if statistic.unit is Unit.SHARE and self.where is None:
            yield (
                "`show: share` takes a share of the deployments, but `where` does not say which.",
                ("Add `where: failed` or `where: rework`."),
            )
        if self.no_data is NoData.ZERO and statistic.unit is not Unit.PER_WEEK:
            yield f"`no_data: zero` would make a {self.show} of nothing.", "Only what is counted a week may be zero."

    def _moment_faults(self, unit: Unit) -> Iterator[tuple[str, str]]:
        order = MILESTONES[self.each]
        wants = bool(order) and unit is Unit.SECONDS
        spans = [(self.from_, self.to), *((stage.from_, stage.to) for stage in (*self.sum_of, *self.stages))]
        if unit is Unit.SECONDS and not order:
            yield f"`show: {self.show}` needs a duration, which `each: {self.each}` has not.", "Try `each: change`."
        if self.sum_of and (self.from_ is not None or self.to is not None):
            yield "`sum_of` stands instead of `from` and `to`.", "Leave one of them out."
        if self.round_up_to is not None and not self.round_up_to.amount:
            yield "`round_up_to` is no time at all.", "Write a duration such as 1m, or leave it out."
        if wants and not self.sum_of and (self.from_ is None or self.to is None):
            yield f"`each: {self.each}` needs `from` and `to`.", f"They may be {', '.join(order)}."
        for start, end in spans:
            if start is None or end is None:
                continue
            if start not in order or end not in order:
                yield (
                    f"`each: {self.each}` does not go from {start} to {end}.",
                    (f"It knows {', '.join(order)}." if order else "Leave `from` and `to` out."),
                )
            elif order.index(start) >= order.index(end):
                yield f"{end} does not come after {start}.", f"The order is {', '.join(order)}."
        if self.where is not None and self.each is not Each.DEPLOYMENT:
            yield f"`where` chooses deployments, but `each` is {self.each}.", "Leave one of them out."

    def _unit_faults(self, unit: Unit) -> Iterator[tuple[str, str]]:
        fitting = [name for name, (stored, _) in PRESENTED.items() if stored is unit]
        if self.unit not in fitting:
            yield f"`unit: {self.unit}` does not fit `show: {self.show}`.", f"Use {' or '.join(fitting)}."

    def _source_faults(self) -> Iterator[tuple[str, str]]:
        needed = {Source.DEPLOYMENTS}
        if self.each is Each.CHANGE:
            needed.add(Source.CHANGES)
        if self.each is Each.PULL_REQUEST:
            needed.add(Source.PULL_REQUESTS)
        if self.each is Each.FAILURE or self.where is not None:
            needed.add(Source.FAILURES)
        lacking = [source for source in Source if source in needed and source not in self.sources]
        if lacking:
            yield f"`sources` leaves out {', '.join(lacking)}, without which the figure cannot be known.", "Add it."
