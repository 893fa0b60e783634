"""Two products on one PostgreSQL and one node: the one that plays is killed, and those at the other hear it go on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests import sound
from tests.contract.node_process import NodeProcess
from tests.e2e.product import Product
from tests.e2e.test_processes import Visitor, session
from tests.e2e.world import LONG, write_tones
from tests.waiting import until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(180)]

TAKEN = 25.0
"""Seconds in which the slots of the dead have run out (10), were asked for (3), and their rooms looked at."""


class Listener:
    """Hears the Lobby at one product."""

    def __init__(self, product: Product) -> None:
        self._url = f"{product.url}/r/lobby/stream.ogg"
        self._data = bytearray()

    async def listen(self) -> None:
        async with aiohttp.ClientSession() as http, http.get(self._url) as answer:
            async for chunk in answer.content.iter_any():
                self._data += chunk

    def tones(self, seconds: float) -> list[sound.Tone]:
        """What was heard last."""
        data = bytes(self._data[: self._data.rfind(b"OggS")])
        packets = sound.opus_of_ogg(data) if data else []
        return sound.tones(packets[-round(seconds * 50) :])

    def hears(self, hz: float) -> bool:
        return any(abs(tone.hz - hz) < 5 and tone.length > 0.5 for tone in self.tones(1.0))


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[str]:
    process = NodeProcess(tmp_path)
    address = await asyncio.to_thread(process.wait_ready)
    yield address.url.replace("http://", f"n=http://:{address.password}@")
    await asyncio.to_thread(process.stop)


@pytest.fixture
async def pair(tmp_path: Path, postgres_url: str, node: str) -> AsyncIterator[tuple[Product, Product]]:
    (tmp_path / "music").mkdir()
    music = str(write_tones(tmp_path / "music"))
    env = {"DATABASE_URL": postgres_url, "LIBRARY_PATHS": music, "LAVALINK_NODES": node, "SECRET_KEY": "s" * 40}
    one, other = [Product(tmp_path / name, env) for name in ("one", "other")]
    await one.start()
    await other.start()
    for product in (one, other):
        await until(lambda product=product: product.logs(event="library indexed"), within=30)
    yield one, other
    await asyncio.gather(one.stop(), other.stop())


async def test_the_one_that_plays_is_killed(pair: tuple[Product, Product]) -> None:
    one, other = pair
    listener = Listener(other)
    listening = asyncio.create_task(listener.listen())
    async with session() as http:
        visitor = Visitor(one, http)
        await visitor.open()
        await until(lambda: visitor.seen)
        await visitor.add("Long")
        await until(lambda: listener.hears(LONG), within=90, every=0.5, what="the other one's listener hears it")
        await visitor.stop()
    assert not other.logs(event="slots taken")
    await one.kill()
    await asyncio.sleep(TAKEN)
    assert other.logs(event="slots taken")
    assert other.logs(event="session inherited")
    long = [tone for tone in listener.tones(TAKEN) if abs(tone.hz - LONG) < 5]
    assert sum(tone.length for tone in long) > TAKEN - 4, "the music went on"
    assert listener.hears(LONG)
    async with session() as http:
        visitor = Visitor(other, http)
        await visitor.open()
        await visitor.add("Top A")
        await visitor.sees("Top A")
        await visitor.stop()
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert not (errors := other.logs(level="error")), errors[0]
