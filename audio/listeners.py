"""Whether anybody hears a room: it pauses a minute after the last one left, and leaves voice when idle."""

from audio.channel import IDLE
from core import people
from core.enums import PauseReason
from core.ports.clock import Clock
from core.reports import Reports
from core.room import Room
from core.types import RoomId

NOBODY_AFTER = 60_000


class Listeners:
    """Counts for one room."""

    def __init__(self, room: RoomId, reports: Reports, clock: Clock) -> None:
        self._room = room
        self._reports = reports
        self._clock = clock
        self._alone_since: int | None = None
        self._voice_alone_since: int | None = None

    async def mind(self, room: Room, *, pushed: bool = False) -> float:
        """Report what follows from who is there; seconds until it has to be looked at again.

        A room that is `pushed` elsewhere has a listener there.
        """
        now = self._clock.now()
        self._alone_since = None if pushed or people.listening(room) else (self._alone_since or now)
        self._voice_alone_since = None if people.in_voice(room) else (self._voice_alone_since or now)
        return min(await self._pause(room, now), await self._leave(room, now))

    async def _pause(self, room: Room, now: int) -> float:
        if self._alone_since is None:
            if room.paused is PauseReason.NOBODY:
                await self._reports.somebody(self._room)
            return 3600.0
        left = self._alone_since + NOBODY_AFTER - now
        if left <= 0 and room.current is not None and room.paused is None:
            await self._reports.nobody(self._room)
        return _seconds(left)

    async def _leave(self, room: Room, now: int) -> float:
        if self._voice_alone_since is None or room.voice_channel is None:
            return 3600.0
        left = self._voice_alone_since + room.settings.idle - now
        if left <= 0:
            await self._reports.voice_lost(self._room, IDLE)
        return _seconds(left)


def _seconds(left: int) -> float:
    return left / 1000 + 0.01 if left > 0 else 3600.0
