"""The outbox and who empties it: each effect once by each channel, on each database, whatever breaks in between."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Row, insert, select, update

from billing.notices import ATTEMPTS, FEWER, Courier, Jobs
from core.enums import Surface
from core.errors import StoreUnavailableError
from core.ports.notices import NotSentError, UndeliverableError
from core.records.notices import (
    Channel,
    Contact,
    Effect,
    Job,
    Letter,
    LetterState,
    Notice,
    NoticeKind,
    Topic,
    Withdrawal,
)
from core.types import Identity, PersonId, PlaceId
from db.board import SqlBoard
from db.engine import Database
from db.groups import Groups
from db.models import outbox, persons
from db.outbox import KEPT, UNREAD, SqlOutbox, put_effects
from db.people import SqlPeople
from db.personal import PersonalData
from db.places import SqlPlaces
from tests.db.commands import MovedClock, Recorder
from tests.waiting import until

ANN, ANNS_PHONE = Identity(Surface.DISCORD, "1", "Ann"), Identity(Surface.TELEGRAM, "2", "Ann's phone")
PLACE, HOUR = PlaceId("discord:7"), 3_600_000


class Crash(BaseException):
    """The process is gone."""


class Wire:
    """A channel: what it was handed, and what whoever is at its other end got."""

    ready = True

    def __init__(self, repeatable: int | None = 0) -> None:
        self.repeatable = repeatable
        self.handed: list[Letter] = []
        self.fails: Sequence[BaseException] = ()
        self.arrives = True

    async def send(self, letter: Letter) -> None:
        error = self.fails[0] if self.fails else None
        self.fails = self.fails[1:]
        if error is None or self.arrives:
            self.handed.append(letter)
        if error is not None:
            raise error

    @property
    def arrived(self) -> Sequence[str]:
        """Repeats that the channel recognises arrive once."""
        keys = [it.key for it in self.handed]
        return keys if self.repeatable == 0 else list(dict.fromkeys(keys))


class House:
    """What one process has."""

    def __init__(self, database: Database, clock: MovedClock, lease: int = 60_000) -> None:
        self.database, self.clock = database, clock
        self.outbox = SqlOutbox(database, clock, lease=lease)
        self.board = SqlBoard(database, clock)
        self.places = SqlPlaces(database, clock)
        self.wires = {it: Wire() for it in (Channel.DISCORD, Channel.TELEGRAM, Channel.EMAIL)}
        self.jobs = Jobs()
        self.courier = Courier(self.outbox, {**self.wires, Channel.JOB: self.jobs}, clock)

    async def put(self, *effects: Effect) -> None:
        async with self.database.write() as connection:
            await put_effects(connection, effects, self.clock.now(), self.database.dialect)

    async def deliver(self) -> None:
        for channel in await self.outbox.waiting():
            await self.courier.drain(channel)

    async def states(self) -> dict[str, str]:
        """By channel."""
        async with self.database.read() as connection:
            found = await connection.execute(select(outbox.c.channel, outbox.c.state).order_by(outbox.c.channel))
            return {row.channel: row.state for row in found}

    async def rows(self) -> dict[tuple[str, str], Row[Any]]:
        async with self.database.read() as connection:
            return {(row.key, row.channel): row for row in await connection.execute(select(outbox))}


@pytest.fixture
async def house(database: Database) -> House:
    return House(database, MovedClock())


@pytest.fixture
async def ann(house: House) -> PersonId:
    """Reached by everything."""
    person = await house.places.person(ANN)
    await house.places.person(ANNS_PHONE)
    await SqlPeople(house.database, Recorder(), house.clock, Groups()).link(ANN, ANNS_PHONE)
    await house.put(Contact(person, email="ann@example.org"), Contact(person, language="es"))
    return person


def notice(person: PersonId, key: str = "n:1", kind: NoticeKind = NoticeKind.PAID, due: int | None = None) -> Notice:
    return Notice(key, kind, person, PLACE, {"plan": "pro"}, due)


async def test_it_is_told_once_by_every_channel_that_reaches_the_person(house: House, ann: PersonId) -> None:
    await house.put(notice(ann))
    await house.deliver()
    await house.deliver()
    reached = {channel: [it.address for it in wire.handed] for channel, wire in house.wires.items()}
    assert reached == {Channel.DISCORD: ["1"], Channel.TELEGRAM: ["2"], Channel.EMAIL: ["ann@example.org"]}
    (letter,) = house.wires[Channel.TELEGRAM].handed
    assert (letter.kind, letter.data, letter.language, letter.attempts) == ("paid", {"plan": "pro"}, "es", 1)
    assert await house.states() == {"discord": "sent", "email": "sent", "telegram": "sent", "web": "waiting"}


async def test_8_the_same_change_by_two_events_is_one_notification(house: House, ann: PersonId) -> None:
    await asyncio.gather(*(house.put(notice(ann, "dunning:in_1:0")) for _ in range(10)))
    await house.deliver()
    await house.put(notice(ann, "dunning:in_1:0"))
    await house.deliver()
    assert all(wire.arrived == ["dunning:in_1:0"] for wire in house.wires.values())


async def test_an_effect_of_a_change_that_did_not_happen_does_not_happen(house: House, ann: PersonId) -> None:
    async def change() -> None:
        async with house.database.write() as connection:
            await put_effects(connection, [notice(ann)], house.clock.now(), house.database.dialect)
            raise Crash

    with pytest.raises(Crash):
        await change()
    assert await house.states() == {}


@pytest.mark.parametrize("repeatable", [0, None], ids=["tells nothing apart", "recognises repeats"])
@pytest.mark.parametrize("step", ["claimed", "sent", "settling", "settled"])
async def test_a_crash_doubles_nothing(
    house: House, ann: PersonId, monkeypatch: pytest.MonkeyPatch, step: str, repeatable: int | None
) -> None:
    crashing = House(house.database, house.clock, lease=0)
    wires = (crashing.wires[Channel.DISCORD], house.wires[Channel.DISCORD])
    for wire in wires:
        wire.repeatable = repeatable
    settle = crashing.outbox.settle

    async def crash(letter: Letter, state: LetterState) -> bool:
        if step == "settled":
            await settle(letter, state)
        raise Crash

    if step in {"claimed", "sent"}:
        crashing.wires[Channel.DISCORD].fails = [Crash()]
        crashing.wires[Channel.DISCORD].arrives = step == "sent"
    else:
        monkeypatch.setattr(crashing.outbox, "settle", crash)
    await house.put(notice(ann))
    with pytest.raises(Crash):
        await crashing.courier.drain(Channel.DISCORD)
    await asyncio.sleep(0.01)
    await house.deliver()
    arrived = [key for wire in wires for key in wire.arrived]
    if repeatable is None:  # whoever recognises a repeat counts both as one
        assert set(arrived) == {"n:1"}
        assert (await house.states())["discord"] == "sent"
    else:
        assert arrived == ([] if step == "claimed" else ["n:1"])
        assert (await house.states())["discord"] == ("sent" if step == "settled" else "unsure")
    assert house.wires[Channel.TELEGRAM].arrived == ["n:1"], "the other channels know nothing of it"


async def test_what_may_have_arrived_long_ago_is_not_repeated(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.repeatable, wire.fails = 120_000, [TimeoutError(), TimeoutError()]
    await house.put(notice(ann))
    await house.courier.drain(Channel.DISCORD)
    house.clock.time += 10_000
    await house.courier.drain(Channel.DISCORD)
    assert len(wire.handed) == 2, "it would recognise that"
    async with house.database.write() as connection:
        await connection.execute(update(outbox).values(tried_at=outbox.c.tried_at - 121_000))
    house.clock.time += HOUR
    await house.courier.drain(Channel.DISCORD)
    assert (len(wire.handed), (await house.states())["discord"]) == (2, "unsure")
    assert (await house.rows())["n:1", "discord"].data == {}, "nor is kept what was said"


async def test_what_was_not_sent_is_tried_again_less_and_less_often(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.fails, wire.arrives = [NotSentError("away")] * 2, False
    await house.put(notice(ann))
    for _ in range(2):
        await house.deliver()
        await house.deliver()
        assert not wire.handed
        assert Channel.DISCORD not in await house.outbox.waiting()
        house.clock.time += 60_000
    await house.deliver()
    assert [it.attempts for it in wire.handed] == [3]


async def test_a_channel_says_when_to_come_back(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.fails, wire.arrives = [NotSentError("flood", retry_after=500)], False
    await house.put(notice(ann))
    await house.deliver()
    house.clock.time += 499_999
    assert await house.outbox.waiting() == []
    house.clock.time += 1
    await house.deliver()
    assert wire.arrived == ["n:1"]


async def test_what_is_never_sent_is_given_up_and_comes_back_by_hand(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.fails, wire.arrives = [NotSentError("away")] * 50, False
    await house.put(notice(ann))
    for _ in range(FEWER + 5):
        await house.deliver()
        house.clock.time += HOUR
    assert 50 - len(wire.fails) == FEWER
    assert (await house.outbox.figures())["dead"] == 1
    wire.fails = ()
    assert await house.outbox.revive(Channel.DISCORD) == 1
    await house.deliver()
    assert wire.arrived == ["n:1"]


async def test_who_takes_no_messages_is_not_asked_again(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.fails, wire.arrives = [UndeliverableError("blocked")], False
    await house.put(notice(ann))
    for _ in range(3):
        await house.deliver()
        house.clock.time += HOUR
    assert ((await house.states())["discord"], wire.handed) == ("refused", [])
    assert (await house.outbox.figures())["dead"] == 0


async def test_nothing_is_told_before_it_is_due_and_the_earlier_time_counts(house: House, ann: PersonId) -> None:
    due = house.clock.now() + 3 * HOUR
    await house.put(notice(ann, due=due), notice(ann, due=due + HOUR))
    house.clock.time += 3 * HOUR - 1
    await house.deliver()
    assert not house.wires[Channel.DISCORD].handed
    house.clock.time += 1
    await house.deliver()
    assert house.wires[Channel.DISCORD].arrived == ["n:1"]
    await house.put(notice(ann, "n:2", due=house.clock.now() + HOUR), notice(ann, "n:2"))
    await house.deliver()
    assert house.wires[Channel.DISCORD].arrived == ["n:1", "n:2"]


async def test_reminders_are_withdrawn(house: House, ann: PersonId) -> None:
    later = house.clock.now() + HOUR
    await house.put(notice(ann, "dunning:sub_1:5:0"))
    await house.deliver()
    await house.put(*(notice(ann, f"dunning:{key}", due=later) for key in ("sub_1:5:3", "sub_10:5:3", "sub_1")))
    await house.put(Withdrawal("dunning:sub_1"))
    house.clock.time += HOUR
    await house.deliver()
    assert house.wires[Channel.DISCORD].arrived == ["dunning:sub_1:5:0", "dunning:sub_10:5:3"]
    await house.put(notice(ann, "dunning:sub_1:5:0"))
    await house.deliver()
    assert len(house.wires[Channel.DISCORD].handed) == 2, "what was told before stays told"


async def test_what_is_still_true_is_neither_withdrawn_nor_told_anew(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.repeatable, wire.fails = 120_000, [TimeoutError()]
    await house.put(notice(ann, "dunning:sub_1:5:3"), notice(ann, "dunning:sub_1:5:0", due=house.clock.now() + HOUR))
    await house.deliver()
    before = await house.rows()
    await house.put(Withdrawal("dunning:sub_1", but=["dunning:sub_1:5:3"]), notice(ann, "dunning:sub_1:5:3"))
    assert await house.rows() == {key: row for key, row in before.items() if key[0].endswith(":3")}
    assert before["dunning:sub_1:5:3", "discord"].tried_at, "that it may have arrived is not forgotten"


async def test_what_was_told_long_ago_is_forgotten(house: House, ann: PersonId) -> None:
    house.wires[Channel.EMAIL].fails = [NotSentError("away")] * 20
    house.wires[Channel.EMAIL].arrives = False
    later = house.clock.now() + 200 * 24 * HOUR
    await house.put(notice(ann, "n:1"), notice(ann, "n:later", due=later), Job("j:done", "done"), Job("j:dead", "dead"))
    house.jobs.register("done", Wire().send)
    for _ in range(ATTEMPTS[Channel.JOB] + 1):
        await house.deliver()
        house.clock.time += HOUR
    kept = await house.rows()
    assert [row.data for row in kept.values() if row.state == "sent"] == [{}, {}, {}], "that it was told, not what"
    house.clock.time += KEPT - 2 * 24 * HOUR
    assert await house.outbox.prune() == 0
    house.clock.time += 2 * 24 * HOUR
    assert await house.outbox.prune() == 4
    left = {(key, channel) for key, channel in await house.rows() if key != "n:later"}
    assert left == {("n:1", "web"), ("j:dead", "job")}, "what the page shows, and what the operator may replay"
    await house.put(notice(ann, "j:done", due=house.clock.now() - KEPT))
    assert {(key, channel) for key, channel in await house.rows() if key != "n:later"} == left, "nor told anew"
    house.clock.time += UNREAD
    await house.outbox.prune()
    assert {key for key, _ in await house.rows()} == {"n:later", "j:dead"}


async def test_much_is_forgotten_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("db.outbox._BATCH", 10)
    house.jobs.register("done", Wire().send)
    await house.put(*(Job(f"j:{number}", "done") for number in range(25)))
    await house.deliver()
    house.clock.time += KEPT + 1
    assert await house.outbox.prune() == 25
    assert await house.rows() == {}


async def test_who_wants_no_tips_hears_of_none(house: House, ann: PersonId) -> None:
    await house.board.mute(ann, Topic.TIPS, on=True)
    await house.put(notice(ann, kind=NoticeKind.TIP_RECEIVED))
    await house.deliver()
    assert set((await house.states()).values()) == {"skipped", "waiting"}
    assert not any(wire.handed for wire in house.wires.values())
    await house.board.mute(ann, Topic.TIPS, on=False)
    await house.put(notice(ann, "n:2", kind=NoticeKind.TIP_RECEIVED))
    await house.deliver()
    assert all(wire.arrived == ["n:2"] for wire in house.wires.values())


@pytest.mark.parametrize("kind", [NoticeKind.PAID, NoticeKind.PAYMENT_FAILED])
async def test_receipts_and_trouble_stay_on_one_channel(house: House, ann: PersonId, kind: NoticeKind) -> None:
    for topic in Topic:
        await house.board.mute(ann, topic, on=True)
    await house.put(notice(ann, kind=kind))
    await house.deliver()
    assert await house.states() == {"discord": "sent", "email": "skipped", "telegram": "skipped", "web": "waiting"}


async def test_an_opt_out_of_one_account_holds_for_all_of_the_same_human(house: House, ann: PersonId) -> None:
    await house.board.mute(await house.places.person(ANNS_PHONE), Topic.PLAN, on=True)
    await house.put(notice(ann, kind=NoticeKind.PAUSED))
    await house.deliver()
    assert not any(wire.handed for wire in house.wires.values())


async def test_who_is_reached_by_nothing_finds_it_on_the_page(house: House) -> None:
    guest = await house.places.person(Identity(Surface.WEB, "g", "Guest"))
    await house.put(notice(guest))
    await house.deliver()
    assert await house.states() == {"web": "waiting"}
    (shown,) = await house.board.unread(guest)
    assert shown.data == {"plan": "pro"}
    assert await house.board.read(shown.id, guest)
    assert [(row.state, row.data) for row in (await house.rows()).values()] == [("read", {})]


async def test_a_channel_that_is_off_holds_nothing_up(house: House, ann: PersonId) -> None:
    await house.put(notice(ann))
    courier = Courier(house.outbox, {Channel.DISCORD: house.wires[Channel.DISCORD]}, house.clock)
    for channel in await house.outbox.waiting():
        await courier.drain(channel)
    assert await house.states() == {"discord": "sent", "email": "skipped", "telegram": "skipped", "web": "waiting"}


async def test_who_was_forgotten_is_told_nothing(house: House, ann: PersonId) -> None:
    await house.put(notice(ann), notice(ann, "n:2"))
    exported = await PersonalData(house.database, house.clock).export(ann)
    assert exported["tables"]["contacts"][0]["email"] == "ann@example.org"
    await PersonalData(house.database, house.clock).forget(ann)
    await house.put(notice(ann, "n:3"))
    await house.deliver()
    assert await house.states() == {}
    again = await PersonalData(house.database, house.clock).export(await house.places.person(ANN))
    assert again["tables"].keys() == {"identities", "persons"}


async def test_two_processes_send_each_letter_once(house: House, ann: PersonId) -> None:
    other = House(house.database, house.clock)
    await house.put(*(notice(ann, f"n:{number}") for number in range(20)))
    await asyncio.gather(house.deliver(), other.deliver())
    for channel, wire in house.wires.items():
        arrived = [*wire.arrived, *other.wires[channel].arrived]
        assert sorted(arrived) == sorted(f"n:{number}" for number in range(20))


async def test_a_stalled_process_that_returns_late_changes_nothing(house: House, ann: PersonId) -> None:
    stalled = House(house.database, house.clock, lease=0)
    await house.put(notice(ann))
    late = await stalled.outbox.claim(Channel.DISCORD, repeatable=None)
    await asyncio.sleep(0.01)
    assert late
    letter = await house.outbox.claim(Channel.DISCORD, repeatable=None)
    assert letter
    assert not await stalled.outbox.settle(late, LetterState.DEAD)
    assert await house.outbox.settle(letter, LetterState.SENT)


async def test_jobs_go_to_their_handlers_until_they_are_done(house: House) -> None:
    done: list[str] = []

    async def refund(letter: Letter) -> None:
        if len(done) < 2:
            done.append("failed")
            raise OSError
        done.append(f"{letter.key} {letter.data}")

    await house.put(Job("refund:ch_1", "refund", {"charge": "ch_1"}), Job("refund:ch_1", "refund", {}))
    await house.deliver()
    house.jobs.register("refund", refund)
    for _ in range(4):
        house.clock.time += HOUR
        await house.deliver()
    assert done == ["failed", "failed", "refund:ch_1 {'charge': 'ch_1'}"]
    assert await house.states() == {"job": "sent"}


async def test_a_job_that_never_works_is_dead_and_comes_back_by_hand(house: House) -> None:
    await house.put(Job("refund:ch_1", "refund"))
    for _ in range(ATTEMPTS[Channel.JOB] + 2):
        await house.deliver()
        house.clock.time += HOUR
    assert await house.states() == {"job": "dead"}
    assert await house.outbox.revive(Channel.EMAIL) == 0
    assert await house.outbox.revive() == 1
    house.jobs.register("refund", house.wires[Channel.EMAIL].send)
    await house.deliver()
    assert await house.states() == {"job": "sent"}


async def test_the_courier_looks_by_itself_and_at_once_when_woken(house: House, ann: PersonId) -> None:
    running = asyncio.create_task(house.courier.run())
    await house.put(notice(ann))
    house.courier.wake()
    await until(lambda: house.wires[Channel.EMAIL].handed, within=3)
    running.cancel()
    await asyncio.wait([running])


async def test_what_is_on_its_way_at_the_end_still_arrives(house: House, ann: PersonId) -> None:
    leaving, arrived = asyncio.Event(), asyncio.Event()

    class Slow(Wire):
        async def send(self, letter: Letter) -> None:
            leaving.set()
            await arrived.wait()

    courier = Courier(house.outbox, {Channel.DISCORD: Slow()}, house.clock)
    running = asyncio.create_task(courier.run())
    await house.put(notice(ann), notice(ann, "n:2"))
    await asyncio.wait_for(leaving.wait(), 5)
    running.cancel()
    await asyncio.sleep(0)
    arrived.set()
    await asyncio.wait([running])
    async with house.database.read() as connection:
        found = await connection.scalars(select(outbox.c.state).where(outbox.c.channel == "discord"))
        assert sorted(found) == ["sent", "waiting"]


async def test_a_channel_that_is_not_ready_loses_no_try(house: House, ann: PersonId) -> None:
    wire = house.wires[Channel.DISCORD]
    wire.ready = False
    await house.put(notice(ann))
    running = asyncio.create_task(house.courier.run())
    await until(lambda: house.wires[Channel.EMAIL].handed, within=3)
    assert not wire.handed
    wire.ready = True
    house.courier.wake()
    await until(lambda: wire.handed, within=3)
    running.cancel()
    await asyncio.wait([running])
    assert wire.handed[0].attempts == 1


async def test_a_store_that_is_away_comes_back(house: House, ann: PersonId, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()

    async def away() -> None:
        asked.set()
        raise StoreUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(house.outbox, "waiting", away)
        running = asyncio.create_task(house.courier.run())
        await asyncio.wait_for(asked.wait(), 5)
    await house.put(notice(ann))
    house.courier.wake()
    await until(lambda: house.wires[Channel.EMAIL].handed, within=3)
    running.cancel()
    await asyncio.wait([running])


async def test_what_cannot_be_read_ends_nothing(house: House, ann: PersonId, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, wrong = house.outbox.claim, [ValueError()]

    async def fails_once(channel: Channel, *, repeatable: int | None) -> Letter | None:
        if wrong and channel is Channel.DISCORD:
            raise wrong.pop()
        return await claim(channel, repeatable=repeatable)

    monkeypatch.setattr(house.outbox, "claim", fails_once)
    await house.put(notice(ann))
    running = asyncio.create_task(house.courier.run())
    await until(lambda: house.wires[Channel.DISCORD].handed and house.wires[Channel.EMAIL].handed, within=10)
    running.cancel()
    await asyncio.wait([running])


async def test_a_place_has_its_admins_told_on_the_page_alone(house: House) -> None:
    await house.put(Notice("n:1", NoticeKind.ENDED, None, PLACE, admins=True))
    assert await house.states() == {"place": "waiting"}
    assert await house.outbox.waiting() == []


async def test_many_wait_without_slowing_a_look(house: House) -> None:
    async with house.database.write() as connection:
        await connection.execute(insert(persons), {"id": "many", "created_at": 1})
    await house.put(*(notice(PersonId("many"), f"n:{number}") for number in range(300)))
    assert await house.outbox.waiting() == []
    assert (await house.outbox.figures())["oldest"] == 0
