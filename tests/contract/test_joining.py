"""Codes that join rooms and accounts, on every database."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from core.bus import LocalBus
from core.enums import Surface
from core.errors import (
    AlreadyLinkedError,
    CannotLinkError,
    ForbiddenError,
    NoSuchCodeError,
    NotLinkedError,
    RateLimitedError,
)
from core.joining import GUESSES, Joining
from core.rates import OwnCounter
from core.types import Actor, Identity, PersonId, PlaceId
from db.codes import LIFE, SqlCodes
from db.engine import Database
from db.groups import Groups
from db.links import SqlLinks
from db.people import SqlPeople
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.fakes import FakeClock

ANN = Identity(Surface.DISCORD, "1", "Ann")
HER_PHONE = Identity(Surface.TELEGRAM, "2", "Ann’s phone")
CHAT = PlaceId("telegram:-5")
KEY = b"k" * 32


class Rig:
    """A guild with an admin, a chat with an admin, and what is between them."""

    def __init__(self, database: Database) -> None:
        self.clock = FakeClock()
        groups, bus = Groups(), LocalBus()
        self.rooms = SqlRooms(database, bus, self.clock, groups=groups)
        self.places = SqlPlaces(database, self.clock, groups)
        links, people = SqlLinks(database, bus, self.clock, groups), SqlPeople(database, bus, self.clock, groups)
        self.codes = SqlCodes(database, self.clock, [KEY])
        self.joining = Joining(self.rooms, links, people, self.codes, self.clock, OwnCounter(self.clock))

    async def begin(self) -> None:
        self.host = await self.places.guild_room(1, 7, "Guild")
        await self.places.place_room(CHAT, "Chat")
        ann, phone = await self.places.person(ANN), await self.places.person(HER_PHONE)
        self.ann = Actor(ann, "Ann", self.host.place, Surface.DISCORD, admin=True)
        self.phone = Actor(phone, "Ann’s phone", CHAT, Surface.TELEGRAM, admin=True)


@pytest.fixture
async def rig(database: Database) -> AsyncIterator[Rig]:
    rig = Rig(database)
    await rig.begin()
    yield rig
    await rig.rooms.close()


async def test_a_chat_joins_by_a_code_and_parts_again(rig: Rig) -> None:
    code = await rig.joining.invite(rig.host.room, rig.ann)
    assert await rig.joining.join(rig.phone, code.lower().replace("-", " ")) == rig.host.room
    assert (await rig.places.place_room(CHAT, "Chat")).room == rig.host.room
    again = await rig.joining.invite(rig.host.room, rig.ann)
    with pytest.raises(AlreadyLinkedError):
        await rig.joining.join(rig.phone, again)
    own = await rig.joining.part(rig.phone)
    assert (await rig.places.place_room(CHAT, "Chat")).room == own != rig.host.room
    with pytest.raises(NotLinkedError):
        await rig.joining.part(rig.phone)


async def test_both_sides_have_to_be_admins(rig: Rig) -> None:
    with pytest.raises(ForbiddenError):
        await rig.joining.invite(rig.host.room, replace(rig.ann, admin=False))
    code = await rig.joining.invite(rig.host.room, rig.ann)
    with pytest.raises(ForbiddenError):
        await rig.joining.join(replace(rig.phone, admin=False), code)
    with pytest.raises(ForbiddenError):
        await rig.joining.part(replace(rig.phone, admin=False))
    assert await rig.joining.join(rig.phone, code) == rig.host.room


async def test_a_code_works_once_and_for_ten_minutes(rig: Rig) -> None:
    first, second = [await rig.joining.invite(rig.host.room, rig.ann) for _ in range(2)]
    assert first != second
    await rig.joining.join(rig.phone, first)
    await rig.joining.part(rig.phone)
    with pytest.raises(NoSuchCodeError):
        await rig.joining.join(rig.phone, first)
    rig.clock.move(LIFE)
    with pytest.raises(NoSuchCodeError):
        await rig.joining.join(rig.phone, second)


async def test_a_code_that_two_chats_enter_at_once_is_one_chats(rig: Rig) -> None:
    others = [PlaceId(f"telegram:-{number}") for number in range(10, 14)]
    for place in others:
        await rig.places.place_room(place, "Chat")
    code = await rig.joining.invite(rig.host.room, rig.ann)
    tries = [rig.joining.join(replace(rig.phone, place=place, person=PersonId(place)), code) for place in others]
    told = await asyncio.gather(*tries, return_exceptions=True)
    assert [one for one in told if not isinstance(one, NoSuchCodeError)] == [rig.host.room]
    assert len((await rig.rooms.read(rig.host.room)).linked) == 1


async def test_two_codes_that_a_chat_enters_at_once_join_it_once(rig: Rig) -> None:
    codes = [await rig.joining.invite(rig.host.room, rig.ann) for _ in range(2)]
    told = await asyncio.gather(*[rig.joining.join(rig.phone, code) for code in codes], return_exceptions=True)
    assert {type(one) for one in told} == {str, AlreadyLinkedError}
    assert (await rig.rooms.read(rig.host.room)).linked == (CHAT,)


async def test_a_code_is_signed_for_its_purpose_and_by_us(database: Database, rig: Rig) -> None:
    others, later = SqlCodes(database, rig.clock, [b"o" * 32]), SqlCodes(database, rig.clock, [b"n" * 32, KEY])
    code = await others.issue("room", rig.host.room)
    assert await rig.codes.redeem("room", code) is None
    assert await others.redeem("room", code) == rig.host.room, "a forged one spoils nothing"
    code = await rig.codes.issue("room", rig.host.room)
    changed = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert await rig.codes.redeem("room", changed) is None
    assert await rig.codes.redeem("room", code[:-1]) is None
    assert await rig.codes.redeem("person", code) is None
    assert await later.redeem("room", code) == rig.host.room, "after the secret was changed"
    assert await rig.codes.redeem("room", code) is None


async def test_guessing_is_slow(rig: Rig) -> None:
    code = await rig.joining.invite(rig.host.room, rig.ann)
    for _ in range(GUESSES.most):
        with pytest.raises(NoSuchCodeError):
            await rig.joining.join(rig.phone, "AAAAA-AAAAA")
    with pytest.raises(RateLimitedError) as error:
        await rig.joining.join(rig.phone, code)
    assert 0 < error.value.retry_after <= 60
    rig.clock.move(60_000)
    assert await rig.joining.join(rig.phone, code) == rig.host.room


async def test_a_guild_cannot_join_and_codes_are_not_exchanged(rig: Rig) -> None:
    code = await rig.joining.invite(rig.host.room, rig.ann)
    with pytest.raises(CannotLinkError):
        await rig.joining.join(rig.ann, code)
    of_person = await rig.joining.introduce(ANN)
    with pytest.raises(NoSuchCodeError):
        await rig.joining.join(rig.phone, of_person)


async def test_two_accounts_become_one_human_and_part_again(rig: Rig) -> None:
    code = await rig.joining.introduce(ANN)
    assert await rig.joining.recognise(rig.phone.person, HER_PHONE, code) == ANN
    with pytest.raises(NoSuchCodeError):
        await rig.joining.recognise(rig.phone.person, HER_PHONE, code)
    await rig.joining.forget(HER_PHONE)
    with pytest.raises(NotLinkedError):
        await rig.joining.forget(HER_PHONE)


async def test_a_token_of_somebody_else_is_claimed_once_and_as_long_as_it_lives(database: Database) -> None:
    clock = FakeClock()
    codes, until = SqlCodes(database, clock, [KEY]), clock.now() + 1_000
    assert await codes.claim("mini app", "word", until=until)
    assert not await codes.claim("mini app", "word", until=until)
    assert await codes.claim("mini app", "another", until=until)
    assert await codes.claim("something else", "word", until=until)
    assert await codes.redeem("mini app", "word") is None
    clock.move(2_000)
    await codes.claim("mini app", "third", until=clock.now() + 1_000)
    assert await codes.claim("mini app", "word", until=clock.now() + 1_000)  # what has run out is forgotten
