"""What every store of history and favourites promises, on each database."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.bus import LocalBus
from core.enums import EndReason, Surface
from core.room import Room
from core.types import LOBBY, EntryId, Identity, PersonId, RoomId, Track, TrackRef
from db.engine import Database
from db.groups import Groups
from db.people import SqlPeople
from db.places import SqlPlaces
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from tests.db.commands import MovedClock, Recorder, play, track

ANN = Identity(Surface.DISCORD, "1", "Ann")
ANNA = Identity(Surface.WEB, "a", "Anna")
BEN = Identity(Surface.WEB, "b", "Ben")


class Store:
    def __init__(self, database: Database) -> None:
        self.clock, self.groups = MovedClock(), Groups()
        self.places = SqlPlaces(database, self.clock, self.groups)
        self.people = SqlPeople(database, LocalBus(), self.clock, self.groups)
        self.rooms = SqlRooms(database, Recorder(), self.clock)
        self.shelf = SqlShelf(database, self.clock)

    async def keep(self, person: PersonId, *titles: str) -> None:
        for title in titles:
            self.clock.time += 1
            await self.shelf.keep(person, track(title))

    async def titles(self, person: PersonId) -> list[str]:
        return [kept.title for kept in await self.shelf.favourites(person)]


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


async def test_favourites_come_back_whole_and_newest_first(store: Store) -> None:
    ann, ben = [await store.places.person(who) for who in (ANN, BEN)]
    bare = Track(TrackRef("url:x"), "", length=None)
    await store.shelf.keep(ann, bare)
    await store.keep(ann, "A", "B", "A")
    assert await store.shelf.favourites(ann) == [track("B"), track("A"), bare]
    assert await store.shelf.favourites(ann, offset=1, size=1) == [track("A")]
    assert await store.shelf.favourites(ben) == []
    assert await store.shelf.is_favourite(ann, track("A"))
    assert not await store.shelf.is_favourite(ben, track("A"))
    await store.shelf.let_go(ann, track("A"))
    await store.shelf.let_go(ann, track("A"))
    await store.shelf.let_go(ben, track("B"))
    assert await store.titles(ann) == ["B", ""]


async def test_linked_identities_share_their_favourites_and_part_with_their_own(store: Store) -> None:
    ann, anna, ben = [await store.places.person(who) for who in (ANN, ANNA, BEN)]
    await store.keep(ann, "A", "B")
    await store.keep(anna, "B", "C")
    await store.keep(ben, "Z")
    await store.people.link(ANN, ANNA)
    assert await store.titles(ann) == await store.titles(anna) == ["C", "B", "A"]
    assert await store.shelf.is_favourite(ann, track("C"))
    await store.shelf.let_go(anna, track("B"))
    await store.people.unlink(ANNA)
    assert (await store.titles(ann), await store.titles(anna), await store.titles(ben)) == (["A"], ["C"], ["Z"])


async def test_history_is_read_page_by_page_and_by_entry(store: Store) -> None:
    await store.places.lobby()
    room = await store.rooms.read(LOBBY)
    for number in (1, 2, 3, 2):
        await store.rooms.apply(LOBBY, lambda it, number=number: it.changes.plays.append(play(it, EntryId(number))))
    first = await store.shelf.history(LOBBY, size=3)
    assert [it.play.entry for it in first] == [2, 3, 2]
    assert first[0].play == play(room, EntryId(2))
    assert [it.play.entry for it in await store.shelf.history(LOBBY, before=first[-1].id)] == [1]
    assert first[0].id > first[1].id
    assert await store.shelf.play(LOBBY, EntryId(2)) == first[0].play
    assert await store.shelf.play(LOBBY, EntryId(9)) is None
    assert await store.shelf.play(RoomId("other"), EntryId(2)) is None
    assert not await store.shelf.history(RoomId("other"))


@pytest.mark.parametrize("number", [10**30, -(10**30), -1, 2**63])
async def test_no_number_is_too_odd(store: Store, number: int) -> None:
    ann = await store.places.person(ANN)
    await store.places.lobby()
    await store.rooms.apply(LOBBY, lambda it: it.changes.plays.append(play(it, EntryId(1))))
    await store.keep(ann, "A")
    assert len(await store.shelf.history(LOBBY, before=number)) == (number > 0)
    assert len(await store.shelf.history(LOBBY, size=number)) == (number > 0)
    assert len(await store.shelf.favourites(ann, offset=number)) == (number < 0)
    assert await store.shelf.play(LOBBY, EntryId(number)) is None


async def test_a_room_knows_where_it_left_tracks(store: Store, database: Database) -> None:
    """The last play of each decides; what was heard to the end, or in another room, is not known."""
    ref = await store.places.lobby()
    other = await store.places.guild_room(1, 2, "Guild")
    a, b, c = (TrackRef(f"url:{name}") for name in "abc")

    def stopped(ref: TrackRef, position: int, reason: EndReason = EndReason.SKIPPED) -> Callable[[Room], None]:
        def command(room: Room) -> None:
            row = play(room, EntryId(1))
            room.changes.plays.append(replace(row, ref=ref, length=600_000, position=position, reason=reason))

        return command

    for command in (stopped(a, 60_000), stopped(b, 70_000), stopped(a, 90_000), stopped(c, 80_000)):
        await store.rooms.apply(ref.room, command)
    await store.rooms.apply(ref.room, stopped(b, 600_000, EndReason.FINISHED))
    await store.rooms.apply(other.room, stopped(c, 50_000))
    assert await store.shelf.left(ref.room, [a, b, TrackRef("url:new")]) == {a: 90_000}
    assert await store.shelf.left(other.room, [a, c]) == {c: 50_000}
    assert await store.shelf.left(ref.room, []) == {}
