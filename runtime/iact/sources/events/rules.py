"""What of the things that events tell counts; decisions only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final


class Use(StrEnum):
    """What deployments that events tell of are to those that git shows."""

    REPLACE = "replace"
    ADD = "add"
    IGNORE = "ignore"


DAY: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRules:
    """What of the told counts.

    Attributes:
        deployments: `replace`: between the first and the last deployment that events tell of, what git shows is no
            deployment of its own; `add`: it is; `ignore`: the deployments of events are not looked at.
        environments: shell globs of the environments that count as the one of the project, in any case; none means
            just that one's name.
        pipelines: shell globs of the pipelines whose successful run is a deployment.
        incidents_within: how soon after a deployment an incident opens that nothing else links to a deployment.
        incidents_told: whether all incidents are told, so that having none means that there were none; otherwise one
            that was ever told says so.
    """

    deployments: Use = Use.REPLACE
    environments: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    incidents_within: timedelta = DAY
    incidents_told: bool = False

    def is_deployed_to(self, environment: str | None, own: str) -> bool:
        """Return whether an environment counts.

        Args:
            environment: where a deployment went; None counts nowhere.
            own: the name of the project's environment.
        """
        if environment is None:
            return False
        globs = self.environments or (own,)
        return any(fnmatchcase(environment.casefold(), glob.casefold()) for glob in globs)

    def is_deploying(self, pipeline: str | None) -> bool:
        """Return whether a successful run of this pipeline is a deployment."""
        return pipeline is not None and any(fnmatchcase(pipeline, glob) for glob in self.pipelines)
