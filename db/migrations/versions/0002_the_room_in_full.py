"""The room in full: modes, loops, the bin, links, favourites."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TRACK = (
    ("length", sa.BigInteger()),
    ("cover", sa.Text()),
    ("accent", sa.Text()),
    ("uri", sa.Text()),
)


def upgrade() -> None:
    op.add_column("persons", sa.Column("leader", sa.Text(), nullable=True))
    op.create_index(op.f("ix_persons_leader"), "persons", ["leader"])

    op.add_column("rooms", sa.Column("mode", sa.Text(), server_default="fair", nullable=False))
    op.add_column("rooms", sa.Column("loop", sa.Text(), server_default="off", nullable=False))
    op.add_column("rooms", sa.Column("closed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("rooms", sa.Column("cleared", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("rooms", sa.Column("shuffle", sa.JSON(), nullable=True))
    op.add_column("rooms", sa.Column("undo", sa.JSON(), nullable=True))

    op.add_column("entries", sa.Column("seat", sa.BigInteger(), nullable=True))
    op.add_column("entries", sa.Column("starts_at", sa.BigInteger(), nullable=True))
    op.add_column("entries", sa.Column("binned", sa.Boolean(), server_default=sa.false(), nullable=False))

    op.add_column("polls", sa.Column("argument", sa.Text(), nullable=True))
    op.add_column("turns", sa.Column("airtime", sa.BigInteger(), server_default="0", nullable=False))

    op.add_column("plays", sa.Column("artist", sa.Text(), server_default="", nullable=False))
    for name, kind in _TRACK:
        op.add_column("plays", sa.Column(name, kind, nullable=True))

    op.create_table(
        "links",
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("room", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["place"], ["places.id"], name=op.f("fk_links_place"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["room"], ["rooms.id"], name=op.f("fk_links_room"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_links")),
    )
    op.create_index(op.f("ix_links_room"), "links", ["room"])

    op.create_table(
        "favourites",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("artist", sa.Text(), nullable=False),
        *(sa.Column(name, kind, nullable=True) for name, kind in _TRACK),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["persons.id"], name=op.f("fk_favourites_person"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("person", "ref", name=op.f("pk_favourites")),
    )


def downgrade() -> None:
    op.drop_table("favourites")
    op.drop_table("links")
    for table, names in (
        ("plays", ("artist", *(name for name, _ in _TRACK))),
        ("turns", ("airtime",)),
        ("polls", ("argument",)),
        ("entries", ("binned", "starts_at", "seat")),
        ("rooms", ("undo", "shuffle", "cleared", "closed", "loop", "mode")),
    ):
        for name in names:
            op.drop_column(table, name)
    op.drop_index(op.f("ix_persons_leader"), "persons")
    op.drop_column("persons", "leader")
