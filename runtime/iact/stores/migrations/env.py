"""What Alembic runs to apply the revisions; the connection is handed in by `iact.stores.migrate`."""

from __future__ import annotations

from alembic import context

from iact.stores.metadata import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
