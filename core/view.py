"""What a room looks like to one person."""

from dataclasses import asdict, replace

from core import people, queue, sound, voting
from core.ordering import Order, order_of
from core.records.views import EntryView, NowView, PollView, RoomView, Why
from core.room import Room
from core.types import Entry, EntryId, PersonId

Own = set[PersonId]
"""The identities of whoever looks."""


def view(room: Room, person: PersonId | None, now: int, *, page: int = 0, size: int = 10) -> RoomView:
    """The room as `person` sees it, with the `page`-th `size` entries of the queue."""
    own = people.identities(room, person)
    return RoomView(
        id=room.id,
        version=room.version,
        name=room.name,
        current=_now(room, own, now),
        position=_position(room, now),
        running=room.clock.running_since is not None,
        at=now,
        paused=room.paused,
        volume=room.volume,
        voice_channel=room.voice_channel,
        upcoming=_upcoming(room, own, now, page * size, size),
        total=len(room.entries),
        polls=tuple(_poll(room, kind, own, now) for kind in room.polls),
        listeners=people.listening(room),
        settings=room.settings,
        limits=room.limits,
        mode=room.mode,
        loop=room.loop,
        closed=room.closed,
        rate=sound.rate(room),
        filter=sound.heard_filter(room),
        crossfade=sound.heard_crossfade(room),
        loudness=sound.heard_loudness(room),
    )


def why(room: Room, entry: EntryId, now: int) -> Why:
    """Why an entry stands where it stands. Raises NoSuchEntryError."""
    waiting = queue.find_waiting(room, entry)
    ahead = order_of(room, now).rank(waiting)
    return _why(room, waiting, ahead, queue.wait(room, entry, now), now)


def _why(room: Room, entry: Entry, ahead: int, wait: int | None, now: int) -> Why:
    order = order_of(room, now)
    spot = order.spot(entry)
    return Why(
        turn=order.turns(entry.person) + spot.turn + 1,
        round=spot.round,
        score=order.tally(entry).score,
        ahead=ahead,
        wait=wait,
        locked=room.locked == entry.id,
        forced=entry.forced,
        parked=entry.parked,
    )


def _position(room: Room, now: int) -> int:
    position = room.clock.at(now)
    length = room.current.entry.track.length if room.current else None
    return position if length is None else min(position, length)


def _now(room: Room, own: Own, now: int) -> NowView | None:
    if room.current is None:
        return None
    entry, song = room.current.entry, room.current.song
    tally = order_of(room, now).tally(entry)
    return NowView(
        id=entry.id,
        track=replace(entry.track, title=song.title, artist=song.artist) if song else entry.track,
        person=entry.person,
        name=entry.name,
        place=entry.place,
        fallback=room.current.fallback,
        started=room.current.started_at is not None,
        up=tally.up,
        down=tally.down,
        my_vote=_vote_of(entry, own),
        mine=entry.person in own,
        station=entry.track.title if song else "",
    )


def _upcoming(room: Room, own: Own, now: int, offset: int, size: int) -> tuple[EntryView, ...]:
    order, views = order_of(room, now), list[EntryView]()
    wait = queue.remaining(room, now)
    for ahead, entry in enumerate((room.entries[one] for one in order.entries(offset, size)), offset):
        if ahead == offset:
            wait += order.length_before(entry)
        starts = queue.wait_behind(room, entry, wait, now)
        views.append(_entry(order, entry, own, _why(room, entry, ahead, starts, now)))
        wait += float("inf") if entry.track.length is None else entry.track.length
    return tuple(views)


def _entry(order: Order, entry: Entry, own: Own, why: Why) -> EntryView:
    tally = order.tally(entry)
    return EntryView(
        id=entry.id,
        track=entry.track,
        person=entry.person,
        name=entry.name,
        place=entry.place,
        rank=why.ahead + 1,
        up=tally.up,
        down=tally.down,
        my_vote=_vote_of(entry, own),
        mine=entry.person in own,
        why=why,
    )


def _vote_of(entry: Entry, own: Own) -> int:
    """What this human said last, by whichever identity."""
    cast = [entry.votes[it] for it in own if it in entry.votes]
    return max(cast, key=lambda vote: vote.at).value if cast else 0


def _poll(room: Room, kind: str, own: Own, now: int) -> PollView:
    mine = not own.isdisjoint(room.polls[kind].votes)
    return PollView(**asdict(voting.why(room, kind, now)), mine=mine)
