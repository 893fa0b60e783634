"""What is on air: choosing it, locking what follows, and how it ends."""

from dataclasses import replace

from core import people, sound, transport
from core.enums import EndReason, Loop
from core.events import EntryQueued, NextLocked, PlayChosen, PlayEnded, PollClosed
from core.limits import FAIR_START, TURN_WINDOW
from core.ordering import airtime, order_of
from core.plays import played
from core.room import Room
from core.types import HOUSE, Entry, EntryId, Playing, PositionClock, Turn


def is_web(room: Room) -> bool:
    """Whether the room belongs to the page alone."""
    return room.place.startswith("web:")


def is_guild(room: Room) -> bool:
    """Whether the room has a voice channel to wait for; web rooms and chats are heard on their page at any time."""
    return room.place.startswith("discord:")


def audible(room: Room) -> bool:
    """Whether there is a point in playing: a voice channel, or somebody who listens; only guilds wait for either."""
    return not is_guild(room) or room.voice_channel is not None or people.listening(room) > 0


def peek(room: Room, now: int) -> EntryId | None:
    """The waiting entry that plays next."""
    return order_of(room, now).first()


def wake(room: Room, now: int, *, house: bool = True) -> bool:
    """Choose something when nothing is on air and it could be heard; whether something was chosen."""
    call(room, now)
    if room.current is not None or not audible(room):
        return False
    entry = _take_next(room, now, house=house)
    if entry is None:
        return False
    _choose(room, entry, now)
    return True


def _choose(room: Room, entry: Entry, now: int) -> None:
    _put_on_air(room, entry, now)
    room.changes.events.append(PlayChosen(room=room.id, entry=entry.id))


def sleeping(room: Room, now: int) -> bool:
    """Whether `wake` would find something."""
    if room.current is not None or not audible(room):
        return False
    return peek(room, now) is not None or _house_plays(room)


def next_start(room: Room, now: int) -> int | None:
    """When the first of the scheduled entries that are not due yet is to play (UTC ms)."""
    return order_of(room, now).next_start()


def due(room: Room, now: int) -> list[Entry]:
    """The scheduled entries whose time has come and that `call` has not forced yet."""
    return order_of(room, now).due()


def call(room: Room, now: int) -> None:
    """Whatever was scheduled for now is forced: it plays next. The house list yields to it."""
    called = due(room, now)
    for entry in called:
        entry.forced = True
        order_of(room, now).move(entry)
        room.changes.entries.add(entry.id)
    if called and room.locked is not None and room.locked not in room.entries and not _repeats(room):
        relock(room, now)


def _take_next(room: Room, now: int, *, house: bool) -> Entry | None:
    house = house and _house_plays(room)
    locked = locked_entry(room)
    if locked is not None and (house or locked.person != HOUSE):
        return locked
    first = peek(room, now)
    if first is not None:
        return room.entries[first]
    return _house_entry(room, _new_id(room)) if house else None


def _put_on_air(room: Room, entry: Entry, now: int) -> None:
    fallback = entry.person == HOUSE
    room.locked = None
    if fallback:
        room.fallback_at = (room.fallback_at + 1) % len(room.fallback)
    else:
        if entry.id in room.entries:
            order_of(room, now).remove(entry)
            del room.entries[entry.id]
        _note_turn(room, entry, now)
        room.changes.votes.update((entry.id, person) for person in entry.votes)
    room.current = Playing(entry, fallback, chosen_at=now, listeners=people.listening(room))
    room.clock = PositionClock(entry.begins, rate=sound.rate(room))
    room.changes.entries.add(entry.id)
    _noted(room)


def _note_turn(room: Room, entry: Entry, now: int) -> None:
    for old in [turn.entry for turn in room.turns.values() if now - turn.started_at >= TURN_WINDOW]:
        del room.turns[old]
        room.changes.turns.add(old)
    order = order_of(room, now)
    room.turns[entry.id] = Turn(
        entry.id,
        entry.person,
        now,
        airtime=airtime(entry.track),
        approvers=tuple(order.supporters(entry)),
        start=order.start(entry.person),
        forced=entry.forced,
    )
    room.changes.turns.add(entry.id)


def _noted(room: Room) -> None:
    room.changes.header = True
    if room.order is not None:
        room.order.retake()


# The lock


def lock(room: Room, now: int) -> EntryId | None:
    """Settle what follows the current entry, its repetition and the house list included; None when nothing does."""
    if room.current is not None and room.locked is None:
        call(room, now)
        following = _new_id(room) if _repeats(room) else peek(room, now)
        if following is None and _house_plays(room):
            following = _new_id(room)
        if following is not None:
            _set_lock(room, following, now)
    return room.locked


def relock(room: Room, now: int) -> None:
    """The locked entry is gone or has to yield: name another one."""
    if room.locked is not None:
        _set_lock(room, None, now)
        lock(room, now)


def _set_lock(room: Room, entry: EntryId | None, now: int) -> None:
    before, room.locked = room.locked, entry
    for moved in (before, entry):
        waiting = None if moved is None else room.entries.get(moved)
        if waiting is not None:
            order_of(room, now).move(waiting)
    room.changes.header = True
    room.changes.events.append(NextLocked(room=room.id, entry=entry))


def locked_entry(room: Room) -> Entry | None:
    """What was promised to follow: a waiting entry, or a repetition or the house's, which exist only when they play."""
    if room.locked is None:
        return None
    waiting = room.entries.get(room.locked)
    if waiting is None and _repeats(room):
        return _repetition(room)
    if waiting is None and room.fallback:
        return _house_entry(room, room.locked)
    return waiting


def _house_plays(room: Room) -> bool:
    return bool(room.fallback) and is_web(room) and people.listening(room) > 0


def _house_entry(room: Room, entry: EntryId) -> Entry:
    track = room.fallback[room.fallback_at % len(room.fallback)]
    return Entry(entry, track, HOUSE, "", room.place, 0, 0)


def _new_id(room: Room) -> EntryId:
    entry = EntryId(room.next_entry)
    room.next_entry += 1
    room.changes.header = True
    return entry


# Loops


def _repeats(room: Room) -> bool:
    """Whether what is on air comes again when it ends by itself."""
    return room.loop is Loop.TRACK and room.current is not None and not room.current.fallback


def _repetition(room: Room) -> Entry | None:
    """What is on air once more, under an id of its own: late reports about the play before mean nothing to it."""
    if room.current is None or not _repeats(room) or room.locked in room.entries:
        return None
    entry = room.current.entry
    id_ = _new_id(room) if room.locked is None else room.locked
    return replace(entry, id=id_, votes=dict(entry.votes), starts_at=None, begins=0)


def _rejoin(room: Room, played: Entry, now: int) -> None:
    """What was played waits again, as if it were asked for now."""
    entry = Entry(_new_id(room), played.track, played.person, played.name, played.place, now, now)
    order_of(room, now).add([entry])
    room.entries[entry.id] = entry
    room.changes.entries.add(entry.id)
    room.changes.events.append(EntryQueued(room=room.id, entry=entry.id, person=entry.person))


# The end


def advance(room: Room, reason: EndReason, now: int, *, house: bool = True) -> None:
    """The current entry ends and the next one is chosen: itself, when it is repeated and ended by itself."""
    again = _repetition(room) if reason is EndReason.FINISHED else None
    if again is None and _repeats(room) and room.locked not in room.entries:
        room.locked = None
    end(room, reason, now)
    if again is not None and audible(room):
        _choose(room, again, now)
    elif not wake(room, now, house=house):
        room.paused = None
        if room.locked is not None:
            _set_lock(room, None, now)


def stop(room: Room, now: int) -> None:
    """The current entry ends and nothing follows."""
    end(room, EndReason.STOPPED, now)
    if room.locked is not None:
        _set_lock(room, None, now)
    room.paused = None
    transport.changed(room)


def promote(room: Room, now: int) -> None:
    """The node joined the locked entry by itself: it is on air already."""
    entry = locked_entry(room)
    assert entry is not None
    end(room, EndReason.FINISHED, now)
    _put_on_air(room, entry, now)


def end(room: Room, reason: EndReason, now: int) -> None:
    """The current entry is over: write its play, close the polls about it, take back a turn that was hardly heard."""
    current = room.current
    if current is None:
        return
    transport.keep_heard(room, now)
    room.changes.plays.append(played(room, current, reason, now))
    entry = current.entry.id
    for poll in [poll for poll in room.polls.values() if poll.entry == entry]:
        close_poll(room, poll.kind, passed=reason is EndReason.VOTED and poll.kind == "skip")
    turn = room.turns.get(entry)
    if turn is not None:
        turn.airtime = current.heard
        turn.counted = reason is EndReason.FINISHED or current.heard >= FAIR_START
        room.changes.turns.add(entry)
    order_of(room, now).forget(entry)
    room.current, room.clock = None, PositionClock()
    room.changes.entries.add(entry)
    room.changes.events.append(PlayEnded(room=room.id, entry=entry, reason=reason))
    _noted(room)
    if reason is EndReason.FINISHED and room.loop is Loop.QUEUE and not current.fallback:
        _rejoin(room, current.entry, now)


def close_poll(room: Room, kind: str, *, passed: bool) -> None:
    """A running question is over."""
    del room.polls[kind]
    room.changes.polls.add(kind)
    room.changes.events.append(PollClosed(room=room.id, kind=kind, passed=passed))
