"""What places use beside what their plans allow: counted from playback, stopped where there is a quota."""

import asyncio
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import count

import structlog

from billing.entitlements import Entitlements
from billing.plans import Plans
from core.enums import Meter
from core.errors import ChorusError, StoreUnavailableError, UsedUpError
from core.ports.clock import Clock
from core.ports.rooms import Rooms
from core.ports.usage import Ledger
from core.records.shop import Used
from core.records.usage import Use
from core.room import Room
from core.types import Limits, PlaceId, RoomId
from core.usage import period, quota

LOOK = 10.0
"""Seconds between two looks at what is being used."""
TELL = 6
"""Looks until what was seen is written down: what a process that is killed has seen since is nobody's debt."""
PRUNE = 360
"""Looks until uses are forgotten by their key."""
REMEMBERED = 100 * 86_400_000
"""Ms for which a repeated use is known for one."""
PERIOD = 32 * 86_400_000
"""No period is longer, in ms."""

log = structlog.get_logger()

Gauge = Callable[[], Mapping[RoomId, int]]
"""How many there are just now, by room."""


class Usage:
    """Quotas, and what was used of them. Also the ports `core.ports.usage.Quotas` and `core.ports.shop.Meters`."""

    def __init__(self, ledger: Ledger, entitlements: Entitlements, plans: Plans, clock: Clock) -> None:
        self._ledger = ledger
        self._entitlements = entitlements
        self._clock = clock
        self._least = _least([plans.allows(name) for name in plans.names])
        self._known: Mapping[tuple[PlaceId, Meter, int], int] = {}

    async def used(self, place: PlaceId) -> Sequence[Used]:
        """What a place used in its period, beside what it may (see the port)."""
        since, until = self._period(place, self._clock.now())
        sums, limits = await self._ledger.used(place, since), self._entitlements.limits(place)
        return [Used(meter.value, sums.get(meter, 0), quota(limits, meter), since, until) for meter in Meter]

    def require(self, room: Room, meter: Meter, amount: int = 1) -> None:
        """There is so much left (see the port)."""
        limit = quota(room.limits, meter)
        if limit is not None:
            since, until = self._period(room.place, self._clock.now())
            if self._known.get((room.place, meter, since), 0) + amount > limit:
                raise UsedUpError(meter, until)

    async def spend(self, room: Room, meter: Meter, amount: int, key: str) -> None:
        """Use so much, exactly (see the port)."""
        now = self._clock.now()
        since, until = self._period(room.place, now)
        use = Use(room.place, meter, key, amount, now)
        if not await self._ledger.spend(use, since=since, limit=quota(room.limits, meter)):
            raise UsedUpError(meter, until)

    async def refresh(self) -> None:
        """Count what was noted, and learn who used up what. Raises StoreUnavailableError."""
        await self._ledger.fold(lambda place, at: self._period(place, at)[0])
        found = await self._ledger.most(self._least, self._clock.now() - PERIOD)
        self._known = {(it.place, it.meter, it.since): it.used for it in found}

    def _period(self, place: PlaceId, at: int) -> tuple[int, int]:
        return period(at, self._entitlements.anchor(place))


class Metering:
    """Looks at what is being used, and writes it down. `gauges` count who hears rooms, and where they are sent."""

    def __init__(self, usage: Usage, ledger: Ledger, rooms: Rooms, clock: Clock, gauges: Mapping[Meter, Gauge]) -> None:
        self._usage = usage
        self._ledger = ledger
        self._rooms = rooms
        self._clock = clock
        self._gauges = gauges
        self._looked = clock.now()
        self._seen: Counter[tuple[PlaceId, Meter]] = Counter()
        self._told: Sequence[Use] = ()
        self._process = secrets.token_urlsafe(9)
        self._numbers = count(1)

    async def run(self) -> None:
        """Until cancelled; what was seen until then is written down."""
        try:
            for look in count(1):
                await asyncio.sleep(LOOK)
                await self.look()
                try:
                    await self._work(look)
                except StoreUnavailableError as error:
                    log.warning("usage not written", error=type(error).__name__)
        finally:
            await asyncio.shield(self.close())

    async def _work(self, look: int) -> None:
        if look % TELL == 0:
            await self.tell()
        await self._usage.refresh()
        if look % PRUNE == 0:
            await self._ledger.prune(self._clock.now() - REMEMBERED)

    async def look(self) -> None:
        """Add what was used since the last look; a process that slept counts two looks at most."""
        now = self._clock.now()
        passed, self._looked = min(max(0, now - self._looked), round(2 * LOOK * 1000)), now
        for meter, gauge in self._gauges.items():
            for room, number in gauge().items():
                if number:
                    await self._add(room, meter, number * passed)

    async def _add(self, room: RoomId, meter: Meter, amount: int) -> None:
        try:
            state = await self._rooms.read(room, known=1)
        except ChorusError:
            return
        if meter is Meter.PUSHING or _on_air(state):
            self._seen[state.place, meter] += amount

    async def tell(self) -> None:
        """Write down what was seen. Raises StoreUnavailableError: then the same is tried again, under the same keys."""
        if not self._told:
            now, seen, self._seen = self._clock.now(), self._seen, Counter()
            self._told = [
                Use(place, meter, f"{self._process}:{next(self._numbers)}", amount, now)
                for (place, meter), amount in seen.items()
                if amount
            ]
        await self._ledger.note(self._told)
        self._told = ()

    async def close(self) -> None:
        """Write down what was seen, if that can be done."""
        try:
            for _ in range(2 if self._told else 1):
                await self.tell()
        except StoreUnavailableError as error:
            log.warning("usage not written", error=type(error).__name__)


def _on_air(room: Room) -> bool:
    return room.current is not None and room.paused is None


def _least(plans: Sequence[Limits]) -> Mapping[Meter, int]:
    """From how much on a use is worth knowing of: half of the smallest quota, as uses come in pieces."""
    quotas = {meter: [it for plan in plans if (it := quota(plan, meter)) is not None] for meter in Meter}
    return {meter: min(found) // 2 for meter, found in quotas.items() if found}
