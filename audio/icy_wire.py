"""SHOUTcast 1 answers `ICY 200 OK`, which is no HTTP: read as the HTTP/1.0 that follows it."""

import asyncio
import functools
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

STATUS = b"ICY "
MEANT = b"HTTP/1.0 "


class IcyHandler(ResponseHandler):
    """Reads answers of web servers and of old stations."""

    def set_response_params(self, **options: Any) -> None:
        """An answer begins."""
        self._begins = True
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        """Some of it came."""
        if self._begins and data:
            self._begins = False
            data = MEANT + data[len(STATUS) :] if data.startswith(STATUS) else data
        super().data_received(data)

    _begins = False


class IcyConnector(aiohttp.TCPConnector):
    """Connects to both."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)  # pyright: ignore[reportUnknownMemberType] -- a tuple of something in aiohttp
        self._factory = functools.partial(IcyHandler, loop=asyncio.get_running_loop())
