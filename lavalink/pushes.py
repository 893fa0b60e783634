"""Pushes: a player's sound to RTMP servers, each by a child process that is watched, killed and started anew."""

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from lavalink.protocol import PushTap
from lavalink.pusher import ALIVE, CONFIG, HEAD, PACKET, PICTURE
from lavalink.rtmp_address import RtmpAddress
from lavalink.traffic import TRAFFIC

SILENCE_LIMIT = 15.0
"""Seconds without a word after which a child counts as frozen; it allows itself ten to connect."""
UNREAD = 4.0
"""Seconds for which a child that is live may leave sound unread."""
MOST_UNREAD = 256 * 1024
"""Bytes of it that wait at most: four seconds at the highest bitrate."""
PAUSES = (1.0, 60.0)
"""Seconds before the first attempt after a failure, doubled each time, and at most."""
PROVED = 30.0
"""Seconds of being live after which the next failure is a first one again."""
_ROOT = Path(__file__).parents[1]
_PASSED_ON = ("LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ")

Picture = Callable[[str], Awaitable[bytes | None]]
Report = Callable[[str, str, str | None], None]

log = structlog.get_logger()


class Pushes:
    """The pushes of one player. `report(id, state, reason)` is called when one is live, failed or closed."""

    def __init__(self, report: Report, picture: Picture) -> None:
        self._report = report
        self._picture = picture
        self._pushes: dict[str, Push] = {}

    def set(self, taps: list[PushTap]) -> None:
        """Push to these alone; the same tap with another picture shows that."""
        wanted = {tap.id: tap for tap in taps}
        for tap_id in [one for one, push in self._pushes.items() if not push.serves(wanted.get(one))]:
            self._pushes.pop(tap_id).stop()
        for tap in taps:
            if tap.id in self._pushes:
                self._pushes[tap.id].show(tap.video)
            else:
                self._pushes[tap.id] = Push(tap, self._report, self._picture)

    def state(self, tap_id: str) -> str:
        """How a push is doing: `connecting`, `live`, or why it failed last."""
        return self._pushes[tap_id].state

    def put(self, packet: bytes) -> None:
        """Send a packet."""
        for push in self._pushes.values():
            push.put(packet)


class Push:
    """One push, from now on until `stop`. Made on the loop."""

    def __init__(self, tap: PushTap, report: Report, picture: Picture) -> None:
        self.state = "connecting"
        self._tap = tap
        self._host = RtmpAddress.parse(tap.url).host
        self._report = report
        self._fetch = picture
        self._video = tap.video
        self._image: bytes | None = None
        self._child: Process | None = None
        self._taken = 0.0  # when the child had nothing left to read
        self._task = asyncio.create_task(self._run(), name="push")
        self._fetching: asyncio.Task[None] | None = None
        self.show(tap.video)

    def serves(self, tap: PushTap | None) -> bool:
        """Whether this is what is wanted, whatever picture."""
        mine = self._tap
        return tap is not None and (tap.url, tap.address, tap.video is None) == (
            mine.url,
            mine.address,
            mine.video is None,
        )

    def show(self, video: str | None) -> None:
        """Show the picture at an address."""
        if video is not None and (video != self._video or self._fetching is None):
            self._video = video
            if self._fetching is not None:
                self._fetching.cancel()
            self._fetching = asyncio.create_task(self._load(video))

    def put(self, packet: bytes) -> None:
        """Send a packet, if there is a connection."""
        unread, now = self._unread, time.monotonic()
        if not unread:
            self._taken = now
        full = unread > MOST_UNREAD + len(self._image or b"")
        if self.state == "live" and self._child is not None and (full or now - self._taken > UNREAD):
            self._kill(self._child)
        elif not full:  # one that is still on its way to its server has other limits
            self._give(PACKET, packet)

    def stop(self) -> None:
        """End it."""
        if self._fetching is not None:
            self._fetching.cancel()
        self._task.cancel()
        self._report(self._tap.id, "closed", None)

    async def _load(self, video: str) -> None:
        """Where there is no picture it is black again: the former track's would be wrong."""
        self._image = await self._fetch(video)
        self._give(PICTURE, self._image or b"")

    @property
    def _unread(self) -> int:
        """Bytes that the child has not taken."""
        if self._child is None or self._child.stdin is None:
            return 0
        transport: Any = self._child.stdin.transport
        return transport.get_write_buffer_size()

    def _give(self, kind: int, payload: bytes) -> None:
        child = self._child
        if child is not None and child.stdin is not None and not child.stdin.is_closing():
            child.stdin.write(HEAD.pack(kind, len(payload)) + payload)

    async def _run(self) -> None:
        pause, most = PAUSES
        while True:
            began = time.monotonic()
            reason = await self._attempt()
            if time.monotonic() - began > PROVED:
                pause = PAUSES[0]
            log.warning("push failed", tap=self._tap.id, host=self._host, reason=reason, retry_in=pause)
            self.state = reason
            self._report(self._tap.id, "failed", reason)
            await asyncio.sleep(pause)
            pause = min(pause * 2, most)

    async def _attempt(self) -> str:
        """Push by a child until that ends; why it did."""
        try:
            child = await _spawn()
        except OSError:
            return "process"
        try:
            config = {"url": self._tap.url, "address": self._tap.address, "picture": self._video is not None}
            self._child = child
            self._give(CONFIG, json.dumps(config).encode())
            if self._image is not None:
                self._give(PICTURE, self._image)
            return await self._watch(child)
        finally:
            self._child = None
            await _end(child)

    async def _watch(self, child: Process) -> str:
        assert child.stdout is not None
        reason = "died"
        while True:
            try:
                async with asyncio.timeout(SILENCE_LIMIT):
                    line = await child.stdout.readline()
            except TimeoutError:
                self._kill(child)
                return "hung"
            if not line:
                return reason
            word = json.loads(line)
            TRAFFIC.total += word.get("sent", 0)
            if word["state"] == "beat":
                self._give(ALIVE, b"")
            elif word["state"] == "live":
                log.info("push live", tap=self._tap.id, host=self._host)
                self.state, self._taken = "live", time.monotonic()
                self._report(self._tap.id, "live", None)
            else:
                reason = word["reason"]

    @staticmethod
    def _kill(child: Process) -> None:
        with suppress(ProcessLookupError):
            child.kill()


async def _spawn() -> Process:
    """A child that knows nothing of our environment but what it needs: passwords may stand in it."""
    kept = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lavalink.pusher",
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        cwd=_ROOT,
        env=kept,
    )


async def _end(child: Process) -> None:
    """Let a child say goodbye to its server, or kill it. It is gone afterwards, even if we are cancelled."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        async with asyncio.timeout(2):
            await child.wait()
    except (TimeoutError, asyncio.CancelledError):
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
