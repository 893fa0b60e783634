"""Sessions with nodes, and who held a slot before."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("slots", sa.Column("former", sa.Text(), server_default="", nullable=False))
    op.create_table(
        "node_sessions",
        sa.Column("instance", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("session", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("instance", "node", name=op.f("pk_node_sessions")),
    )


def downgrade() -> None:
    op.drop_table("node_sessions")
    op.drop_column("slots", "former")
