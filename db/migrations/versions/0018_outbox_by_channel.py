"""What waits in the outbox is found by its channel."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_outbox_channel_state_due_at", "outbox", ["channel", "state", "due_at"], if_not_exists=True)


def downgrade() -> None:
    op.drop_index("ix_outbox_channel_state_due_at", "outbox")
