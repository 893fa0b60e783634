"""Which rooms this process acts for."""

import asyncio
from collections.abc import Collection, Iterable
from typing import Protocol

import structlog

from core.errors import StoreUnavailableError
from core.ports.places import RoomRef
from db.leases import RENEW, SqlLeases, buckets, slot

log = structlog.get_logger()


class Heir(Protocol):
    """Who takes over what the rooms of a slot left behind. Never raises."""

    async def gain(self) -> None:
        """Slots were granted; their rooms may not be touched before this ends."""
        ...

    async def lose(self) -> None:
        """Slots were lost to another process."""
        ...

    def settled(self) -> None:
        """Whose rooms are whose has changed."""
        ...


class Ownership:
    """The slots that this process wants, and holds while it can. `heir` is told when they come and go."""

    def __init__(self, leases: SqlLeases) -> None:
        self.heir: Heir | None = None
        self._leases = leases
        self._wanted: set[str] = set()
        self._settled: set[str] = set()

    async def start(self) -> None:
        """Ask for the rooms without a guild, and for what an unfinished process of this instance held."""
        await self.want([*buckets(), *await self._leases.former()])

    async def want(self, slots: Iterable[str]) -> None:
        """Ask for slots, now and again whenever they are lost."""
        self._wanted.update(slots)
        await self._take(self._wanted)

    async def want_shards(self, account: int, shards: int) -> None:
        """Ask for all shards of a bot account, in place of those of another number of shards."""
        self._wanted = {name for name in self._wanted if not name.startswith("shard:")}
        await self.want(f"shard:{account}:{shards}:{number}" for number in range(shards))

    def owns(self, room: RoomRef) -> bool:
        """Whether the effects of a room are ours to do now."""
        return slot(room, self._shards) in self._settled and self.holds(room)

    def holds(self, room: RoomRef) -> bool:
        """Whether the room's slot is ours, if only just."""
        return self._leases.holds(slot(room, self._shards))

    def holds_slot(self, name: str) -> bool:
        """Whether a slot that is no room's (a bot that polls) is ours now."""
        return self._leases.holds(name)

    @property
    def _shards(self) -> int:
        return next((int(name.split(":")[2]) for name in self._wanted if name.startswith("shard:")), 1)

    async def _take(self, slots: Collection[str]) -> None:
        granted = set(await self._leases.take(slots)) - self._settled
        if not granted:
            return
        if self.heir is not None:
            log.info("slots taken", count=len(granted))
            await self.heir.gain()
        self._settled |= granted
        if self.heir is not None:
            self.heir.settled()

    async def keep(self) -> None:
        """Renew what is held and ask again for what is not, until cancelled."""
        while True:
            await asyncio.sleep(RENEW)
            try:
                await self._renew()
            except StoreUnavailableError as error:
                log.warning("leases not renewed", error=type(error).__name__)

    async def _renew(self) -> None:
        lost = await self._leases.renew()
        for name in lost:
            log.warning("slot lost to another process", slot=name)
        self._settled -= set(lost)
        if lost and self.heir is not None:
            self.heir.settled()
            await self.heir.lose()
        if missing := {name for name in self._wanted if not self._leases.holds(name)}:
            await self._take(missing)
