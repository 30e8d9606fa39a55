"""A place of the web that takes checkpoints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from iact.audit.notes import Signature
from iact.audit.publishing.model import Kept, Publication, RefusedError, Unseen
from iact.audit.publishing.web import post
from iact.config.model.publish import PublishToWeb
from iact.config.secret_reading import read_secret


@dataclass(frozen=True, slots=True)
class Webhook(Unseen):
    """An address that takes each checkpoint as the body of a POST.

    Attributes:
        settings: which address.
        root: the folder that paths of secrets are relative to.
    """

    settings: PublishToWeb
    root: Path

    @property
    def name(self) -> str:
        """What it is called in the project."""
        return "webhook"

    @property
    def address(self) -> str:
        """Where that is."""
        return self.settings.url

    def publish(self, publication: Publication, after: Kept | None) -> Signature | None:  # noqa: ARG002 - every place has this parameter
        """Send a checkpoint, to which nothing is added.

        Raises:
            RefusedError: if it is not taken.
            ConfigurationError: if the token is not there.
        """
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        token = None if self.settings.token is None else read_secret(self.settings.token, self.root)
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        reply = post(self.settings.url, publication.note, headers)
        if not reply.is_success:
            # Some servers repeat what they do not accept.
            said = reply.said() if token is None else reply.hiding(token).said()
            message = f"the webhook answers {said}"
            raise RefusedError(message)
        return None
