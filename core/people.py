"""Who is in the room, and whose word counts."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

from core.enums import Hearing, Surface
from core.events import PeopleChanged
from core.limits import CHAT_WINDOW, GUESTS_PER_ADDRESS, STREAM_AGE, STREAM_GRACE, VOTE_GRACE
from core.room import Room
from core.types import Actor, PersonId, PlaceId, Presence


def one(room: Room, person: PersonId) -> PersonId:
    """The human behind a person: that of the group which their identities are linked to. What is compared, counted
    or remembered about people goes by it.
    """
    return room.same.get(person, person)


def is_same(room: Room, first: PersonId, second: PersonId) -> bool:
    """Whether both are one human."""
    return one(room, first) == one(room, second)


def identities(room: Room, person: PersonId | None) -> set[PersonId]:
    """Everybody that this human is, as far as is known here; nobody for None."""
    if person is None:
        return set()
    human = one(room, person)
    return {person, human, *(it for it, leader in room.same.items() if leader == human)}


def present(room: Room) -> Iterator[Presence]:
    """Everybody who is there now, by every way they came."""
    return (presence for presence in room.people.values() if presence.left_at is None)


def is_present(room: Room, person: PersonId, now: int) -> bool:
    """Whether a person is there, a dropped stream's grace included."""
    home = room.people.get((person, room.place))  # where nearly everybody is: no need to look at all the others
    if home is not None and _there(home, now):
        return True
    return any(is_same(room, it.person, person) and _there(it, now) for it in room.people.values())


def in_voice(room: Room) -> bool:
    """Whether anybody hears the room in its voice channel."""
    return any(it.hearing is Hearing.VOICE for it in present(room))


def listening(room: Room) -> int:
    """How many people hear the room; somebody reached twice counts once."""
    return len({one(room, it.person) for it in present(room) if it.hearing is not Hearing.CHAT})


def counting(room: Room, now: int) -> set[PersonId]:
    """Those (humans, see `one`) whose votes for entries count: present, or gone for less than ten minutes."""
    there = (it for it in room.people.values() if it.left_at is None or now - it.left_at < VOTE_GRACE)
    return {one(room, it.person) for it in there}


def electorate(room: Room, now: int) -> set[PersonId]:
    """Those (humans, see `one`) whose votes decide questions now; whoever is reached twice counts once.

    Visitors who act on the page without listening decide only where nobody else does.
    """
    deciding = [it for it in room.people.values() if _decides(it, now)]
    electors: set[PersonId] = set()
    guests: defaultdict[str, list[tuple[int, PersonId]]] = defaultdict(list)
    for it in [it for it in deciding if not _looks(it)] or deciding:
        if it.address is None:
            electors.add(one(room, it.person))
        else:
            guests[it.address].append((it.since, one(room, it.person)))
    for group in guests.values():
        first_come = dict.fromkeys(person for _, person in sorted(group))
        electors.update(list(first_come)[:GUESTS_PER_ADDRESS])
    return electors


def _looks(presence: Presence) -> bool:
    return presence.hearing is Hearing.CHAT and presence.place.startswith(f"{Surface.WEB}:")


def _there(presence: Presence, now: int) -> bool:
    if presence.left_at is None:
        return True
    return presence.hearing is Hearing.STREAM and now - presence.left_at < STREAM_GRACE


def _decides(presence: Presence, now: int) -> bool:
    if not _there(presence, now):
        return False
    match presence.hearing:
        case Hearing.VOICE:
            return not presence.deaf
        case Hearing.STREAM:
            return not 0 <= now - presence.since < STREAM_AGE  # whoever came by a clock that was ahead is no newcomer
        case Hearing.CHAT:
            return now - presence.since < CHAT_WINDOW


def arrive(room: Room, presence: Presence, now: int) -> bool:
    """Somebody came, or came another way; whether that is news.

    A voice or a stream that comes back in time keeps its age; a chat's `since` is the last time somebody acted.
    """
    key = (presence.person, presence.place)
    known = room.people.get(key)
    presence = replace(presence)
    if known is not None and known.hearing is presence.hearing and _there(known, now):
        latest = max if presence.hearing is Hearing.CHAT else min
        presence.since = latest(known.since, presence.since)
    if presence == known:
        return False
    room.people[key] = presence
    _noted(room, key)
    return True


def acted(room: Room, actor: Actor, now: int) -> None:
    """Somebody did something: a chat counts them as there, and a voice channel that was not heard of yet does."""
    known = room.people.get((actor.person, actor.place))
    if actor.surface in {Surface.TELEGRAM, Surface.CHAT} or (known is not None and known.hearing is Hearing.CHAT):
        address = known.address if known else None
        arrive(room, Presence(actor.person, actor.place, Hearing.CHAT, actor.name, now, address=address), now)
    elif _unheard_of(room, actor, known):
        arrive(room, Presence(actor.person, actor.place, Hearing.VOICE, actor.name, now), now)


def _unheard_of(room: Room, actor: Actor, known: Presence | None) -> bool:
    here = actor.voice_channel is not None and actor.voice_channel == room.voice_channel
    return here and (known is None or known.left_at is not None)


def leave(room: Room, person: PersonId, place: PlaceId, now: int) -> bool:
    """Somebody went; whether they had been there."""
    known = room.people.get((person, place))
    if known is None or known.left_at is not None:
        return False
    known.left_at = now
    _noted(room, (person, place))
    if not any(present(room)):
        room.emptied_at = now
        room.changes.header = True
        if room.order is not None:
            room.order.retake()
    return True


def leave_voice(room: Room, now: int) -> None:
    """The voice channel is not the room's any more."""
    for it in [it for it in present(room) if it.hearing is Hearing.VOICE]:
        leave(room, it.person, it.place, now)


def restate(room: Room, place: PlaceId, there: Sequence[Presence], now: int) -> bool:
    """Exactly these people are there by way of `place`; whether that is news.

    A Discord guild speaks for its voice channel only: people of the room's page come and go by their own streams.
    """
    voice = place.startswith("discord:")
    arrived = [arrive(room, presence, now) for presence in there]
    named = {presence.person for presence in there}
    gone = [
        it.person
        for it in room.people.values()
        if it.place == place and it.person not in named and (not voice or it.hearing is Hearing.VOICE)
    ]
    left = [leave(room, person, place, now) for person in gone]
    return any(arrived) or any(left)


def lapse(room: Room, now: int) -> bool:
    """Let go of those who no longer count; whether anybody was."""
    idle = [it for it in room.people.values() if _idle(it, now)]
    for it in idle:
        leave(room, it.person, it.place, now)
    lapsed = [key for key, it in room.people.items() if _lapsed(it, now)]
    for key in lapsed:
        del room.people[key]
        _noted(room, key)
    return bool(idle or lapsed)


def lapsing(room: Room, now: int) -> bool:
    """Whether `lapse` would find anybody."""
    return any(_idle(it, now) or _lapsed(it, now) for it in room.people.values())


def _idle(presence: Presence, now: int) -> bool:
    return presence.left_at is None and presence.hearing is Hearing.CHAT and now - presence.since >= CHAT_WINDOW


def _lapsed(presence: Presence, now: int) -> bool:
    return presence.left_at is not None and now - presence.left_at >= VOTE_GRACE


def _noted(room: Room, key: tuple[PersonId, PlaceId]) -> None:
    room.changes.people.add(key)
    if not any(isinstance(event, PeopleChanged) for event in room.changes.events):
        room.changes.events.append(PeopleChanged(room=room.id))
    if room.order is not None:
        room.order.recount()
