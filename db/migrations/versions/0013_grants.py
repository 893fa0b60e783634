"""Who has which plan, and why."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "grants",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.BigInteger(), nullable=False),
        sa.Column("valid_until", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
        sa.UniqueConstraint("source", "ref", name=op.f("uq_grants_source_ref")),
    )
    op.create_index(op.f("ix_grants_subject"), "grants", ["subject"])
    op.create_table(
        "covers",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("place", "subject", name=op.f("pk_covers")),
    )
    op.create_index(op.f("ix_covers_subject"), "covers", ["subject"])
    op.create_table(
        "entitlements",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("spans", sa.JSON(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_entitlements")),
    )
    op.create_index(op.f("ix_entitlements_version"), "entitlements", ["version"])


def downgrade() -> None:
    op.drop_table("entitlements")
    op.drop_table("covers")
    op.drop_table("grants")
