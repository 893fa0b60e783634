"""Where the room is heard: its voice channel."""

from core import people, transport
from core.enums import PauseReason
from core.events import OutputChanged
from core.room import Room


def enter(room: Room, channel: int, now: int) -> bool:
    """The room is to be heard in a voice channel; whether that is news."""
    if room.voice_channel == channel:
        return False
    if room.voice_channel is None and room.current is None:
        room.volume = room.settings.default_volume
    room.voice_channel, room.voice_lost = channel, ""
    if room.paused is PauseReason.NOBODY:
        transport.resume(room, now)
    _changed(room)
    return True


def leave(room: Room, now: int, *, reason: str = "") -> bool:
    """The voice channel is left, the queue kept; the music goes on for those who hear a stream."""
    if room.voice_channel is None:
        return False
    people.leave_voice(room, now)
    room.voice_channel, room.voice_lost = None, reason
    if room.current is not None and people.listening(room) == 0:
        transport.pause(room, PauseReason.NOBODY, now)
    _changed(room, reason)
    return True


def _changed(room: Room, reason: str = "") -> None:
    room.changes.header = True
    room.changes.events.append(OutputChanged(room=room.id, channel=room.voice_channel, reason=reason))
