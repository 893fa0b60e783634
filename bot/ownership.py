"""Which rooms this process acts for."""

import asyncio
from collections.abc import Iterable

import structlog

from core.errors import StoreUnavailableError
from core.ports.places import RoomRef
from db.leases import RENEW, SqlLeases, buckets, slot

log = structlog.get_logger()


class Ownership:
    """The slots that this process wants, and holds while it can."""

    def __init__(self, leases: SqlLeases) -> None:
        self._leases = leases
        self._wanted: set[str] = set()

    async def start(self) -> None:
        """Ask for the rooms without a guild, and for what an unfinished process of this instance held."""
        await self.want([*buckets(), *await self._leases.former()])

    async def want(self, slots: Iterable[str]) -> None:
        """Ask for slots, now and again whenever they are lost."""
        self._wanted.update(slots)
        await self._leases.take(self._wanted)

    async def want_shards(self, account: int, shards: int) -> None:
        """Ask for all shards of a bot account, in place of those of another number of shards."""
        self._wanted = {name for name in self._wanted if not name.startswith("shard:")}
        await self.want(f"shard:{account}:{shards}:{number}" for number in range(shards))

    def owns(self, room: RoomRef) -> bool:
        """Whether the effects of a room are ours to do now."""
        return self._leases.holds(slot(room, self._shards))

    @property
    def _shards(self) -> int:
        return next((int(name.split(":")[2]) for name in self._wanted if name.startswith("shard:")), 1)

    async def keep(self) -> None:
        """Renew what is held and ask again for what is not, until cancelled."""
        while True:
            await asyncio.sleep(RENEW)
            try:
                for name in await self._leases.renew():
                    log.warning("slot lost to another process", slot=name)
                if missing := [name for name in self._wanted if not self._leases.holds(name)]:
                    await self._leases.take(missing)
            except StoreUnavailableError as error:
                log.warning("leases not renewed", error=type(error).__name__)
