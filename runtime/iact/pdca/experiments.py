"""What people do with PDCA: run it, start and stop an experiment, look at what goes on.

Everything here may be done again at any time: what was done is found and not repeated.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from iact.core import instants
from iact.core.canonical import digest_of
from iact.core.errors import ConfigurationError, FindingError
from iact.core.facts import EMPTY, Fact, FactSet, FactValue
from iact.core.problems import did_you_mean
from iact.core.quantities import Quantity
from iact.engine.definitions import Definition, pins_of
from iact.engine.runtime import Run, Runtime
from iact.pdca.actions import looked_at
from iact.pdca.facts import applied_at, kept_plan
from iact.pdca.model import Improvement, Mode
from iact.pdca.pinned import improvement_of
from iact.pdca.plan import Trial

AGENT: Final = "pdca"
PROPOSED: Final = "proposed"
UNCHANGED: Final = frozenset({"nothing_to_do", "observed"})
"""Endings that looking again at the same figures under the same rules would only repeat."""
IDLE: Final = UNCHANGED | {"refused"}
"""Endings of a plan that leave nothing to be done."""
STOPPABLE: Final = frozenset({"watching", "measuring"})
"""States in which a person can stop an experiment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiments:
    """The experiments on one repository.

    Attributes:
        runtime: where they run.
        definitions: the rules of today; a run keeps those that it started under.
        repository: the repository's key.
        window: the recent time that is looked at first.
        seen: digest of the figures' state; looking again at the same state changes nothing.
        repeatable: whether the same inputs give a run of the same name, as where nobody may act and none is kept.
    """

    runtime: Runtime
    definitions: Sequence[Definition]
    repository: str
    window: Quantity
    seen: str
    repeatable: bool = False

    def run(self) -> Run:
        """Let everything go on and return what matters most of it, as `run_all` does."""
        return self.run_all()[0]

    def run_all(self) -> tuple[Run, ...]:
        """Let what is being tried go on, and plan.

        Returns:
            What was planned, then what people started by name; where there is nothing to plan, what is tried comes
            first.
        """
        started = tuple(self._go_on(run) for run in self._started())
        planned = self._planned()
        return (*started, planned) if started and planned.state in IDLE else (planned, *started)

    def _started(self) -> list[Run]:
        """Return the runs that people started on this repository and that go on, newest first."""
        return [run for run in self.runtime.active_runs(AGENT) if run.subject.startswith(f"{self.repository}/")]

    def _go_on(self, run: Run) -> Run:
        self.runtime.look(run.run, key=f"{run.visit}/{self.seen}")
        return self.runtime.advance(run.run)

    def _planned(self) -> Run:
        """Plan, or go on with what was planned; a proposal that is outdated gives way to a new one."""
        active = self.runtime.active(AGENT, self.repository)
        if active is None:
            return self._plan()
        if active.state == PROPOSED and dict(active.pins) != pins_of(self.definitions):
            self.runtime.tell(active.run, "rules_changed", key=f"rules/{self.seen}")
            found = self.runtime.advance(active.run)
        else:
            found = self._go_on(active)
        return self._plan() if found.state == "superseded" else found

    def start(self, improvement: str, by: str = "") -> Run:
        """Start an experiment, whether it was proposed or not.

        Args:
            improvement: what is to be tried.
            by: who says so; empty where no person does.

        Raises:
            ConfigurationError: if there is no such improvement, it was started already, or its metric is taken.
            FindingError: if it is only observed, or its metric is not known, so that nothing could be compared.
        """
        self._expect_known(improvement)
        for run, trial in self.trials():
            if trial.improvement == improvement and run.state != PROPOSED:
                since = applied_at(run.remembered)
                when = f" on {instants.show(since)}" if since else ""
                message = f"{improvement} was started already{when} (state {run.state}). See: iact pdca status"
                raise ConfigurationError(message)
        self._expect_tried(improvement)
        self._expect_free(improvement)
        for run, trial in self.trials():
            if trial.improvement == improvement:
                self.runtime.tell(run.run, "start_requested", facts=self._told_by(by), key="start")
                return self.runtime.advance(run.run)
        run = self._begin(f"{self.repository}/{improvement}", improvement, by)
        if run.state == "nothing_to_do":
            metric = self._definition_of(improvement).expect.metric
            message = (
                f"{improvement} cannot be started: {metric} is not known before it, so nothing could be compared. "
                f"See: iact pdca plan {improvement}"
            )
            raise FindingError(message)
        return run

    def stop(self, improvement: str, by: str = "") -> Run:
        """Stop an experiment and take its change back, by the rules it was started under: today's may lack it.

        Args:
            improvement: what is being tried.
            by: who says so; empty where no person does.

        Raises:
            ConfigurationError: if there is no such improvement, or it is not being tried.
            FindingError: if somebody has its branch checked out.
        """
        for run, trial in self.trials():
            if trial.improvement == improvement and run.state in STOPPABLE:
                if reason := looked_at(run.remembered, self.runtime.host.services):
                    message = f"{improvement} goes on: {reason.partition(', so')[0]}. Check out another branch there, "
                    raise FindingError(f"{message}then stop it again.")
                self.runtime.tell(run.run, "stop_requested", facts=self._told_by(by), key=f"stop/{run.visit}")
                return self.runtime.advance(run.run)
        tried = [trial.improvement for run, trial in self.trials() if run.state in STOPPABLE]
        self._expect_known(improvement, *tried)
        message = f"{improvement} is not being tried, so there is nothing to stop. "
        message += f"Being tried: {', '.join(tried)}." if tried else "Nothing is."
        raise ConfigurationError(message)

    def trials(self) -> Iterator[tuple[Run, Trial]]:
        """Walk the runs on this repository that go on and have a plan, newest first."""
        for run in self.runtime.active_runs(AGENT):
            plan = kept_plan(run.remembered)
            if plan is not None and plan.trial is not None and plan.trial.repository == self.repository:
                yield run, plan.trial

    def _plan(self) -> Run:
        last = self.runtime.last(AGENT, self.repository)
        if last is not None and last.state in UNCHANGED and last.inputs["input.seen"].value == self.seen:
            return last
        return self._begin(self.repository, "")

    def _told_by(self, person: str) -> FactSet:
        if not person:
            return EMPTY
        return FactSet.of([Fact(name="event.by", value=self.runtime.pseudonym(person), source="person")])

    def _begin(self, subject: str, improvement: str, by: str = "") -> Run:
        """Start a run; of one that a person asked for by name its inputs say who did."""
        inputs: dict[str, FactValue] = {
            "repository": self.repository,
            "window": self.window,
            "improvement": improvement,
            "seen": self.seen,
        }
        if by:
            inputs["by"] = self.runtime.pseudonym(by)
        facts = FactSet.of(Fact(name=f"input.{name}", value=value, source="input") for name, value in inputs.items())
        name = self._name(subject, facts) if self.repeatable else ""
        run = self.runtime.start(AGENT, definitions=self.definitions, subject=subject, inputs=facts, name=name)
        return self.runtime.advance(run)

    def _name(self, subject: str, inputs: FactSet) -> str:
        digest = digest_of([subject, inputs.to_record(), pins_of(self.definitions)])
        return f"run-{uuid.uuid5(uuid.NAMESPACE_OID, digest)}"

    def _expect_known(self, improvement: str, *tried: str) -> None:
        today = (definition.name for definition in self.definitions if definition.kind == "Improvement")
        known = [*dict.fromkeys((*today, *tried))]
        if improvement not in known:
            hint = did_you_mean(improvement, known) or f"There is {', '.join(sorted(known)) or 'none'}."
            message = f"there is no Improvement named {improvement}. {hint}"
            raise ConfigurationError(message)

    def _expect_tried(self, improvement: str) -> None:
        if self._definition_of(improvement).mode is Mode.OBSERVE:
            message = f"{improvement} is only observed (mode: observe), so nothing was started. "
            raise FindingError(f"{message}Set `mode: propose` to be able to try it.")

    def _expect_free(self, improvement: str) -> None:
        metric = self._definition_of(improvement).expect.metric
        for run, trial in self.trials():
            if trial.metric == metric and run.state != PROPOSED:
                message = (
                    f"{trial.improvement} is being tried on {metric} (state {run.state}); two on one metric "
                    f"could not be told apart. Wait for its verdict, or stop it: iact pdca stop {trial.improvement}"
                )
                raise ConfigurationError(message)

    def _definition_of(self, improvement: str) -> Improvement:
        return improvement_of({definition.pin: definition for definition in self.definitions}, improvement)
