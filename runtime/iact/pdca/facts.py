"""What PDCA's state machine asks for: the plan, how the experiment stands, and what the policy says.

All of it is computed from rows and from the rules that the run pinned. Nothing is changed by asking.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from iact.core import instants
from iact.core.facts import Fact, FactRequest, FactSet, FactType, FactValue
from iact.core.quantities import Quantity
from iact.core.registry import fact_source, in_force
from iact.dora.figures import Window
from iact.dora.rules import NamedMetric
from iact.engine.context import FactContext
from iact.pdca.pinned import Rules, policy_of, rules_of
from iact.pdca.plan import Check, Plan, as_fact

if TYPE_CHECKING:
    from iact.pdca import rules, store
    from iact.pdca.kept import Windows
    from iact.pdca.measured import Measured

NOTHING_PLANNED: Final = "there is nothing to try"
NOT_STARTED: Final = "the experiment has not been started"
WINDOWS: Final = "windows"
RULES: Final = "rules"
PLANS: Final = "plans"
CHECKS: Final = "checks"
"""What a replay supplies: the windows of a history that was read once, the pinned rules, built, and what it made."""
STEPS_BACK: Final = 30
"""How often the baseline may reach further back while it holds too few releases: 365 days become 30 years."""
ENOUGH_RELEASES: Final = 6
"""Releases that the baseline should hold: with fewer, not even the lead time itself has an interval."""


POLICY_FACTS: Final[Mapping[str, FactType]] = {
    "policy.window": FactType.DURATION,
    "policy.history": FactType.DURATION,
    "policy.every": FactType.DURATION,
    "policy.min_improvement": FactType.SHARE,
    "policy.confidence": FactType.SHARE,
    "policy.drift": FactType.SHARE,
    "policy.verdict": FactType.TEXT,
    "policy.on_worse": FactType.TEXT,
}
OF_A_TRIAL: Final = frozenset({"plan.improvement", "plan.metric", "plan.measured", "plan.first_check"})
"""What a plan says that has found something to try, and says from then on."""


@fact_source("policy", within_store=True, lasting={"": frozenset(POLICY_FACTS)})
class PolicyFacts:
    """What the `ImprovementPolicy` says."""

    provides: Mapping[str, FactType] = POLICY_FACTS

    def observe(self, requests: tuple[FactRequest, ...], context: FactContext) -> Mapping[str, Fact]:
        """Return the policy's settings as facts."""
        policy = context.services[RULES].policy if RULES in context.services else policy_of(context.definitions)
        return {
            request.name: Fact(
                name=request.name,
                value=getattr(policy, request.name.removeprefix("policy.")),
                observed_at=context.now,
                source="policy",
            )
            for request in requests
            if request.name in self.provides
        }


@fact_source("plan", within_store=True, lasting={"plan": OF_A_TRIAL})
class PlanFacts:
    """What is to be tried. Once a run has decided on a plan it keeps it; before, the plan is made from the figures."""

    provides: Mapping[str, FactType] = {
        "plan": FactType.RECORD,
        "plan.found": FactType.BOOLEAN,
        "plan.requested": FactType.BOOLEAN,
        "plan.improvement": FactType.TEXT,
        "plan.metric": FactType.TEXT,
        "plan.measured": FactType.TEXT,
        "plan.mode": FactType.TEXT,
        "plan.by_agent": FactType.BOOLEAN,
        "plan.current": FactType.QUANTITY,
        "plan.goal": FactType.QUANTITY,
        "plan.expected_improvement": FactType.SHARE,
        "plan.first_check": FactType.DURATION,
        "plan.verdict_by": FactType.DURATION,
        "plan.metric_free": FactType.BOOLEAN,
        "plan.outdated": FactType.BOOLEAN,
    }

    def observe(self, requests: tuple[FactRequest, ...], context: FactContext) -> Mapping[str, Fact]:
        """Return the plan as facts."""
        kept = kept_plan(context.remembered)
        plan = kept or plan_now(context)
        values: dict[str, FactValue | None] = dict(plan.values())
        wanted = {request.name for request in requests}
        if "plan.metric_free" in wanted and plan.trial is not None:
            values["plan.metric_free"] = not any(
                held.trial.measured == plan.trial.measured for held in _others(context)
            )
        if "plan.outdated" in wanted and kept is not None:
            values["plan.outdated"] = _choice(plan_now(context)) != _choice(kept)
        return {
            name: as_fact(name, values.get(name), at=context.now, missing=NOTHING_PLANNED, source="plan")
            for name in sorted(wanted)
        }


@fact_source("check", within_store=True)
class CheckFacts:
    """How an experiment stands.

    Asking for `check.verdict` judges the outcome, which may extend the time; a state that only watches asks for
    `check.harmed` or `check.due` instead.
    """

    provides: Mapping[str, FactType] = {
        "check": FactType.RECORD,
        "check.adopted": FactType.BOOLEAN,
        "check.harmed": FactType.BOOLEAN,
        "check.due": FactType.BOOLEAN,
        "check.proven": FactType.BOOLEAN,
        "check.remaining": FactType.DURATION,
        "check.verdict": FactType.TEXT,
        "check.then": FactType.TEXT,
        "check.looks": FactType.NUMBER,
    }

    def observe(self, requests: tuple[FactRequest, ...], context: FactContext) -> Mapping[str, Fact]:
        """Return how it stands as facts."""
        wanted = {request.name for request in requests}
        check = check_now(context, judges=bool(wanted & {"check.verdict", "check.then"}))
        values: dict[str, FactValue | None] = dict(check.values()) if check else {}
        missing = "not enough is known to say" if check else NOT_STARTED
        return {
            name: as_fact(name, values.get(name), at=context.now, missing=missing, source="check")
            for name in sorted(wanted)
        }


def kept_plan(remembered: FactSet) -> Plan | None:
    """Return the plan that a run has decided on, or None before that."""
    value = remembered["plan"].value
    return Plan.from_record(value) if isinstance(value, Mapping) else None


def kept_check(remembered: FactSet) -> Check | None:
    """Return what the last check of a run came to, or None before the first."""
    value = remembered["check"].value
    return Check.from_record(value) if isinstance(value, Mapping) else None


def applied_at(remembered: FactSet) -> datetime | None:
    """Return when the change was made, or None before that."""
    value = remembered["receipt.applied_at"].value
    return instants.parse(value) if isinstance(value, str) else None


def plan_now(context: FactContext) -> Plan:
    """Make a plan from the figures of this moment; a replay, which asks several times, makes it once."""
    kept: dict[tuple[datetime, FactValue | None], Plan] | None = context.services.get(PLANS)
    if kept is None:
        return _make_plan(context)
    key = context.now, context.inputs["input.improvement"].value
    if key not in kept:
        kept[key] = _make_plan(context)
    return kept[key]


def _make_plan(context: FactContext) -> Plan:
    from iact.pdca import rules  # noqa: PLC0415 - loads scipy, which only computing needs and not declaring

    pinned = _pinned(context)
    digests = {one.name: one.digest for one in context.definitions.values() if one.kind == "Improvement"}
    requested = context.inputs["input.improvement"].value
    return rules.make_plan(
        pinned.improvements,
        pinned.policy,
        baseline(context, pinned),
        measured(context, pinned.metrics, Window.ending(context.now, window_of(context.inputs, pinned).timedelta)),
        repository=repository_of(context),
        past=_past(context, digests),
        digests=digests,
        requested=requested if isinstance(requested, str) else "",
        explains=PLANS not in context.services,  # a replay shows what was chosen, and throws the rest away
    )


def check_now(context: FactContext, *, judges: bool) -> Check | None:
    """Look at the experiment; None where none was started or where it was started this very moment.

    A replay, which asks again as soon as a state was entered, looks once at each moment.
    """
    kept: dict[tuple[object, ...], Check | None] | None = context.services.get(CHECKS)
    if kept is None:
        return _make_check(context, judges=judges)
    last = context.remembered["check"]
    key = context.now, judges, last.observed_at, applied_at(context.remembered)
    if key not in kept:
        kept.clear()
        kept[key] = _make_check(context, judges=judges)
    return kept[key]


def _make_check(context: FactContext, *, judges: bool) -> Check | None:
    from iact.pdca import judging  # noqa: PLC0415 - as above

    plan, since = kept_plan(context.remembered), applied_at(context.remembered)
    if plan is None or plan.trial is None or since is None or since >= context.now:
        return None
    trial = plan.trial
    pinned = _pinned(context, trial.improvement)
    experiment = judging.Experiment(
        trial=trial,
        improvement=pinned.improvements[trial.improvement],
        policy=pinned.policy,
        applied_at=since,
        last=kept_check(context.remembered),
    )
    before = measured(context, pinned.metrics, Window.ending(since, trial.history.timedelta))
    after = measured(context, pinned.metrics, Window(since, context.now))
    # A replay shows the effect and the decisions, and throws the rest away.
    explains = CHECKS not in context.services
    return judging.check(experiment, before, after, judges=judges, explains=explains)


def baseline(context: FactContext, pinned: Rules) -> Measured:
    """Measure the history before this moment, as far back as the policy says, and further while it holds too little."""
    span = pinned.policy.history.timedelta
    for step in range(1, STEPS_BACK):
        found = measured(context, pinned.metrics, Window.ending(context.now, span * step))
        known_from = found.history.known_from
        if known_from is None or known_from > found.window.start or found.releases >= ENOUGH_RELEASES:
            return found
    return measured(context, pinned.metrics, Window.ending(context.now, span * STEPS_BACK))


def measured(context: FactContext, metrics: Mapping[str, NamedMetric], window: Window) -> Measured:
    """Measure every metric in one window, knowing no more than was known at this moment."""
    from iact.dora.measure import read_history  # noqa: PLC0415 - loads SQLAlchemy, which declaring does not need
    from iact.pdca.measured import Measured  # noqa: PLC0415 - as above

    if WINDOWS in context.services:
        kept: Windows = context.services[WINDOWS]
        return kept.measured(window, context.now)
    history = read_history(
        context.connection,
        context.project,
        repository_of(context),
        window,
        as_of=context.now,
        metrics=metrics.values(),
    )
    return Measured.of(history, window, metrics)


def repository_of(context: FactContext) -> str:
    """Return the key of the repository that a run is about."""
    value = context.inputs["input.repository"].value
    return value if isinstance(value, str) else context.subject


def window_of(inputs: FactSet, pinned: Rules) -> Quantity:
    """Return the window that was asked for, or the policy's."""
    value = inputs["input.window"].value
    return value if isinstance(value, Quantity) else pinned.policy.window


def _pinned(context: FactContext, improvement: str = "") -> Rules:
    """Return what the run pinned, of the improvements only one where it is named: another need not be readable.

    A replay, which asks again and again, has built it once.
    """
    if RULES in context.services:
        built: Rules = context.services[RULES]
        return built
    return rules_of(
        {
            pin: one
            for pin, one in context.definitions.items()
            if not improvement or one.kind != "Improvement" or one.name == improvement
        }
    )


def _past(context: FactContext, digests: Mapping[str, str]) -> rules.Past:
    from iact.pdca import rules, store  # noqa: PLC0415 - as above

    if WINDOWS in context.services:  # every step of a replay stands for itself
        return rules.Past()
    repository = repository_of(context)
    busy = {
        held.trial.metric: held.trial.improvement for held in _others(context) if held.trial.repository == repository
    }
    tried = {
        ended.trial.improvement: ended.state
        for ended in store.ended(context.connection, context.project)
        if ended.trial.repository == repository and digests.get(ended.trial.improvement) == ended.trial.definition
    }
    return rules.Past(busy=busy, tried=tried)


def _others(context: FactContext) -> Iterator[store.TrialRun]:
    """Walk the metrics that other runs experiment on."""
    from iact.pdca import store  # noqa: PLC0415 - as above

    if WINDOWS in context.services:
        return iter(())
    return (held for held in store.holding(context.connection, context.project) if held.run != context.run)


def _choice(plan: Plan) -> tuple[str, list[tuple[str, str]]]:
    """Return what would make a plan another one: what it chose, and what the figures say to each improvement."""
    chosen = plan.trial.improvement if plan.trial else ""
    return chosen, [(one["improvement"], one["truth"]) for one in plan.considered]


@in_force("Parameters")
def overrides_of(project: Any, resource: Any) -> Iterator[str]:
    """Walk the parameters that an experiment has replaced: the value in force, which version it is, and whose.

    Args:
        project: the project, whose store is looked into where there is one.
        resource: its `Parameters`.
    """
    place = project.settings.store
    if place.url is None and not (project.root / place.sqlite).is_file():
        return
    from iact.dora.repository import open_store  # noqa: PLC0415 - loads SQLAlchemy, which declaring does not need
    from iact.pdca import store  # noqa: PLC0415 - as above
    from iact.stores.units import read  # noqa: PLC0415 - as above

    engine = open_store(project)
    names = sorted(resource.spec.values)
    found = read(engine, lambda connection: [store.in_force(connection, project.name, name) for name in names])
    engine.dispose()
    for name, newest in zip(names, found, strict=True):
        if newest is not None and newest.value is not None:
            since = instants.show(newest.at)
            yield f"{name}: {newest.value} (version {newest.version}, by {newest.run} since {since})"
