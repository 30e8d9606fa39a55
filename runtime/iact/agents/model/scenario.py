"""The kind `Scenario`: what is given and what comes while a project is played forward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Annotated, Any, Literal

from iact.agents.model.given import GivenFacts, facts_wrong, inputs_wrong
from iact.core.problems import Problem, did_you_mean
from iact.core.registry import ACTIONS, kind
from iact.core.shape import Duration, Moment, Name, Ref, Scope, Share, Within, part
from iact.core.tree import NOWHERE, Position


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an action ends. Of several that fit the first one counts; where none does, it ends well.

    Attributes:
        do: the action's name.
        about: only in runs about this; in all runs where it is left out.
        ends: `finished`, `failed`, `unknown` (nobody can tell whether it was done), or `later` (it was not done, and is
            tried again).
        times: for so many attempts, then no more; for all of them where it is left out.
        share: for so many of the attempts, drawn by `seed`.
        message: what it says.
        with_: what else it tells; rules read it as facts named `receipt.…`.
    """

    do: str
    about: str = ""
    ends: Literal["finished", "failed", "unknown", "later"] = "finished"
    times: Annotated[int, Within(1)] | None = None
    share: Share | None = None
    message: str = ""
    with_: Mapping[Name, bool | str] = field(default_factory=dict)
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:  # noqa: ARG002 - every check has this parameter
        """Yield an action that there is not."""
        if self.do not in ACTIONS:
            place = self.positions.get("do", self.position)
            message = f"`{self.do}`: there is no action of that name."
            yield Problem(rule="unknown-action", position=place, message=message, hint=did_you_mean(self.do, ACTIONS))


@part
@dataclass(frozen=True, slots=True, kw_only=True)
class Occurring:
    """Something that comes at a moment: facts become known, an agent is run, or its runs are told something.

    Attributes:
        after: how long after the beginning.
        at: the moment, where that is said instead.
        facts: what is known from now on. It makes no run look; the schedule does, or `run`.
        run: an agent that is run, as by the schedule: a run of it begins, or the one that goes on looks at the facts.
        tell: an event that the runs of `agent` are told, as `iact runs tell` does.
        answer: what a person says to what the runs of `agent` propose: `approve` or `reject`.
        agent: whose runs are told or answered.
        about: what the run is about, or of which runs the facts are known, or which are told or answered; for `run` the
            project, and else all of them, where it is left out.
        with_: the inputs of a run that begins, or what comes along with an event.
    """

    after: Duration | None = None
    at: Moment | None = None
    facts: GivenFacts = field(default_factory=dict)
    run: Annotated[str, Ref("Agent")] | None = None
    tell: str = ""
    answer: Literal["approve", "reject"] | None = None
    agent: Annotated[str, Ref("Agent")] | None = None
    about: str = ""
    with_: Mapping[Name, str] = field(default_factory=dict)
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def moment(self, begin: datetime) -> datetime:
        """Return when it comes, in a play that begins at a moment."""
        if self.at is not None:
            return self.at
        return begin + self.after.timedelta if self.after is not None else begin

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield what contradicts itself, facts that nothing supplies, and events and inputs that the agent lacks."""
        if (self.after is None) == (self.at is None):
            yield self._wrong("one-of", "", "say either `after`, how long after the beginning, or `at`, the moment.")
        done = [name for name in ("run", "tell", "answer") if getattr(self, name)]
        if len(done) > 1 or not (done or self.facts):
            yield self._wrong("one-of", "", "say `facts`, and at most one of `run`, `tell` and `answer`.")
        needs_agent = bool(self.tell or self.answer)
        if needs_agent != (self.agent is not None):
            yield self._wrong("one-of", "agent", "`agent` says whose runs `tell` or `answer` is for.")
        place = self.positions.get("facts", self.position)
        yield from facts_wrong(self.facts, place, scope)
        yield from self._check_agent(scope)

    def _check_agent(self, scope: Scope) -> Iterator[Problem]:
        agent: Any = scope.spec("Agent", self.run or self.agent or "")
        if agent is None:
            return
        if self.run:
            yield from inputs_wrong(self.with_, self.positions.get("with", self.position), agent)
        known = sorted({way.event for state in agent.states.values() for way in state.next if way.event})
        if self.tell and self.tell not in known:
            hint = did_you_mean(self.tell, known) or f"It knows {', '.join(known) or 'none'}."
            yield replace(self._wrong("unknown-event", "tell", f"the agent knows no event `{self.tell}`."), hint=hint)

    def _wrong(self, rule: str, key: str, message: str) -> Problem:
        return Problem(rule=rule, position=self.positions.get(key, self.position), message=message)


@kind("Scenario", folder="scenarios")
@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What is given, what comes and how actions end, while `iact simulate` plays the project forward.

    Nothing is done and nothing of the store is changed. What the store and the rules say is known; of all else only
    what is given here.

    Example:
        apiVersion: iact/v1
        kind: Scenario
        metadata: {name: a-bad-monday}
        spec:
          begin: 2026-03-02 09:00Z
          facts: {check.harmed: false}
          then:
            - {after: 2h, run: pdca}
            - {after: 26h, facts: {check.harmed: {value: true, for: 10m}}}
            - {after: 30h, tell: stop_requested, agent: pdca}
          outcomes:
            - {do: apply_change, ends: later, times: 2, message: the server asks for patience}
            - {do: apply_change, with: {applied_at: 2026-03-02 11:00Z}}

    Attributes:
        begin: the moment at which the play begins; the present where it is left out.
        seed: draws what `share` of outcomes leaves open; the same seed draws the same.
        facts: what is known from the beginning.
        then: what comes, at its moment.
        outcomes: how actions end.
    """

    begin: Moment | None = None
    seed: Annotated[int, Within(0)] = 1
    facts: GivenFacts = field(default_factory=dict)
    then: tuple[Occurring, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    position: Position = NOWHERE
    positions: Mapping[str, Position] = field(default_factory=dict)

    def check(self, scope: Scope) -> Iterator[Problem]:
        """Yield facts that nothing supplies, and what would come before the beginning."""
        place = self.positions.get("facts", self.position)
        yield from facts_wrong(self.facts, place, scope)
        for one in self.then:
            if one.at is not None and self.begin is not None and one.at < self.begin:
                where = one.positions.get("at", one.position)
                message = "it would come before the play begins (`begin`)."
                yield Problem(rule="invalid-value", position=where, message=message)
