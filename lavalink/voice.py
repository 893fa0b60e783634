"""A player's way into a Discord voice channel, driven by the voice data of a client's PATCH."""

from __future__ import annotations

import asyncio
import importlib
import math
import time
from typing import TYPE_CHECKING, Any

import aiohttp
import structlog

from lavalink.protocol import ApiError
from lavalink.traffic import TRAFFIC
from lavalink.voice_codes import ABNORMAL, REASONS, RESUMABLE, GatewayClosedError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from lavalink.protocol import VoiceState
    from lavalink.voice_socket import Transport

CONNECT_TIMEOUT = 10.0
RESUME_TIMEOUT = 5.0
RESUME_DELAYS = (0.0, 0.25, 0.5, 1.0)
STABLE = 1.0
"""Seconds that a connection has to stand until its loss is the first one again."""
HOLD_LIMIT = 10.0
"""Seconds that a track's clock waits for end-to-end encryption; its frames are held back for as long as it takes."""

log = structlog.get_logger()


def voice_session() -> aiohttp.ClientSession:
    """The HTTP session that voice links share."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))  # each link holds a connection for good


async def warm_up() -> None:
    """Loads discord.py, which takes longer than all the rest of the node's start and is not needed at once."""
    module = await asyncio.to_thread(importlib.import_module, "lavalink.voice_socket")
    await asyncio.to_thread(module.tls_context)


class VoiceLink:
    """One guild's voice connection; it resumes by itself and reports when it cannot.

    `on_closed(code, reason, by_remote)` is called once for each connection that is lost for good.
    """

    def __init__(
        self,
        guild_id: int,
        user_id: int,
        *,
        session: aiohttp.ClientSession,
        on_closed: Callable[[int, str, bool], None],
    ) -> None:
        self.guild_id = guild_id
        self.user_id = user_id
        self.connected = False
        """Whether the voice gateway's websocket is open."""
        self._session = session
        self._on_closed = on_closed
        self._voice: VoiceState | None = None
        self._transport: Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._live = False  # the handshake is done and nothing has ended the voice session since
        self._speaking = False
        self._held_since: float | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def ping(self) -> int:
        """The voice gateway's round trip in ms, -1 before the first heartbeat."""
        latency = self._transport.connection.latency if self._transport else math.inf
        return -1 if math.isinf(latency) else int(latency * 1000)

    @property
    def ready(self) -> bool:
        """Whether audio may be sent now."""
        return self._live and self._transport is not None and not self._transport.exposed

    @property
    def waiting(self) -> bool:
        """Whether somebody will hear audio in a moment but not yet, so that a track had better wait."""
        if self._opening is not None:
            return True
        if self.ready or self._transport is None or not self._transport.connection.others:
            self._held_since = None
            return False
        self._held_since = self._held_since or time.monotonic()
        return time.monotonic() - self._held_since < HOLD_LIMIT

    async def connect(self, voice: VoiceState) -> None:
        """Returns when audio may flow; nothing happens when this very connection is up or under way.

        Newer voice data replaces a connection at once. Raises ApiError 500.
        """
        if voice != self._voice or not (self.connected or self._opening):
            self._replace(voice)
        if self._opening is not None:
            await asyncio.shield(self._opening)

    def send(self, packet: bytes) -> None:
        """One 20 ms Opus packet; dropped when not `ready`."""
        transport = self._transport
        if transport is not None and self._live and not transport.exposed:  # `ready`, with no call for each packet
            transport.send(packet)
            TRAFFIC.total += len(packet)

    def speak(self, speaking: bool) -> None:  # noqa: FBT001 - the protocol's own word
        """Tells the channel that audio begins or ends."""
        self._speaking = speaking
        if self.connected and self._transport is not None:
            self._spawn(self._tell_speaking(self._transport))

    async def close(self) -> None:
        """Leaves; the link may be connected again."""
        self._drop()
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                await asyncio.wait([task], timeout=1)

    def _replace(self, voice: VoiceState) -> None:
        from lavalink.voice_socket import Transport  # see warm_up

        self._drop()
        self._voice = voice
        self._transport = Transport(self._session, self.user_id, self.guild_id, int(voice.channel_id or 0))
        self._opening = self._spawn(self._open(self._transport, voice))

    def _drop(self) -> None:
        """Forgets the present connection and closes it behind the scenes."""
        transport, self._transport = self._transport, None
        self._voice = self._opening = None
        self.connected = self._live = False
        if transport is not None:
            self._spawn(transport.connection.close())

    async def _open(self, transport: Transport, voice: VoiceState) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await transport.connection.open(voice, self.guild_id)
        except Exception as error:
            log.warning("voice connection failed", guild=self.guild_id, error=repr(error))
            await transport.connection.close()
            if self._transport is transport:
                self._transport = self._opening = self._voice = None
                if isinstance(error, GatewayClosedError):
                    self._report(error.code)
            raise ApiError(500, "Failed to connect to voice server") from error
        if self._transport is not transport:
            await transport.connection.close()
            raise ApiError(500, "Failed to connect to voice server: replaced by newer voice data")
        self._opening = None
        self._live = True
        self._spawn(self._run(transport))
        self._connected(transport)

    def _connected(self, transport: Transport) -> None:
        self.connected = True
        if self._speaking:
            self._spawn(self._tell_speaking(transport))

    async def _run(self, transport: Transport) -> None:
        """Follows a connection until it is replaced or lost."""
        delays = iter(RESUME_DELAYS)
        while self._transport is transport:
            began = time.monotonic()
            code = await transport.connection.closed()
            if self._transport is not transport:
                return
            self.connected = False
            log.info("voice gateway closed", guild=self.guild_id, code=code)
            if time.monotonic() - began > STABLE:
                delays = iter(RESUME_DELAYS)
            final = await self._resume(transport, delays) if code in RESUMABLE else code
            if final is not None and self._transport is transport:
                self._lose(final)

    async def _resume(self, transport: Transport, delays: Iterator[float]) -> int | None:
        """None when the session goes on, else the close code that ends it; tries as long as there are delays left."""
        for delay in delays:
            await asyncio.sleep(delay)
            if self._transport is not transport:
                return None
            try:
                async with asyncio.timeout(RESUME_TIMEOUT):
                    await transport.connection.hang_up()
                    await transport.connection.dial(resume=True)
            except GatewayClosedError as error:
                if error.code not in RESUMABLE:
                    return error.code
            except (OSError, aiohttp.ClientError, TimeoutError) as error:
                log.info("voice resume failed", guild=self.guild_id, error=repr(error))
            else:
                self._connected(transport)
                return None
        return ABNORMAL

    def _lose(self, code: int) -> None:
        log.warning("voice connection lost", guild=self.guild_id, code=code)
        self._drop()
        self._report(code)

    def _report(self, code: int) -> None:
        self._on_closed(code, REASONS.get(code, ""), code != ABNORMAL)

    async def _tell_speaking(self, transport: Transport) -> None:
        try:
            await transport.connection.speak(speaking=self._speaking)
        except ConnectionError:
            log.debug("speaking not told", guild=self.guild_id)

    def _spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(coroutine, name=f"voice-{self.guild_id}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, ApiError):
            log.error("voice task failed", guild=self.guild_id, exc_info=error)
