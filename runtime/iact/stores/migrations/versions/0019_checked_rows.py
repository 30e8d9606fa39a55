"""How far the rows of the journal were compared with the log, and which were not as the log has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import Instant, content, counter

revision = "0019"
down_revision = "0018"
compatible_from = "0007"
undoing_loses = "which rows of the journal were found changed; the next who looks finds them again"


def upgrade() -> None:
    """Add the columns."""
    comment = "place up to which rows were last compared with the log"
    op.add_column("log_heads", sa.Column("checked", counter(), nullable=True, comment=comment))
    op.add_column("log_heads", sa.Column("checked_at", Instant(), nullable=True))
    comment = "rows that were not as the log has them, NULL for none"
    op.add_column("log_heads", sa.Column("damage", content(), nullable=True, comment=comment))


def downgrade() -> None:
    """Drop them again."""
    for name in ("damage", "checked_at", "checked"):
        op.drop_column("log_heads", name)
