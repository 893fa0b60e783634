"""The clock of what is on air, and the controls that move it: start, pause, resume, seek, volume, filter."""

from core import people, sound
from core.enums import PauseReason
from core.events import PlaybackChanged, PlayStarted
from core.room import Room
from core.types import Filter, PositionClock


def start(room: Room, now: int, *, node: str, position: int) -> None:
    """A node plays the current entry from `position` on."""
    assert room.current is not None
    first = room.current.started_at is None
    keep_heard(room, now)
    room.current.node = node
    _set_clock(room, position, None if room.paused else now)
    if first:
        room.current.started_at = now
        room.current.listeners = people.listening(room)
        room.changes.events.append(PlayStarted(room=room.id, entry=room.current.entry.id))
    room.changes.header = True


def pause(room: Room, reason: PauseReason, now: int) -> bool:
    """Stand still; whether that is news. A person's pause outlasts the others."""
    if room.paused is PauseReason.PERSON or (room.paused is not None and reason is not PauseReason.PERSON):
        return False
    if reason is PauseReason.INTERRUPTED:
        _go_back(room, now)
    keep_heard(room, now)
    _set_clock(room, room.clock.at(now), None)
    room.paused = reason
    changed(room)
    return True


def _go_back(room: Room, now: int) -> None:
    """Nobody heard what the clock ran through since the last checkpoint."""
    since, last = room.clock.running_since, room.checkpoint
    if since is not None:
        known = last.position if last is not None and last.at >= since else room.clock.offset
        correct(room, known, now)
        _set_clock(room, known, None)


def resume(room: Room, now: int) -> bool:
    """Go on; whether that is news."""
    if room.paused is None:
        return False
    room.paused = None
    if room.current is not None and room.current.started_at is not None:
        _set_clock(room, room.clock.offset, now)
    changed(room)
    return True


def set_volume(room: Room, volume: int) -> bool:
    """Change the volume; whether that is news."""
    if room.volume == volume:
        return False
    room.volume = volume
    changed(room)
    return True


def set_filter(room: Room, filter_: Filter | None, now: int) -> bool:
    """Change what the sound goes through, and with it how fast the track runs; whether that is news."""
    if room.filter == filter_:
        return False
    keep_heard(room, now)
    room.filter = filter_
    _set_clock(room, room.clock.offset, room.clock.running_since)
    changed(room)
    return True


def move_to(room: Room, position: int, now: int) -> None:
    """The clock jumps: somebody sought."""
    keep_heard(room, now)
    _set_clock(room, position, room.clock.running_since)
    changed(room)


def correct(room: Room, position: int, now: int) -> None:
    """The node's own position wins; what it moved by is what was heard."""
    assert room.current is not None
    since = room.clock.running_since
    if since is not None:
        heard = round((position - room.clock.offset) / room.clock.rate)
        room.current.heard += max(0, min(heard, now - since))
    _set_clock(room, position, None if since is None else now)
    changed(room)


def keep_heard(room: Room, now: int) -> None:
    """Count what the clock ran through so far as heard."""
    since = room.clock.running_since
    if room.current is not None and since is not None:
        room.current.heard += max(0, now - since)
        _set_clock(room, room.clock.at(now), now)


def _set_clock(room: Room, position: int, since: int | None) -> None:
    room.clock = PositionClock(position, since, sound.rate(room))


def changed(room: Room) -> None:
    """Note that pause, position, volume or sound are others now."""
    room.changes.header = True
    room.changes.events.append(PlaybackChanged(room=room.id))
