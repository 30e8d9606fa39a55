"""Which log is a project's: what it is called, where its secret key is, and where its archive is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iact.audit.key_files import make_key, next_to, read_key
from iact.audit.keys import parse_secret
from iact.audit.notes import NoteError
from iact.config.secret_reading import read_secret
from iact.core.errors import ConfigurationError, EnvironmentProblemError
from iact.stores.connect import make_folder

if TYPE_CHECKING:
    from iact.audit.notes import Signer
    from iact.config.project import Project
    from iact.core.secret_values import SecretReference

KEY_FILE: Final = Path(".iact") / "log.key"
"""Where a key is made that the rules do not name."""
SIGNED_FILE: Final = Path(".iact") / "log.signed"
"""Where the newest checkpoint is kept that a machine has signed; wherever the key is, here can be written."""


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Which log is a project's.

    Attributes:
        origin: what it is called in its checkpoints.
        root: the project's folder.
        key: where its secret key is kept; None for a file that is made.
        archive: the folder of its archive.
    """

    origin: str
    root: Path
    key: SecretReference | None
    archive: Path

    @property
    def key_file(self) -> Path | None:
        """The file of the secret key; None where it is kept in the environment."""
        if self.key is None:
            return self.root / KEY_FILE
        return self.root / self.key.name if self.key.store == "file" else None

    @property
    def signed_file(self) -> Path:
        """The file of the newest checkpoint that this machine has signed."""
        return self.root / SIGNED_FILE

    def signer(self) -> Signer | None:
        """Return the signer whose secret this machine has; None where it has none.

        Raises:
            ConfigurationError: if the rules name a secret that is not there, or is no key.
            EnvironmentProblemError: if the file cannot be read, or holds no key.
        """
        if self.key is None:
            file = self.root / KEY_FILE
            return read_key(file) if file.exists() else None
        try:
            return parse_secret(read_secret(self.key, self.root))
        except NoteError as error:
            message = f"{self.key} is not the key of a log: {error}. Restore it."
            raise ConfigurationError(message) from None

    def signer_of(self, key: str) -> Signer | None:
        """Return the signer of a public key; None where this machine does not have its secret.

        A secret that was to follow, and did not get to its place because somebody was cut off, is put there.

        Args:
            key: as it is written.

        Raises:
            ConfigurationError: as `signer`.
            EnvironmentProblemError: as `signer`.
        """
        file = self.key_file
        if file is not None:
            _put_in_place(next_to(file), file, key)
        signer = self.signer()
        return signer if signer is not None and str(signer.key) == key else None

    def first_signer(self) -> Signer | None:
        """Return the signer of a log that has no key yet: the one that the rules name, or one that is made now.

        Raises:
            ConfigurationError: as `signer`.
            EnvironmentProblemError: as `signer`, or if the file cannot be written.
        """
        if self.key is not None:
            return self.signer()
        file = self.root / KEY_FILE
        make_folder(file.parent)
        return make_key(file, self.origin)


def _put_in_place(following: Path, file: Path, key: str) -> None:
    """Let a secret that is to follow take its place where it is the one that is asked for; another may have done so."""
    try:
        if following.exists() and str(read_key(following).key) == key:
            following.replace(file)
    except (FileNotFoundError, EnvironmentProblemError):
        if following.exists():
            raise


def identity_of(project: Project) -> LogIdentity:
    """Return which log is a project's."""
    audit = project.settings.audit
    return LogIdentity(audit.log or project.name, project.root, audit.key, project.root / audit.archive)
