"""What is kept of a play when it is over, and of each song that a live source plays."""

from dataclasses import replace

from core import people
from core.enums import EndReason
from core.events import TitleChanged
from core.ordering import order_of
from core.records.rows import Play
from core.room import Room
from core.types import Playing, Song

SHORT = 10_000
"""ms below which a song of a live source is no line of the history: a jingle, a title that was corrected."""


def played(room: Room, current: Playing, reason: EndReason, now: int) -> Play:
    """What is on air ends now, for this reason; of a live source it is the song that is on."""
    tally = order_of(room, now).tally(current.entry)
    poll = room.polls.get("skip")
    track, song = current.entry.track, current.song
    began = current.chosen_at if current.started_at is None else current.started_at
    return Play(
        room=room.id,
        place=room.place,
        entry=current.entry.id,
        person=current.entry.person,
        ref=track.ref,
        title=song.title if song else track.title,
        node=current.node,
        output="stream" if room.voice_channel is None else f"voice:{room.voice_channel}",
        started_at=song.since if song else began,
        ended_at=now,
        heard=current.heard - (song.told if song else 0),
        listeners_start=current.listeners,
        listeners_end=people.listening(room),
        reason=reason,
        likes=tally.up,
        skips=len(poll.votes) if poll else 0,
        artist=song.artist if song else track.artist,
        length=track.length,
        cover=track.cover,
        accent=track.accent,
        uri=track.uri,
        station=track.title if song else "",
        position=room.clock.at(now),
    )


def announce(room: Room, title: str, artist: str, now: int) -> bool:
    """A live source plays this from now on; whether that is news. The song before becomes a line of the history."""
    current = room.current
    assert current is not None
    former = current.song
    if former is not None and (former.title, former.artist) == (title, artist):
        return False
    heard = current.heard + (max(0, now - room.clock.running_since) if room.clock.running_since is not None else 0)
    if former is None:
        began, told = current.chosen_at if current.started_at is None else current.started_at, 0
    elif heard - former.told < SHORT:
        began, told = former.since, former.told
    else:
        room.changes.plays.append(replace(played(room, current, EndReason.SONG, now), heard=heard - former.told))
        began, told = now, heard
    current.song = Song(title, artist, began, told)
    room.changes.header = True
    room.changes.events.append(TitleChanged(room=room.id, entry=current.entry.id))
    return True
