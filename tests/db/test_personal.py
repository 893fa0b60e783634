"""A person's data is shown whole, and forgotten whole, on each database."""

import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import insert, update

from core.entitlements import plans_at
from core.enums import EndReason, GrantSource, Hearing, Surface
from core.ports.places import RoomRef
from core.records.grants import Subject
from core.records.notices import Contact, Notice, NoticeKind, Topic
from core.records.results import Queued
from core.records.rows import Audit, Play
from core.room import Room
from core.types import LOBBY, CommandId, EntryId, Identity, PersonId, PlaceId, Poll, Presence, TrackRef, Turn, Undo
from db.board import SqlBoard
from db.chats import SqlChats
from db.engine import Database
from db.entitlements import SqlEntitlements
from db.grants import SqlGrants
from db.models import accounts, attempts, charges, favourites, inbox, metadata, payees, persons, tips, trials
from db.outbox import SqlOutbox
from db.payments_books import SqlBooks
from db.personal import ANONYMOUS, NoSuchPersonError, PersonalData, _documents, _who
from db.places import SqlPlaces
from db.rooms import SqlRooms
from tests.db.commands import BEN, MovedClock, Recorder, queue, vote
from tests.db.samples import contents

ZOE = Identity(Surface.DISCORD, "80351110224678912", "Zoë the Great")
ADDRESS = "zoe@example.org"
BENS = "of somebody else"
HER_WEB = Identity(Surface.WEB, "zoe-at-home", "Zoë the Great")


class Installation:
    """A room that Zoë used in every way, and where Ben is too."""

    def __init__(self, database: Database, lobby: RoomRef, zoe: PersonId, twin: PersonId) -> None:
        self.database = database
        self.lobby = lobby
        self.zoe = zoe
        self.twin = twin
        self.rooms = SqlRooms(database, Recorder(), MovedClock())
        self.data = PersonalData(database, MovedClock())

    def use(self, room: Room) -> Queued:
        queued = queue("hers", self.zoe, count=3)(room)
        queue("his", BEN)(room)
        for entry in room.entries.values():
            entry.name = "Zoë the Great" if entry.person == self.zoe else "Ben"
        vote(EntryId(4), self.zoe)(room)
        vote(EntryId(1), BEN)(room)
        for person, name in ((self.twin, "Zoë the Great"), (BEN, "Ben")):
            room.people[person, room.place] = Presence(person, room.place, Hearing.STREAM, name, 1)
            room.changes.people.add((person, room.place))
        room.polls["skip"] = Poll("skip", None, self.zoe, 1, 2, {BEN: 1, self.twin: 2})
        room.changes.polls.add("skip")
        room.turns[EntryId(1)] = Turn(EntryId(1), self.zoe, 1, approvers=(BEN, self.twin))
        room.changes.turns.add(EntryId(1))
        room.undo = Undo("clear", self.zoe, "Zoë the Great", 5)
        room.changes.header = True
        room.changes.plays += [played(room, self.zoe), played(room, BEN)]
        row = Audit(1, self.zoe, "web", room.place, "roles", {"dj": [BEN]}, {"dj": [BEN, self.twin]})
        room.changes.audits.append(row)
        return queued

    async def everything(self) -> str:
        return json.dumps(await contents(self.database), ensure_ascii=False)


def played(room: Room, person: PersonId) -> Play:
    return Play(
        room.id, room.place, EntryId(1), person, TrackRef("library:1"), "Song", None, "stream", 1, 2, 3, 4, 5,
        EndReason.FINISHED, 6, 7,
    )  # fmt: skip


async def buy(database: Database, place: PlaceId, person: PersonId) -> None:
    """What is left of a purchase."""
    account = {"subject": place, "person": person, "livemode": False, "created_at": 1}
    attempt = {
        "id": uuid4().hex, "source": "stripe", "subject": f"person:{person}", "person": person, "plan": "pro",
        "trial_days": 7, "state": "open", "created_at": 1, "expires_at": 2,
    }  # fmt: skip
    customer, charge = {"customer": f"cus_{uuid4().hex}"}, f"ch_{uuid4().hex}"
    paid = {**customer, "id": charge, "amount": 500, "refunded": 0, "currency": "eur"}
    async with database.write() as connection:
        await connection.execute(insert(accounts), {**account, **customer})
        await connection.execute(insert(charges), paid)
        await connection.execute(insert(inbox), event("invoice.paid", **customer))
        await connection.execute(insert(inbox), event("charge.dispute.created", object="dp_1", key=charge))
        await connection.execute(insert(attempts), attempt)
        await connection.execute(insert(trials), {"subject": f"person:{person}", "at": 1, "ref": "attempt"})


def event(kind: str, **more: str) -> dict[str, Any]:
    """What Stripe wrote about her."""
    row = {"event": f"evt_{uuid4().hex}", "type": kind, "livemode": False, "created": 1, "received_at": 1}
    return {**row, "status": "done", "raw": f'{{"email": "{ADDRESS}"}}', **more}


async def give_tips(database: Database, person: PersonId) -> None:
    """She gave a tip, and got one."""
    payee = {
        "person": person, "livemode": False, "account": f"acct_{uuid4().hex}", "name": "Zoë the Great", "payable": True,
        "gone": False, "created_at": 1,
    }  # fmt: skip
    tip = {
        "room": LOBBY, "place": "web:lobby", "account": "acct", "livemode": False, "amount": 500, "fee": 50,
        "currency": "eur", "refunded": 0, "state": "paid", "created_at": 1,
    }  # fmt: skip
    hers, his = ("Zoë the Great", person), ("Ben", BEN)
    async with database.write() as connection:
        await connection.execute(insert(payees), payee)
        await connection.execute(insert(inbox), event("account.updated", account=str(payee["account"])))
        for (giver_name, giver), (dj_name, dj) in ((hers, his), (his, hers)):
            who = {"giver": giver, "giver_name": giver_name, "dj": dj, "dj_name": dj_name}
            ids = {"id": uuid4().hex, "payment_intent": uuid4().hex}
            await connection.execute(insert(tips), {**tip, **who, **ids})
            await connection.execute(insert(inbox), event("payment_intent.succeeded", object=ids["payment_intent"]))
        await connection.execute(insert(inbox), {**event("invoice.paid", customer="cus_ben"), "raw": BENS})


async def tell(database: Database, person: PersonId) -> None:
    """What waits to be told to her, and to Ben about her."""
    await SqlBoard(database, MovedClock()).mute(person, Topic.TIPS, on=True)
    ben = await SqlPlaces(database, MovedClock()).person(Identity(Surface.WEB, "ben", "Ben"))
    tip = {"amount": 500, "currency": "eur", "person": person, "name": "Zoë the Great"}
    await SqlOutbox(database, MovedClock()).put(
        Contact(person, email=ADDRESS),
        Notice("paid:1", NoticeKind.PAID, person),
        Notice("tip:1", NoticeKind.TIP_RECEIVED, ben, data=tip),
    )


@pytest.fixture
async def used(database: Database) -> AsyncIterator[Installation]:
    places = SqlPlaces(database, MovedClock())
    lobby = await places.lobby()
    zoe, twin = await places.person(ZOE), await places.person(HER_WEB)
    used = Installation(database, lobby, zoe, twin)
    await used.rooms.apply(LOBBY, used.use)
    await used.rooms.apply(LOBBY, lambda _room: str(zoe), command_id=CommandId("a"))
    async with database.write() as connection:
        await connection.execute(update(persons).where(persons.c.id == twin).values(leader=zoe))
        keep = {"ref": "library:1", "title": "Song", "artist": "", "at": 1}
        await connection.execute(insert(favourites), [{**keep, "person": twin}])
    await SqlChats(database).visit(zoe, lobby.place)
    grants, herself = SqlGrants(database, MovedClock()), Subject(f"person:{zoe}")
    await grants.cover(lobby.place, herself)
    await grants.give(GrantSource.OPERATOR, herself, "pro", until=None)
    await buy(database, lobby.place, zoe)
    await buy(database, lobby.place, twin)
    await tell(database, zoe)
    await give_tips(database, zoe)
    yield used
    await used.rooms.close()


@pytest.mark.parametrize("name", ["id", "twin", "discord:80351110224678912", "web:zoe-at-home"])
async def test_all_that_is_stored_is_shown(used: Installation, name: str) -> None:
    wanted = {"id": used.zoe, "twin": used.twin}.get(name, name)
    shown = await used.data.export(wanted)
    assert shown["persons"] == sorted([used.zoe, used.twin])
    tables: dict[str, list[dict[str, Any]]] = shown["tables"]
    assert {it["external"] for it in tables["identities"]} == {ZOE.external, HER_WEB.external}
    assert [it["title"] for it in tables["entries"]] == ["hers"] * 3
    assert [it["person"] for it in tables["plays"]] == [used.zoe]
    assert [(it["entry"], it["person"]) for it in tables["votes"]] == [(4, used.zoe)]
    json.dumps(shown)


async def test_no_table_that_says_who_is_left_out(used: Installation) -> None:
    """A new table that speaks of people has to be used above, so that the tests below see it."""
    says_who = {table.name for table in metadata.sorted_tables if _who(table)}
    shown = await used.data.export(used.zoe)
    assert says_who <= shown["tables"].keys()
    assert {"rooms", "commands"} <= shown["tables"].keys()
    documents = {(table.name, column.name) for table in metadata.sorted_tables for column in _documents(table)}
    spoken_of = {("polls", "votes"), ("rooms", "undo"), ("turns", "approvers"), ("audit", "before"), ("audit", "after")}
    spoken_of |= {("outbox", "data")}
    impersonal = {("places", "settings"), ("rooms", "filter"), ("rooms", "shuffle"), ("rooms", "song")}
    impersonal |= {("entitlements", "spans"), ("subscriptions", "prices"), ("subscriptions", "pending_prices")}
    assert documents <= spoken_of | impersonal


async def test_nothing_is_left_of_somebody_who_is_forgotten(used: Installation) -> None:
    version = (await used.rooms.read(LOBBY)).version
    counts = await used.data.forget(used.zoe)
    left = await used.everything()
    for trace in (used.zoe, used.twin, ADDRESS, ZOE.external, HER_WEB.external, ZOE.name):
        assert trace not in left, trace
    assert counts["entries"] == 3
    assert counts["inbox"] == 7
    assert BENS in [row["raw"] for row in (await contents(used.database))["inbox"]]
    room = await used.rooms.read(LOBBY)
    assert room.version == version + 1, "whoever has it in memory reads it again"
    assert room == await SqlRooms(used.database, Recorder(), MovedClock()).read(LOBBY)
    with pytest.raises(NoSuchPersonError):
        await used.data.export(used.zoe)


async def test_what_stripe_knows_is_named_for_it_is_not_ours_to_forget(used: Installation) -> None:
    known = await used.data.at_stripe(used.twin)
    assert sorted(it.partition("_")[0] for it in known) == ["acct", "cus", "cus"]
    await used.data.forget(used.twin)
    with pytest.raises(NoSuchPersonError):
        await used.data.at_stripe(used.zoe)


async def test_the_words_of_old_events_go_though_they_wait(used: Installation) -> None:
    waiting = {"status": "dead", "received_at": 5}
    async with used.database.write() as connection:
        await connection.execute(insert(inbox), {**event("invoice.paid"), **waiting})
    await SqlBooks(used.database).prune(6)
    ((status, raw),) = [(row["status"], row["raw"]) for row in (await contents(used.database))["inbox"]]
    assert (status, raw) == ("dead", "")


async def test_the_rooms_history_and_the_others_stay(used: Installation) -> None:
    await used.data.forget(used.twin)
    room = await used.rooms.read(LOBBY)
    assert [(it.person, it.name) for it in room.entries.values()] == [(ANONYMOUS, "")] * 3 + [(BEN, "Ben")]
    assert {it.person for it in room.people.values()} == {BEN}
    assert [*room.entries[EntryId(1)].votes] == [BEN]
    assert not room.entries[EntryId(4)].votes
    assert (room.polls["skip"].votes, room.polls["skip"].opened_by) == ({BEN: 1}, ANONYMOUS)
    turn = room.turns[EntryId(1)]
    assert (turn.person, turn.approvers) == (ANONYMOUS, (BEN, ANONYMOUS))
    assert {it.person for it in await used.rooms.plays(LOBBY)} == {ANONYMOUS, BEN}
    rows = [it.audit for it in await used.rooms.audit(room.place)]
    assert (rows[-1].actor, rows[-1].before, rows[-1].after) == (ANONYMOUS, {"dj": [BEN]}, {"dj": [BEN, ANONYMOUS]})
    await used.rooms.apply(LOBBY, queue("after"))


async def test_both_are_audited_without_saying_who_was_forgotten(used: Installation) -> None:
    await used.data.export(used.zoe)
    await used.data.forget(used.zoe)
    forgotten, exported = [it.audit for it in await used.rooms.audit(None, limit=2)]
    assert (forgotten.actor, forgotten.action, exported.action) == ("operator", "person.forgotten", "person.exported")
    assert forgotten.after["rows"]["votes"] == 1
    assert used.zoe not in str(exported)


async def test_somebody_who_comes_back_is_somebody_new(used: Installation) -> None:
    await used.data.forget(used.zoe)
    again = await SqlPlaces(used.database, MovedClock()).person(ZOE)
    assert again not in {used.zoe, used.twin}


@pytest.mark.parametrize("name", ["", "%", "house", "anonymous", "discord:", "discord:1", "nobody"])
async def test_an_unknown_person_is_refused(used: Installation, name: str) -> None:
    before = await used.everything()
    for attempt in (used.data.export(name), used.data.forget(name)):
        with pytest.raises(NoSuchPersonError):
            await attempt
    assert await used.everything() == before


async def test_the_plan_of_somebody_who_is_forgotten_counts_nowhere(used: Installation) -> None:
    entitlements = SqlEntitlements(used.database)
    (before,) = await entitlements.news(0)
    assert (before.place, [span.plan for span in before.spans]) == (used.lobby.place, ["pro"])
    await used.data.forget(used.twin)
    (after,) = await entitlements.news(before.version)
    assert after.place == used.lobby.place
    assert not any(plans_at(after.spans, now) for now in (0, before.spans[0].since, MovedClock().now()))
