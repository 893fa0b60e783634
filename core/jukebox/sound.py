"""How the room sounds."""

from core import acts, filters, settings, sound, transport, voting
from core.jukebox.base import Base
from core.policy import Action
from core.records.results import Asked, Changed
from core.room import Room
from core.types import Actor, CommandId, RoomId


class Sound(Base):
    """Filter, crossfade, loudness."""

    async def set_filter(
        self, room: RoomId, actor: Actor, wanted: str, *, command_id: CommandId | None = None
    ) -> Changed | Asked:
        """Put the sound through a preset (its name), a filter made by hand (Lavalink's JSON), or none (`off`).

        Raises BadFilterError, OutOfRangeError, NotInPlanError.
        """

        def command(state: Room, now: int) -> Changed | Asked:
            filter_ = sound.check_filter(state, wanted)
            asked = voting.decide(state, actor, Action.FILTER, now, argument=filters.text(filter_))
            return asked or Changed(transport.set_filter(state, filter_, now))

        return await self._apply(room, command, command_id)

    async def set_crossfade(
        self, room: RoomId, actor: Actor, ms: int, *, command_id: CommandId | None = None
    ) -> Changed | Asked:
        """Let tracks fade into each other for so long; 0: join them without a gap.

        Raises OutOfRangeError, NotInPlanError.
        """

        def command(state: Room, now: int) -> Changed | Asked:
            wanted = sound.check_crossfade(state, ms)
            asked = voting.decide(state, actor, Action.CROSSFADE, now, argument=str(wanted))
            return asked or settings.set_crossfade(state, actor, wanted, now)

        return await self._apply(room, command, command_id)

    async def set_loudness(
        self,
        room: RoomId,
        actor: Actor,
        on: bool,  # noqa: FBT001 -- what the command is about
        *,
        command_id: CommandId | None = None,
    ) -> Changed | Asked:
        """Make all tracks equally loud, or leave them as they are. Raises NotInPlanError."""

        def command(state: Room, now: int) -> Changed | Asked:
            wanted = acts.ON if sound.check_loudness(state, on) else acts.OFF
            asked = voting.decide(state, actor, Action.LOUDNESS, now, argument=wanted)
            return asked or settings.set_loudness(state, actor, on, now)

        return await self._apply(room, command, command_id)
