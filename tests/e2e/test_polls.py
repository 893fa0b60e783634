"""Every question that a room can decide, in the whole product: people agree, come, leave and deafen meanwhile."""

from typing import Any

import pytest

from core.policy import TABLE
from tests.e2e.world import Stage, World
from tests.simulators.discord.members import Member
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.heard]

QUESTIONS: dict[str, dict[str, Any]] = {
    "shuffle": {},
    "mode": {"order": "votes"},
    "volume": {"percent": 70},
    "filter": {"preset": "8d"},
    "crossfade": {"seconds": 3},
    "loudness": {"state": "off"},
    "skip": {},
    "previous": {},
    "clear": {},
    "stop": {},
}
"""In an order in which each finds something to do."""


async def agreed(world: World, member: Member, kind: str) -> str:
    """What somebody is told who says yes."""
    return await world.said(member, kind, **QUESTIONS[kind])


async def stands(world: World, votes: int, needed: int) -> None:
    """Wait until the only question that runs stands so."""
    await world.told(world.people[0], "why", f"**{votes} of {needed}** voted")


async def test_each_question_follows_who_is_there(stage: Stage) -> None:
    assert set(QUESTIONS) == {action.value for action, rule in TABLE.items() if rule.poll}
    world = await stage.guild("Testers", "Ann", "Ben", "Cleo", "Dan", "Eve")
    ann, ben, cleo, dan, eve = world.people
    await world.guild.owner.slash("settings", in_=world.text, dj_role=world.guild.role("DJ"))
    for title in ("Low A", "Long", "Bright C", "High E", "Top A"):
        await world.play(ann, title)
    assert "Skipped" in await world.said(ann, "skip")
    for kind in QUESTIONS:
        await eve.leave()
        await world.told(ann, "now", "4 listening")
        assert "1 of 2" in await agreed(world, ben, kind), kind
        await eve.join(world.music)
        await stands(world, 1, 3)
        assert "1 of 3" in await agreed(world, ben, kind), "nobody is counted twice"
        assert "2 of 3" in await agreed(world, cleo, kind), kind
        await cleo.leave()
        await stands(world, 1, 2)
        await cleo.join(world.music)
        await stands(world, 2, 3)
        await dan.deafen()
        await world.told(ann, "why", "No vote is running")
        await dan.deafen(on=False)
        await until(lambda kind=kind: done(world, kind), what=f"the room did as {kind} asks")


async def done(world: World, kind: str) -> bool:
    """Whether what the question asked for is to be seen."""
    if kind == "shuffle":  # whose order may happen to be the same
        return "the order is as it was" in await world.said(world.guild.owner, "undo")
    now = await world.said(world.people[0], "now")
    long = now.startswith("Long")
    return {
        "mode": "votes alone" in now,
        "volume": "70 %" in now,
        "filter": "8D" in now,
        "crossfade": "crossfade 3 s" in now,
        "loudness": "as recorded" in now,
        "skip": not long,
        "previous": long,
        "clear": long and "0 waiting" in now,
        "stop": not long and world.music.bot_session is None,
    }[kind]
