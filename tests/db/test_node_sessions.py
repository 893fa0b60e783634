"""Whose sessions with nodes are whose to resume."""

import asyncio
from time import monotonic

from core.ports.node_sessions import NodeSession
from db.engine import Database
from db.leases import SqlLeases
from db.node_sessions import SqlNodeSessions

URI = "http://node:2333"
SHORT = 1.1


async def heirs(database: Database, instance: str) -> dict[str, bool]:
    return {row.instance: row.heir for row in await SqlNodeSessions(database, instance).all()}


async def taken(leases: SqlLeases, *slots: str) -> None:
    """Wait until those slots are had, as their former owner does not renew them."""
    missing, deadline = set(slots), monotonic() + 5
    while missing:
        missing -= set(await leases.take(missing))
        assert monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_a_session_is_kept_by_instance_and_node(database: Database) -> None:
    one, two = SqlNodeSessions(database, "one"), SqlNodeSessions(database, "two")
    await one.put("a", URI, "s1")
    await one.put("b", URI, "s2")
    await one.put("a", URI, "s3")
    await two.put("a", URI, "s4")
    mine = [NodeSession("one", "a", URI, "s3", heir=True), NodeSession("one", "b", URI, "s2", heir=True)]
    assert await one.all() == [*mine, NodeSession("two", "a", URI, "s4", heir=False)]
    await one.remove("two", "a")
    assert await one.all() == mine


async def test_the_heir_is_who_took_all_slots(database: Database) -> None:
    await SqlNodeSessions(database, "one").put("a", URI, "s1")
    one = SqlLeases(database, "one", ttl=SHORT)
    await one.take(["x", "y"])
    two, three = SqlLeases(database, "two"), SqlLeases(database, "three")
    await taken(two, "x")
    assert await heirs(database, "two") == {"one": False}
    await taken(two, "y")
    assert await heirs(database, "two") == {"one": True}
    assert await heirs(database, "three") == {"one": False}
    await three.take(["z"])
    assert await heirs(database, "two") == {"one": True}


async def test_nobody_is_the_heir_when_slots_went_to_several(database: Database) -> None:
    await SqlNodeSessions(database, "one").put("a", URI, "s1")
    await SqlLeases(database, "one", ttl=SHORT).take(["x", "y"])
    await taken(SqlLeases(database, "two"), "x")
    await taken(SqlLeases(database, "three"), "y")
    assert await heirs(database, "two") == await heirs(database, "three") == {"one": False}


async def test_slots_that_were_given_back_are_inherited_too(database: Database) -> None:
    await SqlNodeSessions(database, "one").put("a", URI, "s1")
    one = SqlLeases(database, "one")
    await one.take(["x", "y"])
    await one.release()
    assert await heirs(database, "two") == {"one": False}
    await SqlLeases(database, "two").take(["x", "y"])
    assert await heirs(database, "two") == {"one": True}


async def test_an_instance_that_came_back_has_no_heir(database: Database) -> None:
    await SqlNodeSessions(database, "one").put("a", URI, "s1")
    await SqlLeases(database, "one", ttl=SHORT).take(["x", "y"])
    await taken(SqlLeases(database, "two"), "x")
    await SqlLeases(database, "one").take(["y"])
    assert await heirs(database, "two") == {"one": False}
