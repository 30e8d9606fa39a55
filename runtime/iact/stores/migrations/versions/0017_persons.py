"""Who said something, and in which words: beside the journal, so that it can be erased. What activated rules do."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from iact.stores.columns import COMMITMENT, PROJECT, RUN, Instant, content, identifier, salt

revision = "0017"
down_revision = "0016"
compatible_from = "0007"
undoing_loses = "who stands behind the pseudonyms of the journal, and what people wrote"


def upgrade() -> None:
    """Make the tables; entries that are there already go on naming people themselves."""
    op.create_table(
        "persons",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("pseudonym", COMMITMENT, nullable=False, comment="salted digest of the name; stands in the journal"),
        sa.Column("name", identifier(255), nullable=False),
        sa.Column("salt", salt(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "pseudonym", name="pk_persons"),
        sa.UniqueConstraint("project", "name", name="uq_persons_name"),
        comment="Who stands behind a pseudonym of the journal; a row is deleted when the person is erased",
    )
    op.create_table(
        "remarks",
        sa.Column("project", PROJECT, nullable=False),
        sa.Column("token", COMMITMENT, nullable=False, comment="salted digest of the words; stands in the journal"),
        sa.Column("salt", salt(), nullable=False),
        sa.Column("words", content(), nullable=False),
        sa.Column("person", COMMITMENT, nullable=False, comment="pseudonym of who wrote them"),
        sa.Column("run", RUN, nullable=False, comment="the run that they are about"),
        sa.Column("written_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("project", "token", name="pk_remarks"),
        comment="What people wrote; a row is deleted when the person is erased",
    )
    op.create_index("ix_remarks_person", "remarks", ["project", "person"])
    op.add_column(
        "activations",
        sa.Column(
            "modes", content(), nullable=True, comment="of each agent in these rules; null where it was not kept"
        ),
    )


def downgrade() -> None:
    """Drop them again; the journal is left as it is."""
    op.drop_column("activations", "modes")
    op.drop_table("remarks")
    op.drop_table("persons")
