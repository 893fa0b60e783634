"""Which addresses of tracks outlive their time: those of entries that are on air still, paused as they may be."""

from audio.media_urls import entry_of
from core.errors import ChorusError
from core.ports.rooms import Rooms


class Airing:
    """Asks the rooms."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def lasts(self, bound_to: str) -> bool:
        """Whether the entry that an address is bound to is on air, or settled to be next."""
        bound = entry_of(bound_to)
        if bound is None:
            return False
        room_id, entry = bound
        try:
            room = await self._rooms.read(room_id)
        except ChorusError:
            return False
        return entry == room.locked or (room.current is not None and room.current.entry.id == entry)
