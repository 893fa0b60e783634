"""What people come back to: the history, and what they keep."""

from collections.abc import Sequence

from core import policy, queue, rewinding
from core.jukebox.base import current_of
from core.jukebox.queueing import Queueing
from core.limits import HOUR, caps
from core.policy import Action
from core.records.results import Favoured, Queued
from core.records.rows import Played
from core.types import Actor, CommandId, EntryId, PersonId, RoomId, Track


class Shelf(Queueing):
    """History and favourites."""

    async def favourite(
        self, room: RoomId, actor: Actor, entry: EntryId | None = None, *, command_id: CommandId | None = None
    ) -> Favoured:
        """Keep what waits, is on air (None) or was played as `entry`, or let go of it if it was kept already."""
        track = await self._favoured(room, actor, entry)
        kept = not await self._shelf.is_favourite(actor.person, track)
        # A repeat of the command gets the first answer, and with it the same outcome.
        told = await self._apply(room, lambda _state, _now: Favoured(track.title, kept), command_id)
        await (self._shelf.keep if told.kept else self._shelf.let_go)(actor.person, track)
        return told

    async def _favoured(self, room: RoomId, actor: Actor, entry: EntryId | None) -> Track:
        state = await self._rooms.read(room)
        policy.require(state, actor, Action.FAVOURITE, self._clock.now())
        if entry is None:
            return current_of(state).entry.track
        if entry in state.entries or (state.current and state.current.entry.id == entry):
            return queue.find(state, entry).track
        play = await self._shelf.play(room, entry)
        return rewinding.track_of(play) if play else queue.find(state, entry).track

    async def favourites(self, person: PersonId, *, offset: int = 0, size: int = 10) -> Sequence[Track]:
        """What a person keeps, newest first."""
        return await self._shelf.favourites(person, offset=offset, size=size)

    async def play_favourites(self, room: RoomId, actor: Actor, *, command_id: CommandId | None = None) -> Queued:
        """Queue what a person keeps, as much of it as the caps let in. Raises NothingFoundError."""
        limit = caps(await self._rooms.read(room)).person
        return await self.add(
            room, actor, await self._shelf.favourites(actor.person, size=limit), command_id=command_id
        )

    async def history(self, room: RoomId, *, before: int | None = None, size: int = 10) -> Sequence[Played]:
        """Finished plays that the plan reaches back to, newest first, beginning after that with the row id `before`."""
        plays = await self._shelf.history(room, before=before, size=size)
        days = (await self._rooms.read(room)).limits.history_days
        since = 0 if days is None else self._clock.now() - days * 24 * HOUR
        return [it for it in plays if it.play.ended_at >= since]
