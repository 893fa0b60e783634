"""Why a room is heard in no voice channel any more."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("rooms", sa.Column("voice_lost", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("rooms", "voice_lost")
