"""What every store promises about people of several identities and places that share a room, on each database."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

import pytest
from sqlalchemy import select

from core.enums import EndReason, Guests, Hearing, Mode, Surface
from core.errors import AlreadyLinkedError, CannotLinkError, NoSuchRoomError, NotLinkedError
from core.linking import check
from core.ordering import order_of
from core.people import arrive, electorate, listening
from core.queue import Wish, add, find, vote
from core.room import Room
from core.types import Actor, EntryId, Identity, Limits, PersonId, PlaceId, Presence, RoomId
from core.view import view
from db.engine import Database
from db.groups import Groups
from db.links import SqlLinks
from db.models import persons
from db.people import SqlPeople
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import MovedClock, Recorder, track

T = TypeVar("T")

CHAT = PlaceId("telegram:-100")
PLANS = {"discord:7": Limits("pro", queue=100, length=1), CHAT: Limits("free", queue=50, length=2, history_days=9)}
ANN, ANNS_PHONE = Identity(Surface.DISCORD, "1", "Ann"), Identity(Surface.TELEGRAM, "9", "Ann's phone")
ANNS_PAGE, BEN, CYD = (
    Identity(Surface.WEB, "w", "Ann on the page"),
    Identity(Surface.DISCORD, "2", "Ben"),
    Identity(Surface.TELEGRAM, "3", "Cyd"),
)


class Process:
    """What one process has of the stores."""

    def __init__(self, database: Database) -> None:
        self.clock = MovedClock()
        self.bus = Recorder()
        groups = Groups()
        self.rooms = SqlRooms(
            database, self.bus, self.clock, limits=lambda place: PLANS.get(place, Limits()), groups=groups
        )
        self.places = SqlPlaces(database, self.clock, groups)
        self.people = SqlPeople(database, self.bus, self.clock, groups)
        self.links = SqlLinks(database, self.bus, self.clock, groups)

    async def actor(self, identity: Identity, place: PlaceId) -> Actor:
        person = await self.places.person(identity)
        return Actor(person, identity.name, place, identity.kind, admin=True)

    async def do(self, room: RoomId, command: Callable[[Room, int], T]) -> T:
        self.clock.time += 1_000
        return await self.rooms.apply(room, lambda state: command(state, self.clock.time))

    async def ask(self, room: RoomId, identity: Identity, title: str, place: PlaceId = CHAT) -> EntryId:
        actor = await self.actor(identity, place)
        wish = Wish((track(title),))
        return (await self.do(room, lambda state, now: add(state, actor, wish, now))).entries[0]

    async def vote(self, room: RoomId, identity: Identity, entry: EntryId, value: int) -> int:
        person = await self.places.person(identity)

        def command(state: Room, now: int) -> int:
            return vote(state, find(state, entry), person, value, now).score

        return await self.do(room, command)

    async def come(self, room: RoomId, identity: Identity, place: PlaceId, hearing: Hearing) -> None:
        person = await self.places.person(identity)
        await self.do(room, lambda state, now: arrive(state, Presence(person, place, hearing, identity.name, now), now))

    async def titles(self, room: RoomId) -> list[str]:
        state = await self.rooms.read(room)
        return [state.entries[it].track.title for it in order_of(state, self.clock.time).entries()]

    async def score(self, room: RoomId, entry: EntryId) -> int:
        state = await self.rooms.read(room)
        return order_of(state, self.clock.time).tally(find(state, entry)).score

    async def seen(self, room: RoomId) -> object:
        """All that anybody sees, but for the version."""
        state, now = await self.rooms.read(room), self.clock.time
        shown = view(state, None, now, size=100)
        return shown.upcoming, shown.current, shown.polls, shown.listeners, electorate(state, now)


@pytest.fixture
def one(database: Database) -> Process:
    return Process(database)


async def guild(process: Process) -> RoomId:
    return (await process.places.guild_room(1, 7, "Guild")).room


async def leaders(database: Database) -> list[str | None]:
    async with database.read() as connection:
        return list(await connection.scalars(select(persons.c.leader).order_by(persons.c.created_at, persons.c.id)))


# People


async def test_the_votes_of_one_human_are_one_vote_the_later(one: Process) -> None:
    room = await guild(one)
    place = PlaceId("discord:7")
    await one.come(room, ANN, place, Hearing.VOICE)
    await one.come(room, ANNS_PAGE, place, Hearing.STREAM)
    entry = await one.ask(room, BEN, "A", place)
    assert await one.vote(room, ANN, entry, 1) == 1
    assert await one.vote(room, ANNS_PAGE, entry, 1) == 2
    assert len(electorate(await one.rooms.read(room), one.clock.time + 20_000)) == 2
    assert await one.people.link(ANNS_PAGE, ANN)
    assert await one.score(room, entry) == 1
    assert len(electorate(await one.rooms.read(room), one.clock.time + 20_000)) == 1
    assert await one.vote(room, ANN, entry, -1) == -1
    assert await one.vote(room, ANNS_PAGE, entry, 1) == 1
    await one.people.unlink(ANNS_PAGE)
    assert await one.score(room, entry) == 1  # the vote that stood last; the other one was withdrawn by it


async def test_linking_and_parting_again_leaves_everything_as_it_was(one: Process) -> None:
    room, place = await guild(one), PlaceId("discord:7")
    for identity, hearing in ((ANN, Hearing.VOICE), (ANNS_PAGE, Hearing.STREAM), (BEN, Hearing.VOICE)):
        await one.come(room, identity, place, hearing)
    ids = [
        await one.ask(room, it, title, place)
        for title, it in zip("ABCDEF", (ANN, ANN, ANNS_PAGE, BEN, ANNS_PAGE, BEN), strict=True)
    ]
    await one.vote(room, ANN, ids[3], 1)
    await one.vote(room, ANNS_PAGE, ids[3], 1)
    await one.vote(room, ANNS_PAGE, ids[1], 1)
    before = await one.seen(room)
    await one.people.link(ANN, ANNS_PAGE)
    assert await one.score(room, ids[1]) == 0  # it became a vote for one's own
    assert await one.seen(room) != before
    await one.people.unlink(ANN)
    assert await one.seen(room) == before


async def test_the_oldest_person_leads_a_group_without_chains(one: Process, database: Database) -> None:
    for identity in (ANN, ANNS_PHONE, ANNS_PAGE):
        one.clock.time += 1
        await one.places.person(identity)
    ann, phone, page = [await one.places.person(it) for it in (ANN, ANNS_PHONE, ANNS_PAGE)]
    assert await one.people.link(ANNS_PAGE, ANNS_PHONE)
    assert await leaders(database) == [None, None, phone]
    assert await one.people.link(ANNS_PAGE, ANN)
    assert await leaders(database) == [None, ann, ann]
    assert not await one.people.link(ANNS_PHONE, ANNS_PAGE)
    await one.people.unlink(ANN)
    assert await leaders(database) == [None, None, phone]
    await one.people.unlink(ANNS_PAGE)
    assert await leaders(database) == [None] * 3
    with pytest.raises(NotLinkedError):
        await one.people.unlink(ANNS_PAGE)
    assert [(it.audit.action, it.audit.actor) for it in await one.rooms.audit(None)] == [
        ("people.unlinked", page),
        ("people.unlinked", ann),
        ("people.linked", page),
        ("people.linked", page),
    ]


async def test_links_made_at_the_same_time_make_one_group(one: Process, database: Database) -> None:
    others = [Identity(Surface.WEB, str(number), "x") for number in range(6)]
    pairs = [(ANN, others[0]), *pairwise(others)]
    await asyncio.gather(*(one.people.link(*pair) for pair in pairs))
    assert len({await one.places.person(it) for it in (ANN, *others)}) == 7
    assert len([it for it in await leaders(database) if it is None]) == 1


async def test_another_process_sees_who_is_one_human(one: Process, database: Database) -> None:
    room, place, other = await guild(one), PlaceId("discord:7"), Process(database)
    await one.come(room, ANN, place, Hearing.VOICE)
    await one.come(room, ANNS_PAGE, place, Hearing.STREAM)
    assert listening(await other.rooms.read(room)) == 2
    await one.people.link(ANN, ANNS_PAGE)
    assert [it.room for it in one.bus.events if it.name == "room.changed"] == [room]
    assert listening(await other.rooms.read(room)) == 1
    await other.people.unlink(ANN)
    assert listening(await one.rooms.read(room)) == 2


async def test_a_newcomer_is_known_to_be_somebody_who_is_there(one: Process, database: Database) -> None:
    room, place, other = await guild(one), PlaceId("discord:7"), Process(database)
    await one.people.link(ANN, ANNS_PAGE)
    await other.come(room, ANN, place, Hearing.VOICE)
    await other.come(room, ANNS_PAGE, place, Hearing.STREAM)
    assert listening(await other.rooms.read(room)) == 1


async def test_who_was_parted_elsewhere_is_somebody_else_when_they_come(one: Process, database: Database) -> None:
    room, place, other = await guild(one), PlaceId("discord:7"), Process(database)
    page = await other.places.person(ANNS_PAGE)
    await one.people.link(ANN, ANNS_PAGE)
    await other.come(room, ANN, place, Hearing.VOICE)
    await one.people.unlink(ANNS_PAGE)
    assert listening(await other.rooms.read(room)) == 1
    now = other.clock.time
    await other.do(room, lambda state, _: arrive(state, Presence(page, place, Hearing.STREAM, "Ann", now), now))
    assert listening(await other.rooms.read(room)) == 2


@pytest.mark.parametrize("elder", [ANN, ANNS_PAGE])
async def test_links_of_people_who_did_nothing_here_yet_are_noticed(
    one: Process, database: Database, elder: Identity
) -> None:
    """A surface keeps who they are, and no room that is in memory names them."""
    room, place, other = await guild(one), PlaceId("discord:7"), Process(database)
    for identity in (elder, ANN, ANNS_PAGE):
        one.clock.time += 1
        await one.places.person(identity)
    known = [await other.places.person(it) for it in (ANN, ANNS_PAGE)]
    await other.rooms.read(room)
    await other.rooms.notice()
    await one.people.link(ANN, ANNS_PAGE)
    await one.people.link(BEN, CYD)
    await other.rooms.notice()
    now = other.clock.time
    ways = [Presence(it, place, way, "x", now) for it, way in zip(known, (Hearing.VOICE, Hearing.STREAM), strict=True)]
    await other.rooms.apply(room, lambda state: [arrive(state, way, now) for way in ways])
    assert listening(await other.rooms.read(room)) == 1
    await one.people.unlink(ANNS_PAGE)
    await other.rooms.notice()
    assert listening(await other.rooms.read(room)) == 2


async def test_only_rooms_where_they_did_something_get_a_new_version(one: Process) -> None:
    room, place = await guild(one), PlaceId("discord:7")
    far = (await one.places.guild_room(1, 8, "Far")).room
    await one.ask(room, ANN, "A", place)
    before = [(await one.rooms.read(it)).version for it in (room, far)]
    await one.people.link(ANN, BEN)
    assert [(await one.rooms.read(it)).version for it in (room, far)] == [before[0] + 1, before[1]]


# Places


async def chat(process: Process) -> RoomId:
    return (await process.places.place_room(CHAT, "Chat")).room


async def linked(process: Process) -> tuple[RoomId, RoomId, Actor]:
    """A guild's room with a queue, and a chat's that joined it."""
    host, guest = await guild(process), await chat(process)
    await process.do(host, lambda state, _now: setattr(state, "voice_channel", 5))
    await process.do(guest, lambda state, now: arrive(state, there(now), now))
    for title in ("G1", "G2", "G3"):
        await process.ask(host, BEN, title, PlaceId("discord:7"))
    for title, identity in (("C1", CYD), ("C2", CYD), ("C3", ANNS_PHONE)):
        await process.ask(guest, identity, title)
    await process.vote(guest, ANNS_PHONE, EntryId(2), 1)
    actor = await process.actor(BEN, PlaceId("discord:7"))
    await process.links.link(actor, CHAT, host)
    return host, guest, actor


def there(now: int) -> Presence:
    return Presence(PersonId("listener"), PlaceId("web:x"), Hearing.STREAM, "L", now)


async def test_a_chats_queue_joins_the_guilds_under_its_people(one: Process) -> None:
    host, guest, _ = await linked(one)
    state = await one.rooms.read(host)
    assert state.current is not None
    assert state.current.entry.track.title == "G1"
    joined = [it for it in state.entries.values() if it.place == CHAT]
    assert [(it.track.title, it.name, it.votes) for it in joined] == [("C2", "Cyd", {}), ("C3", "Ann's phone", {})]
    assert await one.titles(host) == ["C2", "C3", "G2", "G3"]
    left = await one.rooms.read(guest)
    assert (left.current, left.entries) == (None, {})
    assert [(it.title, it.reason) for it in await one.rooms.plays(guest)] == [("C1", EndReason.STOPPED)]
    assert (await one.places.place_room(CHAT, "Chat")).room == host
    assert [(await one.places.entrance(it)) for it in (guest, host)] == [await one.places.room(host)] * 2


async def test_the_guilds_settings_rule_and_the_best_plan_counts(one: Process) -> None:
    host, _, actor = await linked(one)
    state = await one.rooms.read(host)
    assert state.linked == (CHAT,)
    assert (state.settings.guests, state.mode) == (Guests.LISTEN, Mode.FAIR)
    assert state.limits == Limits("pro", queue=100, length=2, history_days=None)
    await one.links.unlink(actor, CHAT)
    assert (await one.rooms.read(host)).limits == PLANS["discord:7"]


async def test_parting_gives_each_place_what_its_people_asked_for(one: Process, database: Database) -> None:
    host, guest, actor = await linked(one)
    state = await one.rooms.read(host)
    (entry,) = [it.id for it in state.entries.values() if it.track.title == "C3"]
    await one.vote(host, BEN, entry, 1)
    assert state.current
    assert await one.links.unlink(actor, CHAT) == guest
    for process in (one, Process(database)):
        assert await process.titles(host) == ["G2", "G3"]
        assert (await process.rooms.read(host)).current is not None
        apart = await process.rooms.read(guest)
        assert apart.current is not None
        assert [apart.current.entry.track.title, *await process.titles(guest)] == ["C2", "C3"]
        assert [len(it.votes) for it in apart.entries.values()] == [1]
    assert (await one.places.place_room(CHAT, "Chat")).room == guest
    with pytest.raises(NotLinkedError):
        await one.links.unlink(actor, CHAT)
    assert [it.audit.action for it in await one.rooms.audit(CHAT)] == ["place.unlinked", "place.linked"]


async def test_what_cannot_be_linked(one: Process) -> None:
    host, _, actor = await linked(one)
    other = (await one.places.guild_room(1, 8, "Other")).room
    page = (await one.places.place_room(PlaceId("web:page"), "Page")).room
    with pytest.raises(AlreadyLinkedError):
        await one.links.link(actor, CHAT, other)
    with pytest.raises(CannotLinkError):
        await one.links.link(actor, PlaceId("discord:8"), host)
    with pytest.raises(CannotLinkError):
        await one.links.link(actor, PlaceId("web:page"), page)
    for place, room in (("web:page", "nowhere"), ("web:nowhere", host)):
        with pytest.raises(NoSuchRoomError):
            await one.links.link(actor, PlaceId(place), RoomId(room))
    await one.links.link(actor, PlaceId("web:page"), host)
    assert (await one.rooms.read(host)).linked == (CHAT, "web:page")
    entrance = await one.places.entrance(page)
    assert entrance is not None
    assert (entrance.room, entrance.place) == (host, "web:page")


async def test_commands_meanwhile_are_not_lost(one: Process, database: Database) -> None:
    """Whoever asks while two rooms become one finds their entry in one of both."""
    host, guest, other = await guild(one), await chat(one), Process(database)
    actor = await one.actor(BEN, PlaceId("discord:7"))
    await one.ask(guest, CYD, "on air, so dropped")
    assert (await one.rooms.read(guest)).current
    asking = [
        process.ask(room, CYD, f"{title}{number}")
        for number in range(8)
        for process, room, title in ((one, host, "H"), (other, guest, "G"))
    ]
    await asyncio.gather(*asking[:8], one.links.link(actor, CHAT, host), *asking[8:])
    found = await one.titles(host) + await one.titles(guest)
    states = [await one.rooms.read(it) for it in (host, guest)]
    found += [state.current.entry.track.title for state in states if state.current]
    assert sorted(found) == sorted(f"{title}{number}" for number in range(8) for title in "GH")
    for room in (host, guest):
        assert await Process(database).titles(room) == await one.titles(room)


def test_linking_is_for_chats_and_pages() -> None:
    check(PlaceId("web:a"), PlaceId("discord:1"))
    with pytest.raises(CannotLinkError):
        check(PlaceId("web:a"), PlaceId("web:b"))
