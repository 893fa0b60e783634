import asyncio
from time import monotonic

import pytest

from core.ports.places import RoomRef
from core.types import PlaceId, RoomId
from db.engine import Database
from db.leases import BUCKETS, SqlLeases, buckets, slot


async def test_a_slot_has_one_owner(database: Database) -> None:
    one, two = SqlLeases(database, "one"), SqlLeases(database, "two")
    assert set(await one.take(["a", "b"])) == {"a", "b"}
    assert set(await two.take(["a", "b", "c"])) == {"c"}
    assert (one.holds("a"), two.holds("a"), two.holds("c")) == (True, False, True)


async def test_many_at_once_share_the_slots_out(database: Database) -> None:
    instances = [SqlLeases(database, f"{number}") for number in range(6)]
    taken = await asyncio.gather(*(it.take(buckets()) for it in instances))
    assert sorted(slot for part in taken for slot in part) == sorted(buckets())


async def test_a_restarted_instance_takes_its_slots_at_once_with_a_new_epoch(database: Database) -> None:
    before = SqlLeases(database, "one")
    await before.take(["a"])
    after = SqlLeases(database, "one")
    assert set(await after.take(["a"])) == {"a"}
    assert after.epoch("a") == before.epoch("a") + 1
    assert await before.renew() == {"a"}
    assert not before.holds("a")


async def test_another_instance_waits_for_the_end_of_the_lease(database: Database) -> None:
    one, two = SqlLeases(database, "one", ttl=1.2), SqlLeases(database, "two", ttl=1.2)
    await one.take(["a"])
    deadline = monotonic() + 5
    while not await two.take(["a"]):
        assert monotonic() < deadline
    assert not one.holds("a")
    assert await one.renew() == {"a"}
    assert two.epoch("a") == 2


async def test_renewal_keeps_the_lease(database: Database) -> None:
    one, two = SqlLeases(database, "one", ttl=1.2), SqlLeases(database, "two")
    await one.take(["a"])
    for _ in range(8):
        await asyncio.sleep(0.2)
        assert not await one.renew()
        assert not await two.take(["a"])
    assert one.epoch("a") == 1


async def test_the_owner_stops_by_itself_before_the_lease_ends(database: Database) -> None:
    one, two = SqlLeases(database, "one", ttl=1.5), SqlLeases(database, "two")
    await one.take(["a"])
    while one.holds("a"):
        assert not await two.take(["a"])
    assert not await two.take(["a"])


async def test_a_released_slot_is_free_at_once(database: Database) -> None:
    one, two = SqlLeases(database, "one"), SqlLeases(database, "two")
    await one.take(["a"])
    await one.release()
    assert not one.holds("a")
    assert set(await two.take(["a"])) == {"a"}
    await one.release()
    assert two.holds("a")
    assert not await two.renew()


def test_a_room_belongs_to_its_shard_or_to_a_bucket() -> None:
    guild = RoomRef(RoomId("r"), PlaceId("discord:1"), "x", 7, 5 << 22)
    assert slot(guild) == "shard:7:1:0"
    assert slot(guild, 4) == "shard:7:4:1"
    rooms = [RoomRef(RoomId(f"{number}"), PlaceId("web:x"), "x") for number in range(400)]
    assert {slot(room) for room in rooms} == set(buckets())
    assert len(buckets()) == BUCKETS


@pytest.mark.parametrize("nothing", [[]])
async def test_nothing_asked_is_nothing_taken(database: Database, nothing: list[str]) -> None:
    leases = SqlLeases(database, "one")
    assert not await leases.take(nothing)
    assert not await leases.renew()
    await leases.release()
