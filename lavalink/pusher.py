"""`python -m lavalink.pusher`: one push to an RTMP server, in a process that may freeze or die alone.

On standard input: frames `u8 kind | u32 length | payload`, the first of them the push's JSON, so that its key stands
on no command line. On standard output: a JSON object a line, `{"state": "live" | "beat" | "failed", "reason", "sent"}`,
`sent` being the bytes since the last one; reasons are single words, which hold nothing of the address.
"""

import asyncio
import json
import math
import os
import signal
import ssl
import struct
import sys
from collections import deque
from contextlib import suppress

from lavalink.opus import BITRATE, FRAME_MS, RATE, SILENCE
from lavalink.rtmp import Publisher
from lavalink.rtmp_address import RtmpAddress
from lavalink.rtmp_chunks import AUDIO, VIDEO, RtmpError
from lavalink.still import HEIGHT, WIDTH, Still
from lavalink.still import RATE as PICTURES
from lavalink.transcoder import CODECS, Transcoder

HEAD = struct.Struct(">BI")
CONFIG, PACKET, PICTURE, ALIVE = 0, 1, 2, 3
TICK = 0.1
BEAT = 1.0
PATIENCE = 15
"""Packets that may be missing before silence takes their place."""
AHEAD = 50
"""Packets that the node may be ahead of time."""
DRIFT = 0.00002
FORSAKEN = 10.0
"""Seconds without an answer to a beat after which the node counts as frozen: its room plays elsewhere by then, and
the push from there needs the place at the server that this one takes."""
NICENESS = 5
_AAC = 0xAF  # FLV's word for AAC in stereo


class Feed:
    """What the node sends."""

    def __init__(self) -> None:
        self.packets: deque[bytes] = deque(maxlen=AHEAD)
        self.picture: bytes | None = None
        self._answers = False
        self._asked: float | None = None  # when it was asked for the answer that is still to come
        self._reader = asyncio.StreamReader()

    def ask(self, now: float) -> None:
        """A beat was said."""
        self._asked = self._asked or now

    def forsaken(self, now: float) -> bool:
        """Whether the node has answered beats, and does not any more."""
        return self._answers and self._asked is not None and now - self._asked > FORSAKEN

    async def open(self) -> dict[str, str | None]:
        """Begin to read; what is to be pushed where."""
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(self._reader), sys.stdin)
        _, config = await self._frame()
        return json.loads(config)

    async def follow(self) -> None:
        """Take in frames until the node ends them."""
        with suppress(EOFError):
            while True:
                kind, payload = await self._frame()
                if kind == PACKET:
                    self.packets.append(payload)
                elif kind == PICTURE:
                    self.picture = payload
                elif kind == ALIVE:
                    self._answers, self._asked = True, None

    async def _frame(self) -> tuple[int, bytes]:
        kind, length = HEAD.unpack(await self._reader.readexactly(HEAD.size))
        return kind, await self._reader.readexactly(length)


class Programme:
    """What is sent: sound without a gap, and a picture if one is wanted, with their times."""

    def __init__(self, *, picture: bool) -> None:
        self._sound = Transcoder("aac")
        self._still = Still() if picture else None
        self._frames = self._pictures = 0

    def opening(self) -> list[tuple[int, int, bytes]]:
        """What decoders have to know first, as (kind, ms, body)."""
        tags = [(VIDEO, 0, self._still.header())] if self._still else []
        return [*tags, (AUDIO, 0, bytes([_AAC, 0]) + self._sound.config)]

    def facts(self) -> dict[str, float | bool | str]:
        """The stream's description."""
        sound = {"audiocodecid": 10.0, "audiosamplerate": float(RATE), "audiodatarate": BITRATE / 1000, "stereo": True}
        picture = {"videocodecid": 7.0, "width": float(WIDTH), "height": float(HEIGHT), "framerate": float(PICTURES)}
        return {**sound, **(picture if self._still else {}), "encoder": "Chorus"}

    def show(self, picture: bytes) -> None:
        """Another picture; none (b"") is black."""
        if self._still is not None:
            self._still.show(picture)

    def push(self, packet: bytes) -> list[tuple[int, int, bytes]]:
        """What 20 ms more of sound bring, as (kind, ms, body)."""
        tags: list[tuple[int, int, bytes]] = []
        for frame in self._sound.push_bare(packet):
            at = self._frames * CODECS["aac"].samples * 1000 // RATE
            self._frames += 1
            tags += [*self._picture(at), (AUDIO, at, bytes([_AAC, 1]) + frame)]
        return tags

    def _picture(self, at: int) -> list[tuple[int, int, bytes]]:
        due = self._pictures * 1000 // PICTURES
        if self._still is None or at < due:
            return []
        self._pictures += 1
        return [(VIDEO, due, body) for body in self._still.next()]


class Push:
    """Keeps time: a packet each 20 ms, silence in place of what the node leaves out."""

    def __init__(self, feed: Feed, programme: Programme, publisher: Publisher) -> None:
        self._feed, self._programme, self._publisher = feed, programme, publisher
        self._sent = 0
        self._beat = 0.0

    async def run(self, feeding: asyncio.Task[None]) -> None:
        """Push until the node has enough. Raises what `Publisher.send` raises."""
        await self._publisher.describe(dict(self._programme.facts()))
        for tag in self._programme.opening():
            await self._publisher.send(*tag)
        say("live", sent=self._publisher.taken())
        self._started = asyncio.get_running_loop().time()
        while not feeding.done():
            await asyncio.sleep(TICK)
            now = asyncio.get_running_loop().time()
            if self._feed.forsaken(now):
                raise RtmpError("forsaken")
            await self._catch_up(now)

    async def _catch_up(self, now: float) -> None:
        if self._feed.picture is not None:
            self._programme.show(self._feed.picture)
            self._feed.picture = None
        while self._feed.packets:
            packet = self._feed.packets.popleft()
            if self._sent - self._due(now) < AHEAD:
                await self._send(packet)
        behind = self._due(now) - self._sent
        if behind > PATIENCE:
            for _ in range(behind):
                await self._send(SILENCE)
        else:  # the node's clock may run slower or faster: follow it by up to 200 ppm
            self._started += math.copysign(DRIFT, behind)
        if now - self._beat > BEAT:
            self._beat = now
            say("beat", sent=self._publisher.taken())
            self._feed.ask(now)

    def _due(self, now: float) -> int:
        return int((now - self._started) * 1000 / FRAME_MS)

    async def _send(self, packet: bytes) -> None:
        self._sent += 1
        for tag in self._programme.push(packet):
            await self._publisher.send(*tag)


def say(state: str, reason: str = "", sent: int = 0) -> None:
    """Tell the node."""
    sys.stdout.write(json.dumps({"state": state, "reason": reason, "sent": sent}) + "\n")
    sys.stdout.flush()


_REASONS: dict[type[BaseException], str] = {
    ssl.SSLCertVerificationError: "certificate",
    ssl.SSLError: "tls",
    TimeoutError: "timeout",
    ConnectionRefusedError: "refused",
    ConnectionError: "closed",
    EOFError: "closed",
    OSError: "unreachable",
}
"""Kinds before those that they are kinds of."""


def reason_of(error: BaseException) -> str:
    """An error in one word."""
    if isinstance(error, RtmpError):
        return str(error)
    return next((word for kind, word in _REASONS.items() if isinstance(error, kind)), "broken")


async def run() -> None:
    """Push until the node has enough, or the server has."""
    feed = Feed()
    config = await feed.open()
    feeding = asyncio.create_task(feed.follow())
    programme = Programme(picture=bool(config.get("picture")))
    address = RtmpAddress.parse(config["url"] or "")
    publisher = await Publisher.open(address, config.get("address"), ssl.create_default_context())
    try:
        await Push(feed, programme, publisher).run(feeding)
    finally:
        await publisher.close()


def main() -> int:
    """Entry point; 0 when the node has had enough, 1 when the push failed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the node ends us
    with suppress(OSError):
        os.nice(NICENESS)
    try:
        asyncio.run(run())
    except Exception as error:  # noqa: BLE001 (whatever it is, it may quote the address: only a word leaves)
        say("failed", reason_of(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
