"""Many listeners of one endless answer: raw sockets, read by a thread that does nothing else."""

import selectors
import socket
import threading
import time
from collections.abc import Callable
from typing import Self

Heard = Callable[[int, float, bytes], None]
CHUNK = 256 * 1024


class Listeners:
    """`heard` is called in the reading thread with a listener's number, the monotonic time, and bytes as they came."""

    def __init__(self, port: int, path: str, count: int, heard: Heard, *, headers: str = "") -> None:
        self._address = ("127.0.0.1", port)
        self._request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode()
        self._count = count
        self._heard = heard
        self._selector = selectors.DefaultSelector()
        self._sockets: list[socket.socket] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._read, name="listeners", daemon=True)
        self.ended = 0
        """How many were cut off."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def connect(self) -> None:
        """Connect all of them, one after the other. Blocks."""
        for number in range(self._count):
            one = socket.create_connection(self._address)
            one.sendall(self._request)
            one.setblocking(False)
            self._sockets.append(one)
            self._selector.register(one, selectors.EVENT_READ, number)

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join(5)
        for one in self._sockets:
            one.close()
        self._selector.close()

    def _read(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._selector.select(0.05):
                self._take(key)

    def _take(self, key: selectors.SelectorKey) -> None:
        one = self._sockets[key.data]
        try:
            data = one.recv(CHUNK)
        except (BlockingIOError, ConnectionError):
            data = b""
        if data:
            self._heard(key.data, time.monotonic(), data)
        else:
            self.ended += 1
            self._selector.unregister(one)
