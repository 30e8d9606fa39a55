"""What PDCA does to the world: make a change, and take it back. Each can be asked whether it was done already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from iact.core import instants
from iact.core.errors import IactError
from iact.core.facts import FactSet
from iact.core.registry import Receipt, action
from iact.engine.context import ActionContext
from iact.pdca.branch import Attempt, BranchError, Made, Repository
from iact.pdca.facts import kept_plan
from iact.pdca.model import Improvement
from iact.pdca.pinned import improvement_of, patch_of
from iact.pdca.plan import Trial

NO_REPOSITORY: Final = "this process was not told where the repository is; run it with --repo"


class _NothingPlannedError(Exception):
    """The machine asked for a change that no plan names."""


@action("apply_change")
class ApplyChange:
    """Make the change that the plan names: set a parameter, commit a patch on a branch, or note that people began."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:  # noqa: ARG002 - the protocol's
        """Make it."""
        trial, improvement = _trial(context)
        change = improvement.change
        if change.parameter is not None:
            from iact.pdca import parameters  # noqa: PLC0415 - loads SQLAlchemy, which declaring does not need

            return parameters.set_value(change.parameter, context)
        if change.patch is not None:
            return _commit_patch(trial, context)
        return applied(context.now, str(change), f"People were asked to: {change}")

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:  # noqa: ARG002 - as above
        """Return what an attempt that was cut short had done; None where it had done nothing."""
        trial, improvement = _trial(context)
        change = improvement.change
        if change.parameter is not None:
            from iact.pdca import parameters  # noqa: PLC0415 - as above

            return parameters.was_set(context)
        if change.patch is not None and (git := _git(context)):
            attempt = _attempt(trial, context)
            made = git.made_by(attempt.branch, attempt.key)
            return _patch_receipt(made, context.now) if made else None
        return None


@action("revert_change")
class RevertChange:
    """Take the change back, exactly: the parameter's previous value, the branch gone or reverted."""

    def perform(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt:  # noqa: ARG002 - the protocol's
        """Take it back; doing so twice is the same as once."""
        trial, improvement = _trial(context)
        change = improvement.change
        if change.parameter is not None:
            from iact.pdca import parameters  # noqa: PLC0415 - as above

            return parameters.reset(change.parameter, context)
        if change.patch is not None:
            return _take_patch_back(trial, context)
        return Receipt(succeeded=True, detail={"what": str(change)}, message=f"People were asked to stop: {change}")

    def check(self, arguments: Mapping[str, Any], context: ActionContext) -> Receipt | None:
        """Return what an attempt that was cut short had done; None where it had done nothing."""
        trial, improvement = _trial(context)
        change = improvement.change
        if change.parameter is not None:
            from iact.pdca import parameters  # noqa: PLC0415 - as above

            return parameters.was_reset(context)
        if change.patch is not None and (git := _git(context)):
            made = made_by(context.remembered)
            done = git.taken_back(_attempt(trial, context), made) if made else None
            return self.perform(arguments, context) if done else None
        return None


def _trial(context: ActionContext) -> tuple[Trial, Improvement]:
    plan = kept_plan(context.remembered)
    if plan is None or plan.trial is None:
        message = "no plan was made"
        raise _NothingPlannedError(message)
    return plan.trial, improvement_of(context.definitions, plan.trial.improvement)


def applied(at: datetime, what: str, message: str, **reference: str) -> Receipt:
    """Return the receipt of a change that is in effect.

    Args:
        at: since when.
        what: what was changed, in a few words.
        message: the same as a sentence.
        reference: by what it is found again.
    """
    return Receipt(
        succeeded=True, detail={"applied_at": instants.write(at), "what": what, **reference}, message=message
    )


def _git(context: ActionContext) -> Repository | None:
    path = context.services.get("repository")
    return Repository(path, context.services.get("git_rules")) if path is not None else None


def _attempt(trial: Trial, context: ActionContext) -> Attempt:
    return Attempt(improvement=trial.improvement, run=context.run, key=context.key, at=context.now)


def _commit_patch(trial: Trial, context: ActionContext) -> Receipt:
    patch = patch_of(context.definitions, trial.improvement)
    if patch is None:
        return Receipt(succeeded=False, message=f"the patch of {trial.improvement} was not found when the run started")
    attempt = _attempt(trial, context)
    if context.services.get("pretend"):
        return applied(context.now, f"branch {attempt.branch}", f"The patch would be committed on {attempt.branch}.")
    try:
        git = _git(context)
        if git is None:
            return Receipt(succeeded=False, message=NO_REPOSITORY)
        made = git.attempt(attempt, patch, f"Try {trial.improvement}")
    except (BranchError, IactError) as error:
        return Receipt(succeeded=False, message=str(error))
    return _patch_receipt(made, context.now)


def _patch_receipt(made: Made, at: datetime) -> Receipt:
    message = f"The patch was committed on the branch {made.branch}; it takes effect when that is merged."
    what = f"branch {made.branch} at {made.commit[:12]}"
    return applied(at, what, message, branch=made.branch, commit=made.commit, onto=made.onto)


def made_by(remembered: FactSet) -> Made | None:
    """Return the branch that a run has made, or None."""
    branch, commit, onto = (remembered[f"receipt.{name}"].value for name in ("branch", "commit", "onto"))
    if not isinstance(branch, str) or not isinstance(commit, str):
        return None
    return Made(branch, commit, onto if isinstance(onto, str) else "")


def looked_at(remembered: FactSet, services: Mapping[str, Any]) -> str:
    """Return why what a run has made cannot be taken back just now; empty where it can, or made no branch."""
    made, path = made_by(remembered), services.get("repository")
    if made is None or path is None:
        return ""
    return Repository(path, services.get("git_rules")).looked_at(made)


def _take_patch_back(trial: Trial, context: ActionContext) -> Receipt:
    made = made_by(context.remembered)
    if context.services.get("pretend"):
        return Receipt(succeeded=True, message="The branch would be taken back.")
    try:
        git = _git(context)
        if git is None or made is None:
            return Receipt(succeeded=False, message=NO_REPOSITORY)
        done = git.take_back(_attempt(trial, context), made)
    except (BranchError, IactError) as error:
        return Receipt(succeeded=False, message=str(error))
    if done.made is not None:
        what = f"branch {done.made.branch} reverts {made.commit[:12]}"
        message = f"The change had been merged: merge the branch {done.made.branch}, which reverts it."
        return Receipt(succeeded=True, detail={"what": what, "branch": done.made.branch}, message=message)
    what = f"branch {done.deleted} deleted"
    return Receipt(succeeded=True, detail={"what": what}, message=f"The branch {done.deleted} was deleted.")
