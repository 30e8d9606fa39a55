"""A place of the web that takes checkpoints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from iact.audit.notes import Signature
from iact.audit.publishing.model import Kept, Publication, RefusedError, Unseen
from iact.audit.publishing.web import post
from iact.config.model.publish import WEB_FORM, PublishToWeb, web_problems
from iact.config.secret_reading import read_secret
from iact.core.errors import ConfigurationError
from iact.core.tree import NOWHERE

_SECRETIVE: Final = 5
"""From how many letters on a part of an address that is a secret is shown to nobody."""


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
        """Where that is, or where the address is kept."""
        return self.settings.url

    def publish(self, publication: Publication, after: Kept | None) -> Signature | None:  # noqa: ARG002 - every place has this parameter
        """Send a checkpoint, to which nothing is added.

        Raises:
            RefusedError: if it is not taken.
            ConfigurationError: if the token is not there.
        """
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        url, hidden = self._url()
        if self.settings.token is not None:
            token = read_secret(self.settings.token, self.root)
            headers["Authorization"] = f"Bearer {token}"
            hidden = (*hidden, token)
        reply = post(url, publication.note, headers)
        if not reply.is_success:
            # Some servers repeat what they do not accept.
            for secret in hidden:
                reply = reply.hiding(secret)
            message = f"the webhook answers {reply.said()}"
            raise RefusedError(message)
        return None

    def _url(self) -> tuple[str, tuple[str, ...]]:
        """Return the address, and what of it nobody may be shown.

        Raises:
            ConfigurationError: if it is not there, or nothing can be sent to it.
        """
        kept = self.settings.kept_url
        if kept is None:
            return self.settings.url, ()
        url = read_secret(kept, self.root)
        if any(web_problems(url, NOWHERE)):
            message = f"{kept}: what is kept there is not shown, and is no address like {WEB_FORM}. Store it again."
            raise ConfigurationError(message)
        parts = urlsplit(url)
        words = re.split(r"[/?&=]", f"{parts.path}?{parts.query}")
        found = {url, url.partition(parts.netloc)[2], *words}
        return url, tuple(sorted((one for one in found if len(one) >= _SECRETIVE), key=len, reverse=True))
