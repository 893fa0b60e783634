"""Who acts: slots are leased, by the database's clock, and fenced by our own."""

import zlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from time import monotonic

from sqlalchemy import case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.ports.places import RoomRef
from db.engine import Database
from db.models import slots as _slots
from db.statements import among, database_now, insert_or_ignore

TTL = 10.0
"""Seconds that a lease lives without renewal."""
RENEW = 3.0
"""Seconds between renewals."""
FENCE = 1.0
"""Seconds before the end at which the owner stops by itself: nobody checks epochs at Discord or at a node."""
BUCKETS = 16


def slot(room: RoomRef, shards: int = 1) -> str:
    """The slot of a room: the shard of its guild for its bot account, or a bucket of rooms without a guild."""
    if room.guild is None:
        return f"bucket:{zlib.crc32(room.room.encode()) % BUCKETS}"
    return f"shard:{room.bot_account}:{shards}:{(room.guild >> 22) % shards}"


def buckets() -> list[str]:
    """Every slot of rooms without a guild."""
    return [f"bucket:{number}" for number in range(BUCKETS)]


@dataclass(frozen=True, slots=True)
class _Lease:
    epoch: int
    renewed: float
    """By the monotonic clock, taken before the database was asked."""


class SqlLeases:
    """`core.ports.leases.Leases` on a database."""

    def __init__(self, database: Database, instance: str, *, ttl: float = TTL) -> None:
        self._database = database
        self._instance = instance
        self._ttl = ttl
        self._held: dict[str, _Lease] = {}

    async def take(self, slots: Iterable[str]) -> Collection[str]:
        """Ask for slots; those that are ours now (see the port)."""
        asked = monotonic()
        wanted = sorted(slots)  # everybody locks rows in one order
        granted: dict[str, int] = {}
        async with self._database.write() as connection:
            blank = [{"id": slot, "owner": "", "epoch": 0, "until": 0} for slot in wanted]
            if blank:
                await connection.execute(insert_or_ignore(_slots, self._database.dialect), blank)
            now = await _now(connection)
            for slot in wanted:
                epoch = await connection.scalar(self._claim(slot, now))
                if epoch is not None:
                    granted[slot] = epoch
        self._held |= {slot: _Lease(epoch, asked) for slot, epoch in granted.items()}
        return granted.keys()

    def _claim(self, slot: str, now: int):  # noqa: ANN202 -- SQLAlchemy's type of it has no short name
        free = (_slots.c.owner == self._instance) | (_slots.c.until < now)
        until = now + int(self._ttl * 1000)
        values = {"owner": self._instance, "epoch": _slots.c.epoch + 1, "until": until, "former": self._former}
        return update(_slots).where(_slots.c.id == slot, free).values(values).returning(_slots.c.epoch)

    @property
    def _former(self):  # noqa: ANN202 -- SQLAlchemy's type of it has no short name
        """Who else held a slot before; whoever gave it back is known already."""
        return case((_slots.c.owner.in_(["", self._instance]), _slots.c.former), else_=_slots.c.owner)

    async def former(self) -> Collection[str]:
        """The slots that this instance held when its last process ended without giving them back."""
        async with self._database.read() as connection:
            return set(await connection.scalars(select(_slots.c.id).where(_slots.c.owner == self._instance)))

    async def renew(self) -> Collection[str]:
        """Prolong every slot that is held; the slots that were lost (see the port)."""
        if not self._held:
            return set()
        asked = monotonic()
        held = {slot: lease.epoch for slot, lease in self._held.items()}
        mine = (_slots.c.owner == self._instance) & among(_slots.c.id, list(held), self._database.dialect)
        async with self._database.write() as connection:
            until = await _now(connection) + int(self._ttl * 1000)
            renewed = await connection.execute(
                update(_slots).where(mine).values(until=until).returning(_slots.c.id, _slots.c.epoch)
            )
            kept = {row.id for row in renewed if row.epoch == held[row.id]}
        self._held |= {slot: _Lease(held[slot], asked) for slot in kept}
        lost = held.keys() - kept
        for slot in lost:
            del self._held[slot]
        return lost

    async def release(self) -> None:
        """Give every slot back (see the port)."""
        held = list(self._held)
        self._held.clear()
        mine = (_slots.c.owner == self._instance) & among(_slots.c.id, held, self._database.dialect)
        async with self._database.write() as connection:
            await connection.execute(update(_slots).where(mine).values(owner="", until=0, former=self._instance))

    def holds(self, slot: str) -> bool:
        """Whether effects may be done (see the port)."""
        lease = self._held.get(slot)
        return lease is not None and monotonic() < lease.renewed + self._ttl - FENCE

    def epoch(self, slot: str) -> int:
        """The epoch of the latest grant; 0 without one."""
        lease = self._held.get(slot)
        return lease.epoch if lease else 0


async def _now(connection: AsyncConnection) -> int:
    """One time for all slots: they end together, so that whoever waits for them gets all of them."""
    return await connection.scalar(select(database_now())) or 0
