"""Who approved of a turn: the proportional order charges them."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turns", sa.Column("approvers", sa.JSON(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("turns", "approvers")
