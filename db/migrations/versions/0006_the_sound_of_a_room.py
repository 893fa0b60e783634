"""The sound of a room: its filter, its crossfade, whether tracks are equally loud; and how fast its clock runs."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("clock_rate", sa.Double(), server_default="1", nullable=False))
    op.add_column("rooms", sa.Column("filter", sa.JSON(), nullable=True))
    op.add_column("rooms", sa.Column("crossfade", sa.Integer(), server_default="0", nullable=False))
    op.add_column("rooms", sa.Column("loudness", sa.Boolean(), server_default=sa.true(), nullable=False))


def downgrade() -> None:
    for name in ("loudness", "crossfade", "filter", "clock_rate"):
        op.drop_column("rooms", name)
