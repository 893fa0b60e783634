"""The bot's place in voice taken away: it says so, keeps the queue, and comes back as the policy says."""

import time

import pytest

from tests.e2e.world import LONG, Stage, World
from tests.simulators.discord.errors import NotAnsweredError
from tests.waiting import until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.heard]


async def playing(stage: Stage) -> World:
    """Long is heard, Low A waits."""
    world = await stage.guild()
    await world.start_long(world.people[0])
    await world.play(world.people[0], "Low A")
    return world


async def kept(world: World) -> None:
    """What plays and what waits is still there."""
    queue = await world.queue()
    assert "Long" in queue
    assert "Low A" in queue


async def test_kicked_from_voice(stage: Stage) -> None:
    world = await playing(stage)
    await world.guild.bot.leave()
    await world.told(world.people[1], "now", "I was put out of the voice channel. The queue is kept")
    await world.panel_says("I was put out of the voice channel")
    await kept(world)
    await world.music.silent()
    assert world.guild.bot.voice is None
    assert "Here I am" in await world.said(world.people[1], "join")
    await world.music.heard(LONG)
    assert "put out" not in await world.said(world.people[1], "now")


async def test_its_channel_is_deleted(stage: Stage) -> None:
    world = await playing(stage)
    await world.guild.delete_channel(world.music)
    await world.told(world.people[1], "now", "My voice channel was deleted. The queue is kept")
    await kept(world)
    other = world.guild.voice_channel("Other")
    await world.people[1].join(other)
    assert "Here I am" in await world.said(world.people[1], "join")
    await other.heard(LONG)
    await kept(world)


async def test_moved_to_another_channel(stage: Stage) -> None:
    """It plays there, for those who are there; the others are told where it is."""
    world = await playing(stage)
    other = world.guild.voice_channel("Other")
    await world.people[1].join(other)
    await world.guild.bot.move(other)
    await other.heard(LONG)
    left_behind, where = world.people[2], f"I am playing in {other.mention}"
    await world.told(left_behind, "volume", where, percent=50)
    assert "Paused" in await world.said(world.people[1], "pause")
    await kept(world)


async def test_muted_by_the_server(stage: Stage) -> None:
    world = await playing(stage)
    await world.guild.bot.server_mute()
    await world.music.silent()
    await world.told(world.people[1], "now", "I am muted here by the server")
    await world.panel_says("I am muted here by the server")
    await kept(world)
    await world.guild.bot.server_mute(on=False)
    await world.music.heard(LONG)
    assert "muted" not in await world.said(world.people[1], "now")


async def test_no_longer_allowed_to_speak_where_it_comes_back_to(stage: Stage) -> None:
    world = await playing(stage)
    await world.guild.bot.leave()
    await world.told(world.people[1], "now", "I was put out")
    world.music.deny(world.guild.bot, "connect")
    assert "I may not join" in await world.said(world.people[1], "join")
    await world.told(world.people[1], "now", "I was put out")
    await kept(world)


@pytest.mark.parametrize("code", [4006, 4014, 4015, 4022, 1006])
async def test_the_voice_server_hangs_up_and_the_music_is_back(stage: Stage, code: int) -> None:
    world = await playing(stage)
    connection = world.music.bot_session
    assert connection
    closed = time.monotonic()
    if code == 1006:
        connection.abort()
    else:
        await connection.close(code)
    await until(lambda: world.music.bot_session is not connection or connection.resumes, within=8)
    await world.music.heard(LONG, within=8)
    assert not world.music.gaps(closed, longer_than=6)
    await kept(world)


async def test_rate_limited_by_the_voice_server_it_waits_and_says_so(stage: Stage) -> None:
    world = await playing(stage)
    connection = world.music.bot_session
    assert connection
    await connection.close(4021)
    await world.told(world.people[1], "now", "Discord wants me to wait")
    with pytest.raises(NotAnsweredError):
        await world.music.heard(LONG, within=2)
    assert world.music.bot_session is connection
    await kept(world)


async def test_another_guild_hears_nothing_of_it(stage: Stage) -> None:
    world, other = await playing(stage), await stage.guild("Others", "Zoe")
    await other.start_long(other.people[0])
    since = time.monotonic()
    await world.guild.bot.leave()
    await world.told(world.people[1], "now", "I was put out")
    await other.music.heard(LONG)
    assert not other.music.gaps(since, longer_than=0.3)
