"""What discord.py's voice transport does in threads, done on the event loop: no thread per room."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from discord.gateway import DiscordVoiceWebSocket
    from discord.voice_state import VoiceConnectionState

MAX_HEARTBEAT = 5.0
DATAGRAM = 2048


class Heartbeat:
    """Keeps a voice websocket alive from the event loop; stands for discord.py's thread."""

    def __init__(self, websocket: DiscordVoiceWebSocket, interval: float) -> None:
        self.latency = float("inf")
        self._websocket = websocket
        self._interval = min(interval, MAX_HEARTBEAT)
        self._sent = self._acked = time.perf_counter()
        self._task = asyncio.create_task(self._beat(), name="voice-heartbeat")

    def ack(self) -> None:
        """The server has answered."""
        self._acked = time.perf_counter()
        self.latency = self._acked - self._sent

    def stop(self) -> None:
        """No more beats."""
        self._task.cancel()

    async def _beat(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(self._interval)
                if time.perf_counter() - self._acked > 3 * self._interval + MAX_HEARTBEAT:
                    await self._websocket.ws.close(code=4000)
                    return
                await self._send()

    async def _send(self) -> None:
        self._sent = time.perf_counter()
        beat = {"t": int(time.time() * 1000), "seq_ack": self._websocket.seq_ack}
        await self._websocket.send_as_json({"op": self._websocket.HEARTBEAT, "d": beat})


class LoopReader:
    """Reads the UDP socket from the event loop while somebody listens; stands for discord.py's thread."""

    def __init__(self, state: VoiceConnectionState) -> None:
        self._state = state
        self._callbacks: list[Callable[[bytes], Any]] = []
        self._reading: socket.socket | None = None

    def register(self, callback: Callable[[bytes], Any]) -> None:
        """Calls back with each datagram."""
        self._callbacks.append(callback)
        self.resume()

    def unregister(self, callback: Callable[[bytes], Any]) -> None:
        """The contrary of register."""
        if callback in self._callbacks:
            self._callbacks.remove(callback)
        if not self._callbacks:
            self.pause()

    def resume(self, *, force: bool = False) -> None:
        """Reads if there is a socket and somebody to read for."""
        if self._callbacks and self._state.socket:
            self.pause()
            self._reading = self._state.socket
            asyncio.get_running_loop().add_reader(self._reading, self._read, self._reading)

    def pause(self) -> None:
        """Stops reading; call it before the socket is closed."""
        if self._reading is not None and self._reading.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._reading)
        self._reading = None

    stop = pause

    def _read(self, reading: socket.socket) -> None:
        try:
            data = reading.recv(DATAGRAM)
        except OSError:
            return
        for callback in list(self._callbacks):
            callback(data)
