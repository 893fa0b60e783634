"""How loud tracks are, and their waveforms."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "measures",
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("loudness", sa.Double[float](), nullable=True),
        sa.Column("peak", sa.Double[float](), nullable=True),
        sa.Column("opus", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("stamp", sa.Text(), nullable=False),
        sa.Column("waveform", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("ref", name=op.f("pk_measures")),
    )


def downgrade() -> None:
    op.drop_table("measures")
