"""The surface over the real store: what was answered is there after a restart, and its buttons still work."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cogs.discord.client import ChorusClient
from core.bus import LocalBus
from db.engine import Database
from db.migrate import migrate
from db.places import SqlLiveMessages, SqlPlaces
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from tests.fake_ports import make_ports
from tests.fakes import FakeClock, FakeLibrary, track
from tests.simulators.discord import DiscordSimulator
from tests.waiting import until


@asynccontextmanager
async def bot(discord: DiscordSimulator, file: Path) -> AsyncGenerator[SqlRooms]:
    """A client over the database in `file`, connected."""
    database, bus, clock = Database(f"sqlite+aiosqlite:///{file}"), LocalBus(), FakeClock()
    await migrate(database)
    rooms, places = SqlRooms(database, bus, clock), SqlPlaces(database, clock)
    library = FakeLibrary(track("Aria"), track("Blues"), track("Chant"))
    ports = make_ports(rooms, places, SqlShelf(database, clock), library, bus, clock)
    client = ChorusClient(ports, rooms=rooms, live_messages=SqlLiveMessages(database))
    task = asyncio.create_task(client.start(discord.token))
    try:
        await discord.until(lambda: client.is_ready() or task.done(), within=10, what="ready")
        yield rooms
    finally:
        await client.close()
        await asyncio.gather(task, return_exceptions=True)
        await rooms.close()
        await database.close()


async def test_a_restart_forgets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with DiscordSimulator.start() as discord:
        monkeypatch.setattr("discord.http.Route.BASE", discord.api_url)
        guild = discord.guild("Testers")
        music, chat = guild.voice_channel("Music"), guild.text_channel("chat")
        ann, ben, cyd = (guild.member(name) for name in ("Ann", "Ben", "Cyd"))
        for member in (ann, ben, cyd):
            await member.join(music)
        async with bot(discord, tmp_path / "chorus.db"):
            for title in ("Aria", "Blues", "Chant"):
                await ann.slash("play", query=title, in_=chat)
            await until(lambda: chat.messages and "3 listening" in chat.messages[0].text, what="the panel")
            await ben.slash("vote", track="Chant")
            assert (await ben.slash("skip")).text.startswith("You voted to skip **Aria**: 1 of 2; one more, or")
            before = (await ben.slash("queue")).text
        async with bot(discord, tmp_path / "chorus.db") as rooms:
            assert (await ben.slash("queue")).text == before
            (panel,) = chat.messages
            assert (await cyd.press(panel, custom_id=_id(panel.components, "skip"))).text == "Skipped **Aria**."
            await until(lambda: "Chant" in (panel.embeds[0]["title"]), what="the panel to go on")
            (room,) = [one for one in await rooms.active() if one != "lobby"]
            assert [play.reason for play in await rooms.plays(room)] == ["voted"]


def _id(components: list[dict[str, list[dict[str, str]]]], action: str) -> str:
    ids = [button["custom_id"] for row in components for button in row["components"]]
    return next(one for one in ids if one.startswith(f"chorus:{action}:"))
