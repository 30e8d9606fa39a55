"""Which deployments failed, by the rules that a project switched on; decisions only.

A change that is reverted after it was deployed says that the deployment that brought it failed, from then until the
revert was deployed. A hot fix says the same of the deployment before it. Reverting what users never got is no failure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from iact.dora.records import Deployment, Failure

SOURCE: Final = "git"
EVIDENCE_LENGTH: Final = 500
_SHOWN: Final = 12
_MENTIONED: Final = 5
_LONGEST_CHAIN: Final = 100
"""Reverts of reverts of reverts: nobody follows more, and messages that name each other must come to an end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revert:
    """One change that takes another back.

    Attributes:
        sha: the change that reverts.
        deployment: the key of its first deployment; None while it waits for one.
        reverted: the change that it takes back.
        reverted_deployment: likewise, the first deployment of that change.
    """

    sha: str
    deployment: str | None
    reverted: str
    reverted_deployment: str | None


def failures_by_revert(reverts: Collection[Revert], deployments: Mapping[str, Deployment]) -> list[Failure]:
    """Judge every revert.

    A revert of a revert brings the first change back, so it is no failure; a revert of that one is again. A revert
    that was itself taken back before users got it counts for nothing. Several reverts of one change (on a maintenance
    branch, say) are one failure, which ends with the first of them that is deployed; and several changes of one
    deployment whose reverts were deployed together are one failure, too.

    Args:
        reverts: every pair of a reverting and a reverted change.
        deployments: all deployments by their key.

    Returns:
        The failures, ordered by key.
    """
    withdrawing = _withdrawing(reverts)
    taken_back_unseen = _taken_back_unseen(reverts)
    by_change: dict[str, list[Revert]] = {}
    for revert in reverts:
        counts = revert.sha in withdrawing and not taken_back_unseen(revert.sha)
        if counts and _came_later(revert, deployments):
            by_change.setdefault(revert.reverted, []).append(revert)
    by_repair: dict[tuple[str, str | None], list[str]] = {}
    for change in sorted(by_change):
        repair = _first_repair(by_change[change], deployments)
        by_repair.setdefault((by_change[change][0].reverted_deployment or "", repair), []).append(change)
    found = [
        _reverted(deployments[failed], deployments.get(repair or ""), changes)
        for (failed, repair), changes in by_repair.items()
    ]
    return sorted(found, key=lambda failure: failure.key)


def failures_by_hotfix(
    deployments: Mapping[str, Deployment], within: timedelta, only_patch_grew: Callable[[str, str], bool]
) -> list[Failure]:
    """Judge every deployment whose previous one is known.

    Args:
        deployments: all deployments by their key.
        within: how soon after the previous deployment a hot fix comes.
        only_patch_grew: says whether only the patch part of the version is higher in the first name than in the second.

    Returns:
        One failure of the previous deployment for each hot fix, ordered by key.
    """
    return sorted(_hotfixes(deployments, within, only_patch_grew), key=lambda failure: failure.key)


def without_doubles(reverts: Iterable[Failure], hotfixes: Iterable[Failure]) -> list[Failure]:
    """Return all failures, leaving out the hot fixes that only shipped a revert which is a failure already."""
    found = list(reverts)
    told = {(failure.deployment, failure.restored_by) for failure in found}
    return found + [failure for failure in hotfixes if (failure.deployment, failure.restored_by) not in told]


def _withdrawing(reverts: Collection[Revert]) -> frozenset[str]:
    """Return the changes that take work back, and not a revert: in a chain of reverts every second one does."""
    targets: dict[str, list[str]] = {}
    for revert in reverts:
        targets.setdefault(revert.sha, []).append(revert.reverted)
    decided: dict[str, bool] = {}
    for sha in targets:
        chain = [sha]
        # Messages can say anything, so a circle of reverts has to end as well.
        while chain[-1] in targets and chain[-1] not in decided and chain[-1] not in chain[:-1]:
            chain.append(targets[chain[-1]][0])
        takes_back = decided.get(chain[-1], False)
        for link in reversed(chain[:-1]):
            takes_back = not takes_back
            decided[link] = takes_back
    return frozenset(sha for sha, takes_back in decided.items() if takes_back)


def _taken_back_unseen(reverts: Collection[Revert]) -> Callable[[str], bool]:
    """Return the question whether a change was taken back before users got it, and stayed so."""
    takers: dict[str, list[str]] = {}
    for revert in reverts:
        if revert.deployment == revert.reverted_deployment:
            takers.setdefault(revert.reverted, []).append(revert.sha)

    def taken_back(sha: str, seen: frozenset[str] = frozenset()) -> bool:
        if len(seen) > _LONGEST_CHAIN:
            return False
        return any(not taken_back(taker, seen | {sha}) for taker in takers.get(sha, ()) if taker not in seen)

    return taken_back


def _came_later(revert: Revert, deployments: Mapping[str, Deployment]) -> bool:
    """Return whether the reverted change was deployed, and the revert only after that or not yet."""
    if revert.reverted_deployment is None or revert.deployment == revert.reverted_deployment:
        return False
    if revert.deployment is None:
        return True
    # At the same second the reverted change's deployment was the first: it is the first one that contains the change.
    return deployments[revert.reverted_deployment].deployed_at <= deployments[revert.deployment].deployed_at


def _first_repair(reverts: Iterable[Revert], deployments: Mapping[str, Deployment]) -> str | None:
    """Return the key of the first deployment that contains one of the reverts; None while there is none."""
    repairs = [deployments[revert.deployment] for revert in reverts if revert.deployment is not None]
    first = min(repairs, key=lambda deployment: (deployment.deployed_at, deployment.key), default=None)
    return None if first is None else first.key


def _reverted(failed: Deployment, repair: Deployment | None, changes: list[str]) -> Failure:
    shown = ", ".join(change[:_SHOWN] for change in changes[:_MENTIONED])
    more = f" and {len(changes) - _MENTIONED} more" if len(changes) > _MENTIONED else ""
    return Failure(
        key=f"revert/{changes[0]}",
        kind="revert",
        deployment=failed.key,
        started_at=failed.deployed_at,
        restored_at=None if repair is None else repair.deployed_at,
        restored_by=None if repair is None else repair.key,
        evidence=f"{failed.name} brought {shown}{more}, reverted {_where(repair)}"[:EVIDENCE_LENGTH],
        source=SOURCE,
    )


def _where(repair: Deployment | None) -> str:
    return "and not yet deployed" if repair is None else f"in {repair.name}"


def _hotfixes(
    deployments: Mapping[str, Deployment], within: timedelta, only_patch_grew: Callable[[str, str], bool]
) -> Iterator[Failure]:
    for deployment in deployments.values():
        failed = deployments.get(deployment.previous or "")
        if failed is None or not timedelta(0) <= deployment.deployed_at - failed.deployed_at <= within:
            continue
        if only_patch_grew(deployment.name, failed.name):
            yield Failure(
                key=f"hotfix/{deployment.key}",
                kind="hotfix",
                deployment=failed.key,
                started_at=failed.deployed_at,
                restored_at=deployment.deployed_at,
                restored_by=deployment.key,
                evidence=f"{deployment.name} is a hot fix of {failed.name}"[:EVIDENCE_LENGTH],
                source=SOURCE,
                confidence="medium",
            )
