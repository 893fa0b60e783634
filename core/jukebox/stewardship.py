"""What admins decide."""

from collections.abc import Sequence
from typing import Any

from core import blocklist, editing, policy, queue, settings
from core.enums import BlockKind
from core.errors import NothingFoundError, OutOfRangeError, TooManyLinesError
from core.jukebox.base import Base
from core.limits import BLOCKS, PAGE
from core.policy import Action
from core.records.results import Changed
from core.records.rows import Audited
from core.room import Room
from core.types import Actor, Block, CommandId, EntryId, RoomId, Settings, Track


class Stewardship(Base):
    """Settings, the policy's cells among them, the blocklist, and what was changed by whom; for admins."""

    async def configure(
        self, room: RoomId, actor: Actor, changes: dict[str, Any], *, command_id: CommandId | None = None
    ) -> Settings:
        """Change the place's settings by name, or cells of the policy's table.

        A cell is `policy.<action>`: roles as a list or separated by commas, `poll` among them, or `default`.
        Raises NoSuchSettingError, NoSuchChoiceError, OutOfRangeError.
        """

        def command(state: Room, now: int) -> Settings:
            policy.require(state, actor, Action.CONFIGURE, now)
            return settings.configure(state, actor, settings.checked(changes, state.limits), now)

        return await self._apply(room, command, command_id)

    async def block(
        self, room: RoomId, actor: Actor, kind: BlockKind, value: str | EntryId, *, command_id: CommandId | None = None
    ) -> Changed:
        """Keep a track, an artist, a word or a domain out; an entry's id stands for its own.

        What waits and is meant leaves the queue (`value` counts it). Raises NoSuchEntryError, NothingFoundError,
        TooManyLinesError.
        """

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.BLOCK, now)
            line = _line(state, kind, value)
            if line not in state.settings.blocks and len(state.settings.blocks) >= BLOCKS:
                raise TooManyLinesError(BLOCKS)
            changed = settings.block(state, actor, line, now)
            meant = blocklist.meant(line, state.entries.values())
            return Changed(changed, editing.remove(state, actor, meant, now, kind="block").count)

        return await self._apply(room, command, command_id)

    async def unblock(
        self, room: RoomId, actor: Actor, kind: BlockKind, value: str | EntryId, *, command_id: CommandId | None = None
    ) -> Changed:
        """Let it in again."""

        def command(state: Room, now: int) -> Changed:
            policy.require(state, actor, Action.BLOCK, now)
            return Changed(settings.unblock(state, actor, _line(state, kind, value), now))

        return await self._apply(room, command, command_id)

    async def audit(
        self, room: RoomId, actor: Actor, *, before: int | None = None, size: int = 10
    ) -> Sequence[Audited]:
        """What was changed in the room's place, newest first, beginning after the one with the row id `before`.

        Raises OutOfRangeError.
        """
        if not 1 <= size <= PAGE:
            raise OutOfRangeError("size", size, 1, PAGE)
        state = await self._rooms.read(room)
        policy.require(state, actor, Action.AUDIT, self._clock.now())
        return await self._rooms.audit(state.place, before=before, limit=size)


def _line(room: Room, kind: BlockKind, value: str | EntryId) -> Block:
    text = value if isinstance(value, str) else _meant(kind, queue.find(room, value).track)
    line = blocklist.block(kind, text)
    if not line.value:
        raise NothingFoundError(text)
    return line


def _meant(kind: BlockKind, track: Track) -> str:
    match kind:
        case BlockKind.TRACK:
            return track.ref
        case BlockKind.ARTIST:
            return track.artist
        case BlockKind.WORD:
            return track.title
        case BlockKind.DOMAIN:
            return track.uri or track.ref.partition(":")[2]
