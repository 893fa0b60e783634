"""Grants and what they come to, on each database and in several processes."""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Collection
from unittest.mock import AsyncMock

import pytest
from sqlalchemy import delete

from billing.entitlements import Entitlements
from billing.plans import Plans
from bot.linking import ACTOR
from core.entitlements import entitlement, plans_at
from core.enums import GrantSource, Surface
from core.errors import NotLinkedError, StoreUnavailableError
from core.events import PlanChanged
from core.ports.grants import Tidings
from core.records.grants import Subject
from core.types import LOBBY, Identity, Limits, PlaceId, RoomId
from db.chats import SqlChats
from db.engine import Database
from db.entitlements import SqlEntitlements, grants_for, hold_grants, note_default
from db.grants import GrantedBeforeError, NoSuchGrantError, SqlGrants, put_grant, revoke_grant
from db.groups import Groups
from db.links import SqlLinks
from db.models import entitlements, grants
from db.people import SqlPeople
from db.personal import PersonalData
from db.places import SqlPlaces
from db.rooms import SqlRooms
from db.tidings import RedisTidings
from tests.db.commands import MovedClock, Recorder
from tests.waiting import until

FREE, PRO, ELITE = (
    Limits("free", queue=1, history_days=7), Limits("pro", queue=2, history_days=90), Limits("elite", queue=3),
)  # fmt: skip
PLANS = Plans({"free": FREE, "pro": PRO, "elite": ELITE}, "free")
PLACE, GIFT, DAY = PlaceId("web:lobby"), GrantSource.OPERATOR, 86_400_000
CLUB = Subject("organisation:club")
ANN, ANNS_PHONE = Identity(Surface.DISCORD, "1", "Ann"), Identity(Surface.TELEGRAM, "2", "Ann's phone")


class Process:
    """What one process has."""

    def __init__(self, database: Database, clock: MovedClock, tidings: Tidings | None = None) -> None:
        self.database = database
        self.clock = clock
        self.bus = Recorder()
        self.grants = SqlGrants(database, clock)
        self.entitlements = Entitlements(SqlEntitlements(database), PLANS, clock, tidings)
        database.watch(entitlements, self.entitlements.hear)
        self.places = SqlPlaces(database, clock)
        self.people = SqlPeople(database, self.bus, clock, Groups())
        self.rooms = SqlRooms(database, self.bus, clock, limits=self.entitlements.limits)
        self.changed: list[Collection[PlaceId]] = []

    async def plan(self, place: PlaceId = PLACE) -> str:
        """The plan after a look at the store."""
        await self.entitlements.refresh()
        return self.entitlements.limits(place).plan

    def tell(self, places: Collection[PlaceId]) -> None:
        self.changed.append(places)
        self.rooms.replan(places)

    async def give(self, plan: str, subject: Subject = Subject(PLACE), days: int | None = 30) -> int:  # noqa: B008
        until = None if days is None else self.clock.time + days * DAY
        return (await self.grants.give(GIFT, subject, plan, until=until)).id


@pytest.fixture
async def one(database: Database) -> Process:
    process = Process(database, MovedClock())
    await process.places.lobby()
    return process


async def test_the_highest_plan_counts_as_long_as_it_lasts(one: Process) -> None:
    assert await one.plan() == "free"
    await one.give("pro", days=30)
    assert await one.plan() == "pro"
    await one.give("elite", days=3)
    await one.give("pro", days=10)
    assert await one.plan() == "elite"
    one.clock.time += 3 * DAY - 1
    assert await one.plan() == "elite"
    one.clock.time += 1
    assert one.entitlements.limits(PLACE).plan == "pro", "at once, without a look at the store"
    one.clock.time += 27 * DAY
    assert await one.plan() == "free"
    assert one.entitlements.kept(PLACE) == ELITE, "what was gathered is kept"
    assert one.entitlements.limits(PlaceId("web:other")) == one.entitlements.kept(PlaceId("web:other")) == FREE


async def test_a_revoked_grant_counts_no_longer(one: Process) -> None:
    number = await one.give("elite", days=None)
    assert await one.plan() == "elite"
    one.clock.time += DAY
    assert (await one.grants.revoke(number)).revoked_at == one.clock.time
    assert await one.plan() == "free"
    for wrong in (number, number + 1):
        with pytest.raises(NoSuchGrantError):
            await one.grants.revoke(wrong)
    assert [(it.id, it.plan, it.valid_until) for it in await one.grants.all()] == [(number, "elite", None)]


async def test_a_persons_and_an_organisations_plan_counts_for_the_places_it_covers(one: Process) -> None:
    person = Subject(f"person:{await one.places.person(ANN)}")
    other = PlaceId("discord:7")
    assert await one.grants.cover(PLACE, person)
    assert not await one.grants.cover(PLACE, person)
    await one.give("pro", person)
    assert (await one.plan(), await one.plan(other)) == ("pro", "free")
    await one.give("elite", CLUB)
    assert await one.grants.cover(PLACE, CLUB)
    assert await one.grants.cover(other, CLUB)
    assert (await one.plan(), await one.plan(other)) == ("elite", "elite")
    assert await one.grants.uncover(PLACE, CLUB)
    assert not await one.grants.uncover(PLACE, CLUB)
    assert (await one.plan(), await one.plan(other)) == ("pro", "elite")


async def test_linked_accounts_are_one_subject(one: Process) -> None:
    host, payer = [await one.places.person(it) for it in (ANN, ANNS_PHONE)]
    await one.grants.cover(PLACE, Subject(f"person:{host}"))
    await one.give("pro", Subject(f"person:{payer}"))
    assert await one.plan() == "free"
    await one.people.link(ANN, ANNS_PHONE)
    assert await one.plan() == "pro"
    await one.grants.give(GrantSource.TRIAL, Subject(f"person:{host}"), "elite", until=one.clock.time + DAY)
    with pytest.raises(GrantedBeforeError):
        await one.grants.give(GrantSource.TRIAL, Subject(f"person:{payer}"), "elite", until=None)
    assert await one.plan() == "elite"
    await one.people.unlink(ANNS_PHONE)
    one.clock.time += DAY
    assert await one.plan() == "free"


async def test_a_trial_and_a_name_are_given_once(one: Process) -> None:
    for source, ref, other in ((GrantSource.TRIAL, None, "web:a"), (GIFT, "order 5", PLACE)):
        await one.grants.give(source, Subject(PLACE), "pro", until=None, ref=ref)
        with pytest.raises(GrantedBeforeError):
            await one.grants.give(source, Subject(PLACE), "elite", until=None, ref=ref)
        await one.grants.give(source, Subject(other), "pro", until=None, ref=ref and "order 6")
    assert len(await one.grants.all()) == 4
    assert await one.plan() == "pro"


async def test_every_change_is_audited(one: Process) -> None:
    number = await one.give("pro")
    await one.grants.cover(PLACE, CLUB)
    await one.grants.uncover(PLACE, CLUB)
    await one.grants.revoke(number)
    await one.give("pro", CLUB)
    rows = [it.audit for it in await one.rooms.audit(None)]
    assert [(it.action, it.place, it.actor) for it in rows] == [
        ("plan.granted", "*", "operator"),
        *((action, PLACE, "operator") for action in ("plan.revoked", "plan.uncovered", "plan.covered", "plan.granted")),
    ]
    assert (rows[-1].before, rows[-1].after["plan"], rows[-1].after["id"]) == ({}, "pro", number)
    assert rows[1].before == rows[-1].after


async def test_what_was_bought_is_not_audited_as_the_operators(one: Process) -> None:
    dialect, now, ref = one.database.dialect, one.clock.time, "sub_1"
    async with one.database.write() as connection:
        await hold_grants(connection, dialect)
        paid = {"starts_at": now, "valid_until": now + DAY, "now": now}
        await put_grant(connection, dialect, GrantSource.STRIPE, ref, Subject(PLACE), "pro", **paid)
        await revoke_grant(connection, dialect, GrantSource.STRIPE, ref, at=now, now=now)
    rows = [it.audit for it in await one.rooms.audit(None)]
    assert [(it.action, it.actor) for it in rows] == [("plan.revoked", "stripe"), ("plan.granted", "stripe")]


@pytest.mark.parametrize("known", [False, True])
async def test_a_chat_that_gets_another_id_keeps_its_plan(one: Process, known: bool) -> None:
    old, new = PlaceId("telegram:-1"), PlaceId("telegram:-100")
    for place in (old, new) if known else (old,):
        await one.places.place_room(place, "Chat")
    await one.give("pro", Subject(old))
    for place in (old, new) if known else (old,):
        await one.grants.cover(place, CLUB)
    await one.give("elite", CLUB, days=1)
    assert await one.plan(old) == "elite"
    for _ in range(2):
        await SqlChats(one.database).move(old, new)
    assert (await one.plan(new), await one.plan(old)) == ("elite", "free")
    one.clock.time += DAY
    assert await one.plan(new) == "pro"


async def test_other_processes_know_within_a_second_and_tell_their_rooms(one: Process) -> None:
    other = Process(one.database, one.clock)
    room = await other.rooms.read(LOBBY)
    assert room.limits == FREE
    following = asyncio.create_task(other.entitlements.follow(other.tell))
    number = await one.give("elite")
    await until(lambda: room.limits == ELITE, within=1)
    assert other.bus.events == [PlanChanged(room=LOBBY, version=room.version)]
    await one.grants.revoke(number)
    await until(lambda: room.limits == FREE, within=1)
    assert (await other.rooms.read(LOBBY, known=1)).limits == FREE
    assert len(other.changed) == 2, "nothing is told twice"
    following.cancel()
    await asyncio.wait([following])


async def test_what_is_committed_here_is_known_at_once(one: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("billing.entitlements.NOTICE", 60)
    following = asyncio.create_task(one.entitlements.follow(one.tell))
    room = await one.rooms.read(LOBBY)
    number = await one.give("pro")
    await until(lambda: room.limits == PRO, within=10)
    await one.grants.revoke(number)
    await until(lambda: room.limits == FREE, within=10)
    following.cancel()
    await asyncio.wait([following])


async def test_what_one_process_commits_all_know_at_once_by_redis(
    one: Process, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:  # 12
    monkeypatch.setattr("billing.entitlements.NOTICE", 60)  # it is not the store that tells them
    elsewhere = Database(one.database.url.render_as_string(hide_password=False))
    key = secrets.token_bytes(32)
    writer, other = [Process(it, one.clock, RedisTidings(redis_url, key)) for it in (one.database, elsewhere)]
    await one.give("pro", Subject("web:else"))
    running = [
        asyncio.create_task(work)
        for it in (writer, other)
        for work in (it.entitlements.follow(it.tell), it.entitlements.attend())
    ]
    heard = [(await it.rooms.read(LOBBY)) for it in (writer, other)]
    await until(lambda: all(it.entitlements.limits(PlaceId("web:else")) == PRO for it in (writer, other)))
    await writer.give("pro")
    await until(lambda: other.entitlements.limits(PLACE) == PRO, within=5, what="the other listens")
    away = AsyncMock(side_effect=StoreUnavailableError)
    monkeypatch.setattr(other.entitlements._store, "news", away)
    number = await writer.give("elite")
    await until(lambda: all(room.limits == ELITE for room in heard), within=10)
    await writer.grants.revoke(number)
    await until(lambda: all(room.limits == PRO for room in heard), within=10)
    for task in running:
        task.cancel()
    await asyncio.wait(running)
    await elsewhere.close()


async def test_a_plan_that_runs_out_is_told_without_anybody_writing(one: Process) -> None:
    room = await one.rooms.read(LOBBY)
    await one.give("pro", days=1)
    following = asyncio.create_task(one.entitlements.follow(one.tell))
    await until(lambda: room.limits == PRO, within=1)
    one.clock.time += DAY
    await until(lambda: room.limits == FREE, within=1)
    assert [event.room for event in one.bus.events] == [LOBBY, LOBBY]
    following.cancel()
    await asyncio.wait([following])


async def test_a_linked_places_plan_reaches_the_room_that_it_shares(one: Process) -> None:
    chat = PlaceId("telegram:5")
    guild = await one.places.guild_room(1, 7, "Guild")
    await one.places.place_room(chat, "Chat")
    links = SqlLinks(one.database, one.bus, one.clock, Groups())
    await links.link(ACTOR, chat, guild.room)
    room = await one.rooms.read(guild.room)
    await one.give("elite", Subject(chat))
    one.rooms.replan(await one.entitlements.refresh())
    assert room.limits == ELITE
    told = [event.room for event in one.bus.events if isinstance(event, PlanChanged)]
    assert told == [RoomId(guild.room)]


async def test_a_store_that_is_away_changes_nobodys_plan(one: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    await one.give("pro", days=1)
    assert await one.plan() == "pro"

    async def away(_since: int) -> None:
        raise StoreUnavailableError

    store = one.entitlements._store
    monkeypatch.setattr(store, "news", away)
    following = asyncio.create_task(one.entitlements.follow(one.tell))
    await asyncio.sleep(0)
    assert one.entitlements.limits(PLACE) == PRO
    one.clock.time += DAY
    await until(lambda: {PLACE} in one.changed, within=2)
    assert one.entitlements.limits(PLACE) == FREE
    monkeypatch.undo()
    await one.give("elite")
    await until(lambda: one.entitlements.limits(PLACE) == ELITE, within=2)
    following.cancel()
    await asyncio.wait([following])


async def test_a_standby_that_lost_the_latest_grants_goes_on_above_them(one: Process) -> None:
    await one.give("pro")
    assert await one.plan() == "pro"
    await one.give("pro", Subject("web:else"))
    assert await one.plan(PlaceId("web:else")) == "pro"
    async with one.database.write() as connection:
        for table in (grants, entitlements):
            await connection.execute(delete(table))
    await one.give("elite")
    assert await one.plan() == "elite"


async def test_a_lower_plan_for_everybody_throws_nothing_away_that_was_gathered_before(one: Process) -> None:
    start = one.clock.time
    for plan in ("free", "elite", "elite", "free", "free"):
        await note_default(one.database, plan, one.clock.time)
        one.clock.time += DAY
    other = Process(one.database, one.clock)
    assert await other.plan() == "free"
    assert other.entitlements.spared() == start + 3 * DAY, "when Elite was everybody's no more"


async def test_what_was_gathered_is_kept_whoever_takes_the_plan_away(one: Process) -> None:
    person = await one.places.person(ANN)
    takers = {"club": CLUB, "person": Subject(f"person:{person}")}
    for name, subject in takers.items():
        place = PlaceId(f"web:{name}")
        await one.give("elite", subject)
        await one.grants.cover(place, subject)
        assert await one.plan(place) == "elite"
        await one.grants.uncover(place, subject)
        assert await one.plan(place) == "free"
        assert one.entitlements.kept(place) == ELITE
    await one.grants.cover(PLACE, takers["person"])
    await PersonalData(one.database, one.clock).forget(person)
    assert await one.plan() == "free"
    assert one.entitlements.kept(PLACE) == ELITE
    await SqlChats(one.database).move(PLACE, PlaceId("telegram:-100"))
    assert await one.plan(PlaceId("telegram:-100")) == "free"
    assert one.entitlements.kept(PlaceId("telegram:-100")) == ELITE
    other = Process(one.database, one.clock)
    await other.plan()
    assert other.entitlements.kept(PlaceId("telegram:-100")) == ELITE


async def test_after_any_changes_everybody_has_what_the_grants_say(one: Process) -> None:
    """Each change works out anew only the places that it concerns: none is forgotten."""
    chance = random.Random(35)
    accounts = [Identity(Surface.DISCORD, str(number), f"Account {number}") for number in range(4)]
    people = [Subject(f"person:{await one.places.person(it)}") for it in accounts]
    places = [PlaceId(f"telegram:-{number}") for number in range(1, 5)]
    numbers, seen = list[int](), set[tuple[PlaceId, str]]()

    async def change() -> None:
        place, subject = chance.choice(places), chance.choice([*people, CLUB])
        match chance.choice(
            ["give", "revoke", "cover", "cover", "uncover", "link", "link", "unlink", "unlink", "move", "time"]
        ):
            case "give":
                whom = chance.choice([Subject(place), subject, subject, subject])
                numbers.append(await one.give(chance.choice(["pro", "elite"]), whom, chance.choice([1, 2, None])))
            case "revoke" if numbers:
                await one.grants.revoke(numbers.pop(chance.randrange(len(numbers))))
            case "cover":
                await one.grants.cover(place, subject)
            case "uncover":
                await one.grants.uncover(place, subject)
            case "link":
                await one.people.link(*chance.sample(accounts, 2))
            case "unlink":
                with contextlib.suppress(NotLinkedError):
                    await one.people.unlink(chance.choice(accounts))
            case "move":
                await SqlChats(one.database).move(place, chance.choice([it for it in places if it != place]))
            case _:
                one.clock.time += DAY // 2

    for _ in range(80):
        await change()
        await one.entitlements.refresh()
        async with one.database.read() as connection:
            for place in places:
                spans = entitlement(await grants_for(connection, place, one.database.dialect))
                assert one.entitlements.limits(place) == PLANS.highest(plans_at(spans, one.clock.now()))
                seen.add((place, one.entitlements.limits(place).plan))
    assert {plan for _, plan in seen} == {"free", "pro", "elite"}, "there was something to see"


async def test_grants_given_at_once_all_count(one: Process) -> None:
    places = [PlaceId(f"web:{number}") for number in range(20)]
    reader = asyncio.create_task(one.entitlements.follow(one.tell))
    await asyncio.gather(*(one.give("pro", Subject(place)) for place in places for _ in range(2)))
    await until(lambda: all(one.entitlements.limits(place) == PRO for place in places), within=2)
    reader.cancel()
    await asyncio.wait([reader])


async def test_a_plan_that_the_file_lost_is_found_out(one: Process) -> None:
    await one.give("gold", days=1)
    assert await one.plan() == "free"
    assert one.entitlements.strangers() == {"gold"}
    one.clock.time += DAY
    assert one.entitlements.strangers() == set()
