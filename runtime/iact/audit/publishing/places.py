"""Which places the rules of a project name."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from iact.audit.publishing.git_ref import GitRef
from iact.audit.publishing.mail import Mail
from iact.audit.publishing.webhook import Webhook
from iact.audit.publishing.witness import WitnessPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iact.audit.publishing.model import Place
    from iact.config.model.publish import Publish
    from iact.config.project import Project

ENOUGH: Final = 2
"""To how many places checkpoints should go: then it takes two others who look away."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Where a project publishes the checkpoints of its log.

    Attributes:
        places: where to.
        every: how long a place may go without the newest one.
        witnesses: who signs them before they go there.
    """

    places: tuple[Place, ...] = ()
    every: timedelta = field(default=timedelta(hours=1))
    witnesses: tuple[Place, ...] = ()

    @property
    def everywhere(self) -> tuple[Place, ...]:
        """All that a checkpoint goes to, in this order."""
        return self.witnesses + self.places


def publishing_of(project: Project) -> Publishing:
    """Return where the rules of a project have checkpoints go."""
    audit = project.settings.audit
    witnesses = tuple(WitnessPlace(one) for one in audit.witnesses)
    if audit.publish is None:
        return Publishing(witnesses=witnesses)
    return Publishing(tuple(_places(audit.publish, project)), audit.publish.every.timedelta, witnesses)


def _places(publish: Publish, project: Project) -> Iterator[Place]:
    if publish.git is not None:
        yield GitRef(publish.git, project.root)
    if publish.webhook is not None:
        yield Webhook(publish.webhook, project.root)
    if publish.mail is not None:
        yield Mail(publish.mail, project.root)
