"""What Alembic runs to apply the revisions; the connection is handed in by `iact.stores.migrate`."""

from __future__ import annotations

from alembic import context

from iact.stores import rerunnable  # noqa: F401 - makes Alembic's steps on MySQL and MariaDB repeatable
from iact.stores.metadata import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    iact_connection=connection,
    # MySQL and MariaDB commit every statement that changes a table; there each revision is noted when it is done.
    transactional_ddl=connection.dialect.name == "sqlite",
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
