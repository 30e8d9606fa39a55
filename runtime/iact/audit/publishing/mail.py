"""Somebody who gets checkpoints by mail, on whose server they stay."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from iact.audit.bundles import CHECKPOINT, KEYS, shortened
from iact.audit.notes import Signature
from iact.audit.publishing.deadline import WHOLE_ANSWER, within
from iact.audit.publishing.model import Kept, Publication, RefusedError, Unseen
from iact.config.model.publish import PublishByMail, is_this_machine
from iact.config.secret_reading import read_secret

TIMEOUT: Final = 15.0
"""Seconds that the server may be silent."""
_SUBMISSION: Final = 587
"""Port to which mail is handed in (RFC 6409)."""
_SUBMISSION_BY_TLS: Final = 465
"""The same with TLS from the beginning (RFC 8314)."""

_TEXT: Final = """\
A checkpoint of the log {origin}: it has {size:,} entries.

{note}
Keep this mail. Whoever checks a bundle of this log hands in the attached {file} (`--checkpoint`), and finds by it
whether the log still begins with these entries. The attached keys are to look up; get the one that you trust by another
way.
"""


@dataclass(frozen=True, slots=True)
class Mail(Unseen):
    """An address that gets each checkpoint by mail.

    Attributes:
        settings: which address, and by which server.
        root: the folder that paths of secrets are relative to.
    """

    settings: PublishByMail
    root: Path

    @property
    def name(self) -> str:
        """What it is called in the project."""
        return "mail"

    @property
    def address(self) -> str:
        """Who gets it."""
        return self.settings.to

    def publish(self, publication: Publication, after: Kept | None) -> Signature | None:  # noqa: ARG002 - every place has this parameter
        """Send a checkpoint, to which nothing is added.

        Raises:
            RefusedError: if the server does not take it.
            ConfigurationError: if the password is not there.
        """
        within(WHOLE_ANSWER, urlsplit(self.settings.smtp).netloc, lambda: self._send(publication))
        return None

    def _send(self, publication: Publication) -> None:
        settings = self.settings
        password = None if settings.password is None else read_secret(settings.password, self.root)
        try:
            with self._server() as server:
                if password is not None:
                    server.login(settings.account or settings.sender, password)
                server.send_message(message_of(publication, settings.sender, settings.to))
        except (smtplib.SMTPException, OSError) as error:
            # An answer to a login may repeat what was sent.
            said = "it does not accept the account and its password" if _is_login(error) else _said(error)
            message = f"{urlsplit(settings.smtp).netloc} does not take the mail: {said}"
            raise RefusedError(message) from None

    def _server(self) -> smtplib.SMTP:
        """Return the server, connected so that nobody can read along; on this machine it may be in the open."""
        found = urlsplit(self.settings.smtp)
        host = found.hostname or ""
        trusted = ssl.create_default_context()
        if found.scheme == "smtps":
            return smtplib.SMTP_SSL(host, found.port or _SUBMISSION_BY_TLS, timeout=TIMEOUT, context=trusted)
        server = smtplib.SMTP(host, found.port or _SUBMISSION, timeout=TIMEOUT)
        try:
            if not is_this_machine(host):
                server.starttls(context=trusted)  # a server that cannot is an error, and nothing is sent
        except BaseException:
            server.close()
            raise
        return server


def message_of(publication: Publication, sender: str, to: str) -> EmailMessage:
    """Return the mail with a checkpoint; the same checkpoint makes one that mail programs know as the same.

    Args:
        publication: the checkpoint.
        sender: who sends it.
        to: who gets it.
    """
    message = EmailMessage()
    digest = hashlib.sha256(publication.note).hexdigest()
    message["From"], message["To"] = sender, to
    message["Date"] = format_datetime(publication.at)
    message["Message-ID"] = f"<checkpoint-{publication.size}-{digest[:32]}@{sender.rpartition('@')[2]}>"
    message["Subject"] = f"Checkpoint of {publication.origin}: {publication.size:,} entries"
    message["Auto-Submitted"] = "auto-generated"
    note = publication.note.decode("utf-8")
    text = _TEXT.format(origin=publication.origin, size=publication.size, note=note, file=CHECKPOINT)
    message.set_content(text, cte="base64")
    # Base64 keeps the bytes: a signature does not survive another end of line.
    keys = "".join(f"{key}\n" for key in publication.keys).encode()
    message.add_attachment(publication.note, "text", "plain", filename=CHECKPOINT, cte="base64")
    message.add_attachment(keys, "text", "plain", filename=KEYS, cte="base64")
    return message


def _is_login(error: Exception) -> bool:
    return isinstance(error, smtplib.SMTPAuthenticationError)


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, words = next(iter(error.recipients.values()))
        return f"{code} {shortened(words.decode(errors='replace'))}"
    if isinstance(error, smtplib.SMTPResponseException):
        words = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        return f"{error.smtp_code} {shortened(words.decode(errors='replace'))}"
    return shortened(str(error) or type(error).__name__)
