"""What joins the queue, and the votes for it."""

from collections.abc import Sequence

from core import output, people, policy, queue
from core.errors import (
    NotListeningError,
)
from core.jukebox.base import Base
from core.limits import caps
from core.policy import Action
from core.ports.tracks import Attachment
from core.records.results import Queued, Voted
from core.room import Room
from core.types import (
    Actor,
    CommandId,
    EntryId,
    RoomId,
    Surface,
    Track,
)


class Queueing(Base):
    """Adding and voting."""

    async def play(
        self, room: RoomId, actor: Actor, query: str | Attachment, *, command_id: CommandId | None = None
    ) -> Queued:
        """Find what somebody typed or sent and queue it; the room comes to their voice channel if it is in none."""
        state = await self._rooms.read(room)
        _check_play(state, actor, self._clock.now())
        found = await self._resolver.resolve(query, limit=caps(state).person)
        return await self.add(room, actor, found.tracks, command_id=command_id)

    async def add(
        self, room: RoomId, actor: Actor, tracks: Sequence[Track], *, command_id: CommandId | None = None
    ) -> Queued:
        """Queue tracks that are known already."""

        def command(state: Room, now: int) -> Queued:
            _check_play(state, actor, now)
            wanted = queue.wish(state, actor.person, tracks, now)
            if _follows(state, actor):
                output.enter(state, actor.voice_channel or 0, now)
            people.acted(state, actor, now)
            return queue.add(state, actor, wanted, now)

        return await self._apply(room, command, command_id)

    async def vote(
        self, room: RoomId, actor: Actor, entry: EntryId, value: int, *, command_id: CommandId | None = None
    ) -> Voted:
        """Vote +1 or −1 for an entry that waits or is on air, or withdraw with 0."""

        def command(state: Room, now: int) -> Voted:
            subject = queue.find(state, entry)
            policy.require(state, actor, Action.VOTE, now)
            queue.check_vote(subject, actor, value)
            people.acted(state, actor, now)
            return queue.vote(state, subject, actor.person, value, now)

        return await self._apply(room, command, command_id)


def _check_play(room: Room, actor: Actor, now: int) -> None:
    policy.require(room, actor, Action.PLAY, now)
    if actor.surface is Surface.DISCORD and room.voice_channel is None and actor.voice_channel is None:
        raise NotListeningError


def _follows(room: Room, actor: Actor) -> bool:
    """Whether the room comes to the actor's channel: it is in none, or nobody hears it where it is."""
    if actor.voice_channel is None or room.voice_channel == actor.voice_channel:
        return False
    return room.voice_channel is None or not people.in_voice(room)
