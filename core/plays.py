"""What is kept of a play when it is over."""

from core import people
from core.enums import EndReason
from core.ordering import order_of
from core.records.rows import Play
from core.room import Room
from core.types import Playing


def played(room: Room, current: Playing, reason: EndReason, now: int) -> Play:
    """What is on air ends now, for this reason."""
    tally = order_of(room, now).tally(current.entry)
    poll = room.polls.get("skip")
    track = current.entry.track
    return Play(
        room=room.id,
        place=room.place,
        entry=current.entry.id,
        person=current.entry.person,
        ref=track.ref,
        title=track.title,
        node=current.node,
        output="stream" if room.voice_channel is None else f"voice:{room.voice_channel}",
        started_at=current.chosen_at if current.started_at is None else current.started_at,
        ended_at=now,
        heard=current.heard,
        listeners_start=current.listeners,
        listeners_end=people.listening(room),
        reason=reason,
        likes=tally.up,
        skips=len(poll.votes) if poll else 0,
        artist=track.artist,
        length=track.length,
        cover=track.cover,
        accent=track.accent,
        uri=track.uri,
    )
