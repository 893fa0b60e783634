"""A media server that misbehaves on demand, and a player whose packets are caught instead of sent."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from lavalink.deck import Deck
from lavalink.engine import Engine
from lavalink.player import Player
from lavalink.protocol import UNSET, PlayerPatch, Track, Unset
from lavalink.sources import Sources
from tests import sound

SOON = 5.0
LATE = 0.1
"""Seconds between two packets that no busy machine explains."""


async def until(condition: Callable[[], object], within: float = SOON) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        await asyncio.sleep(0.005)


@dataclass
class Piece:
    """One file as it is served."""

    body: bytes
    ranged: bool = True
    sized: bool = True
    drop_after: list[int] = field(default_factory=list)
    """Bytes after which the next connections are cut."""
    stall_after: int | None = None
    """Bytes after which every connection falls silent."""
    most: int | None = None
    """Bytes that one answer brings, though more were asked for."""
    shift: int | None = None
    """Where every part begins, whatever was asked for; it says so."""
    pace: float = 0.0
    """Seconds between chunks of 4 KB."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)


class Media:
    def __init__(self) -> None:
        self.pieces: dict[str, Piece] = {}
        self.missed: list[str] = []
        """What was asked for and is not there."""
        self.base = ""
        self.released = asyncio.Event()

    def add(self, name: str, body: bytes | Path, **how: Any) -> Piece:
        data = body.read_bytes() if isinstance(body, Path) else body
        self.pieces[name] = Piece(data, **how)
        return self.pieces[name]

    def url(self, name: str) -> str:
        return f"{self.base}/{name}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        piece = self.pieces.get(request.match_info["name"])
        if piece is None:
            self.missed.append(request.match_info["name"])
            raise web.HTTPNotFound
        asked = request.headers.get("Range", "")
        piece.requests.append(asked)
        if piece.status != 200:
            return web.Response(status=piece.status, headers=piece.headers)
        start = int(asked.removeprefix("bytes=").split("-")[0] or 0) if piece.ranged and asked else 0
        start = start if piece.shift is None else piece.shift
        if piece.ranged and start >= len(piece.body):
            return web.Response(status=416)
        whole = len(piece.body) if piece.most is None else min(len(piece.body), start + piece.most)
        response = web.StreamResponse(status=206 if piece.ranged else 200, headers=piece.headers)
        if piece.ranged:
            response.headers["Content-Range"] = f"bytes {start}-{whole - 1}/{len(piece.body)}"
        if piece.sized:
            response.content_length = whole - start
        await response.prepare(request)
        with suppress(ConnectionError):
            await self._send(request, response, piece, range(start, whole))
        return response

    async def _send(self, request: web.Request, response: web.StreamResponse, piece: Piece, part: range) -> None:
        stop = piece.drop_after.pop(0) + part.start if piece.drop_after else None
        at = part.start
        while at < part.stop:
            if at == stop:
                assert request.transport is not None
                request.transport.abort()
                return
            if piece.stall_after is not None and at >= piece.stall_after:
                await self.released.wait()
            edges = [
                at + 4096,
                part.stop,
                *(edge for edge in (stop, piece.stall_after) if edge is not None and edge > at),
            ]
            end = min(edges)
            await response.write(piece.body[at:end])
            at = end
            if piece.pace:
                await asyncio.sleep(piece.pace)


@asynccontextmanager
async def media_server() -> AsyncGenerator[Media]:
    media = Media()
    app = web.Application()
    app.router.add_get("/{name:.*}", media.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    media.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield media
    media.released.set()
    await runner.cleanup()


class Ear:
    """Stands for a voice link: hears every packet and when it came."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.times: list[float] = []
        self.spoken: list[bool] = []
        self.connected = False
        self.waiting = False
        self.ping = -1
        self.closed = False

    def send(self, packet: bytes) -> None:
        self.packets.append(packet)
        self.times.append(time.monotonic())

    def speak(self, speaking: bool) -> None:
        self.spoken.append(speaking)

    async def close(self) -> None:
        self.closed = True

    def forget(self) -> None:
        self.packets.clear()
        self.times.clear()

    def tones(self) -> list[sound.Tone]:
        return sound.tones(self.packets)

    def heard(self, hz: float) -> bool:
        """Whether the last 100 ms are this tone."""
        samples = sound.decode(self.packets[-15:])[-4800:]
        return len(samples) == 4800 and sound.level(samples) > -50 and abs(sound.frequency(samples) - hz) < 10


class Desk:
    """One player with all that it needs."""

    def __init__(self, engine: Engine, sources: Sources, media: Media, guild_id: int = 1) -> None:
        self.ear = Ear()
        self.messages: list[dict[str, Any]] = []
        self.engine = engine
        self.sources = sources
        self.media = media
        voice: Any = self.ear
        self.player = Player(guild_id, engine=engine, sources=sources, emit=self.messages.append, voice=voice)

    @property
    def deck(self) -> Deck | None:
        return self.player._playback._deck

    async def track(self, name: str, **user_data: Any) -> Track:
        info = await self.sources.load(self.media.url(name))
        assert info is not None
        return Track(encoded=name, info=info, user_data=user_data)

    def patch(
        self, *, track: Track | Unset | None = UNSET, next_track: Track | Unset | None = UNSET, **fields: Any
    ) -> None:
        if not isinstance(track, Unset):
            fields["track"] = {"encoded": track and track.encoded}
        chorus = fields.get("chorus", {})
        if not isinstance(next_track, Unset):
            how = {"position": fields.pop("next_position", 0), **fields.pop("next_fields", {})}
            named = next_track and {"encoded": next_track.encoded, **how}
            fields["chorus"] = {**chorus, "next": named}
        self.player.apply(PlayerPatch.model_validate(fields), track=track, next_track=next_track)

    def patch_fields(self, fields: dict[str, Any]) -> None:
        """A PATCH that names no new track."""
        self.player.apply(PlayerPatch.model_validate(fields), track=UNSET, next_track=UNSET)

    async def play(self, name: str, **fields: Any) -> Track:
        track = await self.track(name)
        self.patch(track=track, **fields)
        return track

    def events(self) -> list[tuple[str, ...]]:
        """(type without "Event", track, reason…) of all events so far."""
        return [
            tuple(
                str(part)
                for part in (
                    message["type"].removesuffix("Event"),
                    message.get("track", {}).get("encoded"),
                    message.get("reason"),
                )
                if part is not None
            )
            for message in self.messages
            if message["op"] == "event"
        ]

    def updates(self) -> list[dict[str, Any]]:
        return [message["state"] for message in self.messages if message["op"] == "playerUpdate"]

    async def hear(self, packets: int) -> None:
        """Wait for so many more packets: 20 ms of sound each, however late a busy machine is."""
        goal = len(self.ear.packets) + packets
        await until(lambda: len(self.ear.packets) >= goal)

    async def ended(self, within: float = SOON) -> None:
        await until(lambda: self.player.model().track is None, within)


@asynccontextmanager
async def studio() -> AsyncGenerator[tuple[Media, Engine, Sources]]:
    async with (
        media_server() as media,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False) as session,
    ):
        engine, sources = Engine(), Sources(session, origins=None)
        await engine.start()
        yield media, engine, sources
        await engine.stop()
        await sources.close()


@asynccontextmanager
async def desk() -> AsyncGenerator[Desk]:
    async with studio() as (media, engine, sources):
        made = Desk(engine, sources, media)
        yield made
        await made.player.close()
