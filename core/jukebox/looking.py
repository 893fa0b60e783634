"""What people look at."""

from collections.abc import Sequence

from core import policy, voting
from core import view as views
from core.jukebox.base import Base
from core.policy import Action
from core.ports.tracks import Chapter, Show
from core.records.views import RoomView, Why, WhyPoll
from core.types import Actor, EntryId, PersonId, RoomId


class Looking(Base):
    """Views; they change nothing."""

    async def view(self, room: RoomId, person: PersonId | None, *, page: int = 0, size: int = 10) -> RoomView:
        """The room as a person sees it."""
        return views.view(await self._rooms.read(room), person, self._clock.now(), page=page, size=size)

    async def why(self, room: RoomId, entry: EntryId) -> Why:
        """Why a waiting entry stands where it stands."""
        return views.why(await self._rooms.read(room), entry, self._clock.now())

    async def episodes(self, room: RoomId, actor: Actor, link: str) -> Show | None:
        """What a podcast has to choose from; None when the link is none's. `play` takes an episode's `query`."""
        policy.require(await self._rooms.read(room), actor, Action.PLAY, self._clock.now())
        return await self._resolver.episodes(link)

    async def chapters(self, room: RoomId) -> Sequence[Chapter]:
        """The chapters of what is on air, for `seek` to go to."""
        current = (await self._rooms.read(room)).current
        return () if current is None else await self._resolver.chapters(current.entry.track)

    async def why_poll(self, room: RoomId, kind: str) -> WhyPoll:
        """How a running question stands. Raises NoSuchPollError."""
        return voting.why(await self._rooms.read(room), kind, self._clock.now())
