"""The chat’s live stream: FFmpeg as an RTMP server hears the room; others refuse, know no such key, die and hang."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from lavalink.amf import decoded, encoded
from lavalink.rtmp_chunks import COMMAND, OUT_CHUNK, ChunkReader, Message, chunks
from tests.audio.test_pushes import KEY, heard, receiver
from tests.e2e.product import Product
from tests.e2e.world import LONG
from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.waiting import free_port, until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(120)]


@dataclass
class World:
    """A group whose owner has a live stream at `port`, and music on."""

    group: Chat
    ann: Person
    chorus: Product
    port: int

    async def start(self) -> str:
        """Give the address and the key in private; what the bot says."""
        address = f"rtmp://127.0.0.1:{self.port}/live/{KEY}"
        sent = self.ann.post(f"/live {self.group.id} {address}")
        reply = await self.ann.answered(sent)
        assert sent.deleted
        return reply.text

    async def told(self, words: str, within: float = 20) -> None:
        """Wait until the chat reads how the live stream does."""
        await until(lambda: self.group.shows("Live stream:", words), within=within, what=words)


@pytest.fixture
async def world(tmp_path: Path, library: Path) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator.start())
        ann = telegram.user("Ann")
        group = telegram.group("Testers", ann)
        env = {**telegram.env(), "LIBRARY_PATHS": str(library), "MEDIA_ALLOW": "127.0.0.1"}
        chorus = Product(tmp_path / "data", env)
        stack.push_async_callback(chorus.stop)
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await telegram.ready()
        assert (await ann.say("/play Long", group)).text == "Long is on."
        yield World(group, ann, chorus, free_port())
        log = chorus.data / "node.log"
        lines = [*chorus.lines, *chorus.screen, *log.read_text(errors="replace").splitlines(), *group.said]
        assert not [line for line in lines if KEY in line]
        assert KEY.encode() not in (chorus.data / "chorus.db").read_bytes()


@asynccontextmanager
async def knows_no_such_key(port: int) -> AsyncGenerator[None]:
    """A server that takes connections and refuses to publish."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.readexactly(1537)
        writer.write(hello + hello[1:])
        await reader.readexactly(1536)
        messages = ChunkReader(reader)
        messages.size = OUT_CHUNK
        name = ""
        while name != "publish":
            message = await messages.message()
            if message.kind != COMMAND:
                continue
            name, number, *_ = decoded(message.body)
            if name in {"connect", "createStream"}:
                writer.write(chunks(3, Message(COMMAND, 0, 0, encoded("_result", number, None, 1))))
        refusal = encoded("onStatus", 0, None, {"code": "NetStream.Publish.BadName"})
        writer.write(chunks(3, Message(COMMAND, 1, 0, refusal)))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", port):
        yield


async def test_the_room_is_heard_there_and_stops_with_it(world: World, tmp_path: Path) -> None:
    file = tmp_path / "out.flv"
    async with receiver(world.port, file) as ffmpeg:
        assert "is sent to" in await world.start()
        await world.told("live")
        await until(lambda: file.exists() and file.stat().st_size > 60_000, within=20)
        await world.ann.say("/stop", world.group)
        await asyncio.wait_for(ffmpeg.wait(), 20)
    assert any(abs(hz - LONG) < 10 for hz in heard(file))


async def test_what_is_wrong_is_told_in_the_chat_and_tried_again(world: World, tmp_path: Path) -> None:
    await world.start()
    await world.told("refuses connections")
    async with knows_no_such_key(world.port):
        await world.told("is the key right?")
    async with receiver(world.port, tmp_path / "one.flv") as ffmpeg:
        await world.told("live", within=30)
        ffmpeg.kill()
        await world.told("ended it")


async def test_a_server_that_hangs_is_told(world: World) -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", world.port):
        await world.start()
        await world.told("does not answer")
        await world.ann.say("/live off", world.group)
