"""500 listeners of one room's stream: the CPU of the bot and its node together, underruns, the first byte, Chromium."""

import asyncio
import socket
import struct
import time
from statistics import median
from typing import Any

from bench.figures import judged, spread
from bench.listeners import Listeners
from bench.processes import cpu_share
from bench.product import chorus
from tests.e2e.browser import chromium, visitor
from tests.e2e.product import Product
from tests.waiting import until

LISTENERS = 500
JOINS = 5
PATH = "/r/lobby/stream.ogg"
RATE = 48_000
PLAYING = """() => new Promise((done, fail) => {
  const audio = new Audio('/r/lobby/stream.ogg'), began = performance.now();
  audio.muted = true;
  audio.onplaying = () => { const took = performance.now() - began; audio.pause(); audio.src = ''; done(took); };
  audio.onerror = () => fail(new Error('not played'));
  audio.play();
})"""


class Ear:
    """One listener: counts the sound that has come, by the granules of Ogg pages (RFC 3533), against the clock."""

    def __init__(self) -> None:
        self.began = 0.0
        self.least = float("inf")
        """The least that was left to play, in s, when something came; below 0 it has stuttered."""
        self._first = 0
        self._last = 0.0
        self._left = 0.0
        self._buffer = bytearray()

    def take(self, at: float, data: bytes) -> None:
        """Bytes as they came, in chunks of HTTP or not: pages are found by their mark."""
        self._buffer += data
        while (start := self._buffer.find(b"OggS\0")) >= 0 and len(self._buffer) >= start + 27:
            (granule,) = struct.unpack_from("<q", self._buffer, start + 6)
            del self._buffer[: start + 27]
            if granule > 0:
                self._note(at, granule)

    def _note(self, at: float, granule: int) -> None:
        if not self.began:
            self.began, self._first = at, granule
        elif at > self._last:  # what comes at once counts as one
            self.least = min(self.least, self._left - (at - self.began))
        self._last, self._left = at, (granule - self._first) / RATE


async def run() -> dict[str, Any]:
    """All figures."""
    async with chorus() as product:
        first = [await asyncio.to_thread(first_byte, product.port) for _ in range(JOINS)]
        playing = await plays_in(product)
        ears = [Ear() for _ in range(LISTENERS)]
        with Listeners(product.port, PATH, LISTENERS, lambda number, at, data: ears[number].take(at, data)) as all_:
            await asyncio.to_thread(all_.connect)
            await until(lambda: all(ear.began for ear in ears), within=20, what="all listen")
            await asyncio.sleep(12)  # those who hear for ten seconds are counted in; that is over
            cpu = await share(product)
            ended = all_.ended
        return {
            "cpu_percent": judged(cpu["both"], 6, parts=cpu),
            "underruns": judged(sum(ear.least < 0 for ear in ears) + ended, 0),
            "least_left_s": round(min(ear.least for ear in ears), 2),
            "first_byte": spread(first[1:]),
            "chromium_plays_s": judged(median(playing) / 1000, 0.3, all_ms=[round(one) for one in playing]),
            "listeners": LISTENERS,
        }


async def share(product: Product) -> dict[str, float]:
    """The percentage of a core of the bot and of its node."""
    assert product.process is not None
    bot, node = await asyncio.gather(cpu_share([product.process.pid]), cpu_share([product.node_pid]))
    return {"both": bot + node, "relay": round(bot, 2), "node": round(node, 2)}


def first_byte(port: int) -> float:
    """Seconds from the request to the first byte of sound on a connection of its own."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        begun = time.monotonic()
        one.sendall(f"GET {PATH} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        data = b""
        while b"OggS" not in data:
            data += one.recv(4096)
        return time.monotonic() - begun


async def plays_in(product: Product) -> list[float]:
    """ms from joining to Chromium's `playing`."""
    async with chromium() as browser:
        page = await visitor(browser, f"{product.url}/r/lobby")
        times = [float(await page.evaluate(PLAYING)) for _ in range(JOINS + 1)]
        return times[1:]
