"""What a turn cost whom: who approved of it, where it began in its person's account, whether it was forced."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("approvers", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("turns", sa.Column("start", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("turns", sa.Column("forced", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    for name in ("forced", "start", "approvers"):
        op.drop_column("turns", name)
