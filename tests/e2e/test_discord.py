"""A guild, from the interaction to the sound: the real client, the real node, a simulated Discord."""

import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.world import LONG, World, button, staged
from tests.waiting import until

pytestmark = pytest.mark.heard


@pytest.fixture
async def world(tmp_path: Path, library: Path) -> AsyncIterator[World]:
    async with staged(tmp_path / "data", library) as stage:
        yield await stage.guild()


async def test_tones_arrive_in_the_fair_order_and_votes_reorder_what_is_next(world: World) -> None:
    ann, ben, cleo = world.people
    await world.start_long(ann)
    await world.play(ann, "Low A")
    await world.play(ben, "High E")
    await world.play(cleo, "Top A")
    assert (await ben.slash("vote", in_=world.text, track="Top A")).content
    since = time.monotonic()
    await ann.slash("seek", in_=world.text, position="0:58")
    await world.music.heard(440, within=12)
    tones = [round(tone.hz, -1) for tone in world.music.tones(since) if tone.length > 0.2]
    assert tones[-3:] == [880, 660, 440]  # voted up, Ben's first turn, Ann's second
    assert not world.music.gaps(since, longer_than=0.3)


async def test_a_vote_skip_passes_when_the_second_of_three_presses(world: World) -> None:
    ann, ben, cleo = world.people
    await world.start_long(ann)
    await world.play(ann, "High E")
    panel = await until(world.panel)
    await ben.press(panel, custom_id=button(panel, "skip"))
    await until(lambda: "1" in str(world.panel().components) and world.panel())
    await world.music.heard(LONG)
    await cleo.press(world.panel(), custom_id=button(panel, "skip"))
    await world.music.heard(660)


async def test_a_vote_skip_passes_by_departure(world: World) -> None:
    ann, ben, cleo = world.people
    dan, eve = world.guild.member("Dan"), world.guild.member("Eve")
    for late in (dan, eve):
        await late.join(world.music)
    await world.start_long(ann)
    await world.play(ann, "High E")
    await ben.slash("skip", in_=world.text)
    await cleo.slash("skip", in_=world.text)
    await world.music.heard(LONG)
    await eve.leave()  # two of five become two of four
    await world.music.heard(660)


async def test_controls_are_audible(world: World) -> None:
    ann = world.people[0]
    await world.start_long(ann)
    loud = world.music.level()
    await ann.slash("volume", in_=world.text, percent=25)
    await until(lambda: -13.5 < world.music.level() - loud < -10.5, within=2)
    await ann.slash("pause", in_=world.text)
    await world.music.silent(within=1)
    await ann.slash("resume", in_=world.text)
    await world.music.heard(LONG, within=1)
    await world.play(ann, "Top A")
    await ann.slash("seek", in_=world.text, position="59")
    await world.music.heard(880, within=3)


async def test_the_managed_node_is_killed_and_the_music_goes_on(world: World) -> None:
    ann = world.people[0]
    await world.start_long(ann)
    killed = time.monotonic()
    os.kill(world.chorus.node_pid, signal.SIGKILL)
    await until(lambda: world.music.gaps(killed, longer_than=0.1) or world.music.since(killed + 0.2), within=8)
    back = await world.music.heard(LONG, within=8)
    assert back - killed < 8


async def test_the_music_does_not_stop_when_the_bot_is_killed(world: World) -> None:
    ann = world.people[0]
    await world.start_long(ann)
    await world.play(ann, "High E")
    killed = time.monotonic()
    await world.chorus.kill()
    await world.music.heard(LONG)
    await world.chorus.start()
    await until(lambda: world.discord.gateway.sessions, within=10)
    await world.music.heard(LONG)
    assert not world.music.gaps(killed, longer_than=0.25)
    reply = await ann.slash("queue", in_=world.text)
    assert "High E" in str(reply.embeds)
    await ann.slash("skip", in_=world.text)
    await world.music.heard(660)


async def test_a_session_that_discord_forgot_is_begun_anew(world: World) -> None:
    """Where the API said that the gateway is: at the simulator."""
    ann, gateway = world.people[0], world.discord.gateway
    await world.start_long(ann)
    (session,) = gateway.sessions.values()
    gateway.end(session, keep_voice=True)
    assert session.connection is not None
    session.connection.abort()
    await until(lambda: gateway.identified == 2, within=15)
    await until(lambda: gateway.sessions, within=5)
    assert "Long" in str((await ann.slash("queue", in_=world.text)).embeds)
    await world.music.heard(LONG)
