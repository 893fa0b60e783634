"""What people look at."""

from core import view as views
from core import voting
from core.jukebox.base import Base
from core.records.views import RoomView, Why, WhyPoll
from core.types import EntryId, PersonId, RoomId


class Looking(Base):
    """Views; they change nothing."""

    async def view(self, room: RoomId, person: PersonId | None, *, page: int = 0, size: int = 10) -> RoomView:
        """The room as a person sees it."""
        return views.view(await self._rooms.read(room), person, self._clock.now(), page=page, size=size)

    async def why(self, room: RoomId, entry: EntryId) -> Why:
        """Why a waiting entry stands where it stands."""
        return views.why(await self._rooms.read(room), entry, self._clock.now())

    async def why_poll(self, room: RoomId, kind: str) -> WhyPoll:
        """How a running question stands. Raises NoSuchPollError."""
        return voting.why(await self._rooms.read(room), kind, self._clock.now())
