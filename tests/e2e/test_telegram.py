"""A chat, from the message to the sound: the real client, the real node, a simulated Telegram."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web

from tests import sound
from tests.audio.foreign import Site
from tests.e2e.hearing import listen, recorded
from tests.e2e.product import Product
from tests.e2e.test_linking import operator
from tests.e2e.world import LONG, staged
from tests.e2e.world import World as GuildWorld
from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.waiting import until

pytestmark = pytest.mark.heard


@dataclass
class World:
    """A group with people, and the product in it."""

    telegram: TelegramSimulator
    group: Chat
    ann: Person
    ben: Person
    chorus: Product

    async def stream(self) -> str:
        """Where the group's room is heard."""
        reply = await self.ann.say("/listen", self.group)
        return f"{self.chorus.url}{reply.button('Listen')['url'].removeprefix(PUBLIC)}/stream.ogg"


SAFE = "https://music.example.org"
PUBLIC = "http://music.example.org"
"""Without https updates are asked for."""


@pytest.fixture
async def world(tmp_path: Path, library: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator.start())
        ann, ben = telegram.user("Ann"), telegram.user("Ben")
        group = telegram.group("Testers", ann, ben)
        env = {**telegram.env(), "LIBRARY_PATHS": str(library), "MEDIA_ALLOW": "127.0.0.1", "PUBLIC_URL": PUBLIC}
        chorus = Product(tmp_path / "data", env)
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await telegram.ready()
        yield World(telegram, group, ann, ben, chorus)
        assert not [line for line in [*chorus.lines, *chorus.screen] if telegram.token.split(":")[1] in line]


def tone(ogg: bytes) -> float:
    """The pitch of what was heard last, in Hz."""
    samples = recorded(ogg)[-24_000:]
    return sound.frequency(samples)


async def test_play_in_a_chat_is_heard_on_the_rooms_page(world: World) -> None:
    assert (await world.ann.say("/play Long", world.group)).text == "Long is on."
    heard = await listen(await world.stream(), 4)
    assert tone(heard) == pytest.approx(LONG, rel=0.01)


async def test_a_file_that_was_sent_is_copied_and_heard(world: World, tmp_path: Path) -> None:
    file = tmp_path / "mine.flac"
    sound.write_tone(file, 700.0, 30.0, tags={"title": "Mine", "artist": "Ann"})
    sent = world.ben.send_audio(file, world.group, name="mine.flac")
    reply = await world.ann.say("/play", world.group, reply_to=sent)
    assert reply.text == "Mine is on."
    world.telegram.files.by_id.clear()
    heard = await listen(await world.stream(), 4)
    assert tone(heard) == pytest.approx(700, rel=0.01)


async def test_a_killed_bot_goes_on_where_it_was(world: World) -> None:
    await world.ann.say("/play Long", world.group)
    await world.ann.say("/play Low A", world.group)
    await until(lambda: world.group.shows("Low A"))
    live = world.group.live.id
    await until(lambda: world.chorus.logs(event="telegram.not_pinned"), what="remembered: the pin comes after")
    await world.chorus.kill()
    lost = world.ben.post("/vote Low A", world.group)
    await world.chorus.start()
    assert "+1" in (await world.ben.answered(lost, within=10)).text
    await until(lambda: world.group.live.id == live and world.group.shows("+1"))


async def test_a_command_in_work_outlives_a_killed_bot(world: World, tmp_path: Path) -> None:
    """Telegram was answered long before the slow site was: what is not done is not confirmed."""
    site, gate, song = Site(), asyncio.Event(), tmp_path / "slow.flac"
    sound.write_tone(song, 700.0, 20.0, tags={"title": "Slow"})

    async def slow(request: web.Request) -> web.StreamResponse:
        await gate.wait()
        return web.FileResponse(song, headers={"Content-Type": "audio/flac"})

    site.pages["/slow.flac"] = slow
    async with site.server:
        asked = world.ann.post(f"/play {site.url('/slow.flac')}", world.group)
        await until(lambda: site.asked)
        polled = len(world.telegram.called("getUpdates"))
        await until(lambda: len(world.telegram.called("getUpdates")) > polled + 1)
        await world.chorus.kill()
        gate.set()
        await world.chorus.start()
        assert "is on." in (await world.ann.answered(asked, within=20)).text
        assert tone(await listen(await world.stream(), 4)) == pytest.approx(700, rel=0.01)


@dataclass
class Both:
    """A guild and a group that share a room."""

    world: World
    guild: GuildWorld


@pytest.fixture
async def both(tmp_path: Path, library: Path) -> AsyncIterator[Both]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator.start())
        env = {**telegram.env(), "PUBLIC_URL": SAFE}
        stage = await stack.enter_async_context(staged(tmp_path / "data", library, env))
        ann, ben = telegram.user("Ann"), telegram.user("Ben")
        group = telegram.group("Testers", ann, ben)
        telegram.webhooks[SAFE] = stage.chorus.url
        await telegram.ready()
        guild = await stage.guild("Host", "Cleo", "Dan")
        world = World(telegram, group, ann, ben, stage.chorus)
        yield Both(world, guild)
        hook = telegram.updates.webhook or {}
        secrets = [telegram.token.split(":")[1], str(hook["secret_token"])]
        assert not [line for line in stage.chorus.lines for secret in secrets if secret in line]


async def test_a_song_from_a_chat_is_heard_in_the_guilds_voice_channel(both: Both) -> None:
    """The chat's updates are brought by webhook; a skip passes with one vote from each side."""
    world, guild = both.world, both.guild
    cleo, dan = guild.people
    assert "Nothing" in (await world.ann.say("/now", world.group)).text
    await guild.start_long(cleo)
    code = re.search(r"/link ([A-Z0-9-]+)", await guild.said(guild.guild.owner, "link"))
    assert code
    assert "shares the room of Host" in (await world.ann.say(f"/link {code[1]}", world.group)).text
    assert "Long" in (await world.ann.say("/now", world.group)).text
    assert "High E is number 1" in (await world.ann.say("/play High E", world.group)).text
    await guild.panel_says("High E")
    assert "1 of 2" in (await world.ben.say("/skip", world.group)).text
    await guild.music.heard(LONG)
    await dan.slash("skip", in_=guild.text)
    await guild.music.heard(660)
    await until(lambda: world.group.shows("High E", "Asked for by Ann"))


async def test_one_human_has_one_vote_on_both_sides(both: Both) -> None:
    """Cleo, in the voice channel, is Ben of the chat."""
    world, guild = both.world, both.guild
    cleo, dan = guild.people
    await guild.start_long(dan)
    await guild.play(dan, "High E")
    await world.ann.say("/now", world.group)
    said = await operator(world.chorus, "link-place", f"telegram:{world.group.id}", f"discord:{guild.guild.id}")
    assert said == "Testers shares the room of Host now.\n"
    code = re.search(r"/me ([A-Z0-9-]+)", await guild.said(cleo, "me"))
    assert code
    assert "one person" in (await world.ben.say(f"/me {code[1]}")).text
    assert "+1" in await guild.said(cleo, "vote", track="High E")
    assert "+1" in (await world.ben.say("/vote High E", world.group)).text
    assert "-1" in (await world.ben.say("/vote High E down", world.group)).text
    assert "1 of 2" in await guild.said(cleo, "skip")
    assert "1 of 2" in (await world.ben.say("/skip", world.group)).text
    await guild.music.heard(LONG)
    assert "Skipped" in (await world.ann.say("/skip", world.group)).text
    await guild.music.heard(660)
