"""What the page shows until it was read, on each database."""

import pytest

from core.enums import Surface
from core.records.notices import Effect, Notice, NoticeKind, Topic
from core.types import Identity, PersonId, PlaceId
from db.board import SHOWN, SqlBoard
from db.chats import SqlChats
from db.engine import Database
from db.groups import Groups
from db.outbox import SqlOutbox
from db.people import SqlPeople
from db.places import SqlPlaces
from tests.db.commands import MovedClock, Recorder

ANN, ANNS_PAGE = Identity(Surface.DISCORD, "1", "Ann"), Identity(Surface.WEB, "guest", "Ann")
CHAT, HOUR = PlaceId("telegram:-5"), 3_600_000


class House:
    """What one process has."""

    def __init__(self, database: Database) -> None:
        self.database, self.clock = database, MovedClock()
        self.board, self.outbox = SqlBoard(database, self.clock), SqlOutbox(database, self.clock)
        self.places = SqlPlaces(database, self.clock)

    async def tell(self, key: str, person: PersonId | None, kind: NoticeKind = NoticeKind.ENDED, **more: int) -> None:
        effect: Effect = Notice(key, kind, person, CHAT, {"plan": "pro"}, more.get("due"), admins=True)
        await self.outbox.put(effect)

    async def shown(self, person: PersonId | None, *places: PlaceId) -> list[str]:
        found = [it.key for it in await self.board.unread(person, places)]
        assert len(found) == min(SHOWN, await self.board.count(person, places))
        return found


@pytest.fixture
async def house(database: Database) -> House:
    return House(database)


@pytest.fixture
async def ann(house: House) -> PersonId:
    await house.places.place_room(CHAT, "Chat")
    return await house.places.person(ANN)


async def test_it_is_shown_when_due_until_it_was_read(house: House, ann: PersonId) -> None:
    await house.tell("later", ann, due=house.clock.now() + HOUR)
    await house.tell("now", ann)
    assert await house.shown(ann) == ["now"]
    house.clock.time += HOUR
    assert await house.shown(ann) == ["now", "later"]
    (first, second) = await house.board.unread(ann)
    assert (first.place_name, first.data) == ("Chat", {"plan": "pro"})
    assert await house.board.read(first.id, ann)
    assert not await house.board.read(first.id, ann)
    assert await house.shown(ann) == ["later"]
    assert second.key == "later"


async def test_nobody_reads_what_is_somebody_elses(house: House, ann: PersonId) -> None:
    ben = await house.places.person(Identity(Surface.DISCORD, "2", "Ben"))
    await house.tell("hers", ann)
    (letter,) = await house.board.unread(ann)
    assert await house.shown(ben) == await house.shown(None) == []
    assert await house.shown(ben, PlaceId("telegram:-6")) == []
    assert not await house.board.read(letter.id, ben, [PlaceId("telegram:-6")])
    assert not await house.board.read(letter.id, None)
    assert await house.shown(ann) == ["hers"]


async def test_whoever_is_the_same_human_reads_it_too(house: House, ann: PersonId) -> None:
    page = await house.places.person(ANNS_PAGE)
    await house.tell("hers", ann)
    assert await house.shown(page) == []
    await SqlPeople(house.database, Recorder(), house.clock, Groups()).link(ANN, ANNS_PAGE)
    (letter,) = await house.board.unread(page)
    assert await house.board.read(letter.id, page)
    assert await house.shown(ann) == []


async def test_the_admins_of_a_place_see_it_until_one_read_it(house: House, ann: PersonId) -> None:
    await house.tell("of the chat", ann)
    assert await house.shown(None, CHAT) == ["of the chat"]
    assert await house.shown(ann, CHAT) == ["of the chat"], "once for whoever pays and looks after it"
    (letter,) = await house.board.unread(None, [CHAT])
    assert await house.board.read(letter.id, None, [CHAT])
    assert await house.shown(None, CHAT) == []
    assert await house.shown(ann) == ["of the chat"], "the payer has not read it"
    await house.tell("another", ann)
    (_, second) = await house.board.unread(ann, [CHAT])
    assert await house.board.read(second.id, ann, [CHAT])
    assert await house.shown(ann, CHAT) == ["of the chat"]


async def test_what_is_about_money_is_shown_whatever_was_chosen(house: House, ann: PersonId) -> None:
    for topic in Topic:
        await house.board.mute(ann, topic, on=True)
    assert set(await house.board.muted(ann)) == set(Topic)
    await house.tell("trouble", ann, NoticeKind.PAYMENT_FAILED)
    await house.tell("a tip", ann, NoticeKind.TIP_RECEIVED)
    assert await house.shown(ann) == ["trouble"]
    await house.board.mute(ann, Topic.TIPS, on=False)
    assert await house.shown(ann) == ["trouble", "a tip"]


async def test_what_somebody_muted_leaves_room_for_what_they_must_know(house: House, ann: PersonId) -> None:
    await house.board.mute(ann, Topic.TIPS, on=True)
    for number in range(SHOWN):
        await house.tell(f"tip {number}", ann, NoticeKind.TIP_RECEIVED)
    house.clock.time += HOUR
    await house.tell("trouble", ann, NoticeKind.PAYMENT_FAILED)
    assert await house.shown(ann) == await house.shown(ann, CHAT) == ["trouble"]
    await house.board.mute(ann, Topic.TIPS, on=False)
    assert len(await house.shown(ann)) == SHOWN
    assert await house.board.count(ann, [CHAT]) == SHOWN + 1, "each once, whatever ways it is shown by"


async def test_what_waits_for_a_chat_follows_it_to_its_new_id(house: House, ann: PersonId) -> None:
    await house.tell("of the chat", None)
    await SqlChats(house.database).move(CHAT, PlaceId("telegram:-1005"))
    assert await house.shown(None, PlaceId("telegram:-1005")) == ["of the chat"]
    assert await house.shown(None, CHAT) == []
