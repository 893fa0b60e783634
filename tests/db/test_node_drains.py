"""Nodes put aside: seen by every process."""

from db.engine import Database
from db.node_drains import SqlNodeDrains


async def test_a_node_is_drained_until_it_is_not(database: Database) -> None:
    one, two = SqlNodeDrains(database), SqlNodeDrains(database)
    assert await one.all() == frozenset()
    assert await one.put("a")
    assert not await two.put("a")
    assert await one.put("b")
    assert await two.all() == {"a", "b"}
    assert await two.remove("a")
    assert not await one.remove("a")
    assert await one.all() == {"b"}
