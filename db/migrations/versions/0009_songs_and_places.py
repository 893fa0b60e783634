"""What live sources say they play, and where in a track an entry begins and a play ended."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("song", sa.JSON(), nullable=True))
    op.add_column("entries", sa.Column("begins", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("plays", sa.Column("station", sa.Text(), server_default="", nullable=False))
    op.add_column("plays", sa.Column("position", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    for table, name in (("plays", "position"), ("plays", "station"), ("entries", "begins"), ("rooms", "song")):
        op.drop_column(table, name)
