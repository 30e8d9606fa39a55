"""What is common to all that is recorded of one repository."""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Connection

from iact.dora.tables import parameters_of


class Rows:
    """Rows of one repository in some of the delivery tables.

    Args:
        connection: in the transaction that it all belongs to.
        project: the project.
        repository: the repository's key in it.
    """

    def __init__(self, connection: Connection, project: str, repository: str) -> None:
        self._connection = connection
        self._named = parameters_of(project, repository)
        self._key: dict[str, Any] = {"project": project, "repository": repository}
