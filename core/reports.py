"""What players, gateways and pages report; never refused to a person."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from core import output, people, playing, plays, timers, transport
from core.enums import EndReason, PauseReason
from core.events import PlayFailed
from core.limits import DRIFT
from core.ports.clock import Clock
from core.ports.rooms import Rooms
from core.room import Room
from core.types import EntryId, PersonId, PlaceId, Presence, RoomId

T = TypeVar("T")


class Reports:
    """Reports about a room. One that is late or about another entry does nothing and says so with False."""

    def __init__(self, rooms: Rooms, clock: Clock) -> None:
        self._rooms = rooms
        self._clock = clock

    async def track_started(self, room: RoomId, entry: EntryId, *, node: str, position: int = 0) -> bool:
        """A node plays `entry`: the current one, or the locked next, which becomes current."""

        def report(state: Room, now: int) -> bool:
            start = 0
            if not _is_current(state, entry):
                if entry != state.locked or playing.locked_entry(state) is None:
                    return False
                playing.promote(state, now)
                start = state.current.entry.begins if state.current else 0
            transport.start(state, now, node=node, position=position + start)
            return True

        return await self._apply(room, report)

    async def track_ended(self, room: RoomId, entry: EntryId, reason: EndReason) -> bool:
        """The current entry is over; the next one is chosen."""

        def report(state: Room, now: int) -> bool:
            if not _is_current(state, entry):
                return False
            playing.advance(state, reason, now)
            return True

        return await self._apply(room, report)

    async def track_failed(self, room: RoomId, entry: EntryId, reason: str) -> bool:
        """The current entry cannot be played; the next one is chosen.

        After a broken track of the house list the next one waits for `tick`, so that a broken list does not spin.
        """

        def report(state: Room, now: int) -> bool:
            current = state.current
            if current is None or not _is_current(state, entry):
                return False
            title = current.entry.track.title
            state.changes.events.append(PlayFailed(room=state.id, entry=entry, title=title, reason=reason))
            playing.advance(state, EndReason.FAILED, now, house=not current.fallback)
            return True

        return await self._apply(room, report)

    async def position(self, room: RoomId, entry: EntryId, position: int, *, tolerance: int = DRIFT) -> bool:
        """Where the node is in `entry`; the clock is corrected when it is off by more than `tolerance` ms."""
        if not self._is_off(await self._rooms.read(room), entry, position, tolerance):
            return False

        def report(state: Room, now: int) -> bool:
            off = self._is_off(state, entry, position, tolerance)
            if off:
                transport.correct(state, position, now)
            return off

        return await self._apply(room, report)

    def _is_off(self, room: Room, entry: EntryId, position: int, tolerance: int) -> bool:
        return _is_current(room, entry) and abs(room.clock.at(self._clock.now()) - position) > tolerance

    async def heard(self, room: RoomId, entry: EntryId) -> int | None:
        """Where the room is in `entry`, in ms; None unless that is on air."""
        state = await self._rooms.read(room)
        return state.clock.at(self._clock.now()) if _is_on_air(state, entry) else None

    async def titled(self, room: RoomId, entry: EntryId, title: str, artist: str = "") -> bool:
        """The live source says what it plays; False unless `entry` is on air."""

        def report(state: Room, now: int) -> bool:
            on_air = _is_on_air(state, entry)
            return on_air and (plays.announce(state, title, artist, now) or on_air)

        state = await self._rooms.read(room)
        if not _is_on_air(state, entry):
            return False
        song = state.current.song if state.current else None
        if song is not None and (song.title, song.artist) == (title, artist):
            return True
        return await self._apply(room, report)

    async def lock_next(self, room: RoomId) -> EntryId | None:
        """Settle what follows the current entry and name it."""
        state = await self._rooms.read(room)
        if state.locked is not None:
            return state.locked
        return await self._apply(room, playing.lock)

    async def people(self, room: RoomId, place: PlaceId, present: Sequence[Presence]) -> None:
        """Exactly these people are there by way of `place`."""
        await self._apply(room, lambda state, now: people.restate(state, place, present, now))

    async def arrived(self, room: RoomId, presence: Presence) -> None:
        """Somebody came, or hears the room another way."""
        await self._apply(room, lambda state, now: people.arrive(state, presence, now))

    async def left(self, room: RoomId, person: PersonId, place: PlaceId) -> None:
        """Somebody went."""
        await self._apply(room, lambda state, now: people.leave(state, person, place, now))

    async def voice_lost(self, room: RoomId, reason: str) -> None:
        """The bot was put out of its voice channel; the queue is kept."""
        await self._apply(room, lambda state, now: output.leave(state, now, reason=reason))

    async def voice_moved(self, room: RoomId, channel: int) -> None:
        """The bot was moved to another voice channel."""
        await self._apply(room, lambda state, now: output.enter(state, channel, now))

    async def nobody(self, room: RoomId) -> None:
        """Nobody has heard the room for a while."""
        await self._apply(room, lambda state, now: _pause(state, PauseReason.NOBODY, now))

    async def somebody(self, room: RoomId) -> None:
        """Somebody hears the room again."""

        def report(state: Room, now: int) -> None:
            if state.paused is PauseReason.NOBODY:
                transport.resume(state, now)

        await self._apply(room, report)

    async def interrupted(self, room: RoomId) -> None:
        """The room was dead for so long that it must not go on by itself."""
        await self._apply(room, lambda state, now: _pause(state, PauseReason.INTERRUPTED, now))

    async def tick(self, room: RoomId) -> None:
        """Do what time alone brings about: polls run out, streams grow old enough, votes lapse, entries are due."""
        state, now = await self._rooms.read(room), self._clock.now()
        if timers.due(state, now) or playing.sleeping(state, now):
            await self._apply(room, timers.run)

    async def wake(self, room: RoomId) -> None:
        """Choose something to play when nothing is on air."""
        if playing.sleeping(await self._rooms.read(room), self._clock.now()):
            await self._apply(room, lambda _state, _now: None)

    async def _apply(self, room: RoomId, report: Callable[[Room, int], T]) -> T:
        def settled(state: Room) -> T:
            now = self._clock.now()
            result = report(state, now)
            timers.settle(state, now)
            if not any(isinstance(event, PlayFailed) for event in state.changes.events):
                playing.wake(state, now)
            return result

        return await self._rooms.apply(room, settled)


def _is_current(room: Room, entry: EntryId) -> bool:
    return room.current is not None and room.current.entry.id == entry


def _is_on_air(room: Room, entry: EntryId) -> bool:
    return _is_current(room, entry) and room.current is not None and room.current.started_at is not None


def _pause(room: Room, reason: PauseReason, now: int) -> bool:
    return room.current is not None and transport.pause(room, reason, now)
