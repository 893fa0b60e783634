"""One foreign body on its way to a node: passed through, its playlists rewritten, stations kept ahead of the ear."""

import asyncio
import contextlib
from dataclasses import replace

from aiohttp import ClientResponse, web

from audio import playlists
from audio.hls_window import Windows
from audio.media_urls import MediaUrls, Ticket
from audio.radio import Radio
from audio.sources import Located
from core.errors import UnplayableError
from core.numbers import number

PLAYLIST = 10.0
"""Seconds that reading a playlist may take: nodes wait for it, and no longer."""
_NO_SUCH_PART = 416
_PASSED_ON = ("Accept-Ranges", "Content-Range", "Content-Type")


class Relay:
    """One foreign body on its way to a node."""

    def __init__(
        self,
        request: web.Request,
        ticket: Ticket,
        located: Located,
        urls: MediaUrls,
        max_body: int,
        windows: Windows,
    ) -> None:
        self._request = request
        self._ticket = ticket
        self._located = located
        self._urls = urls
        self._max_body = max_body
        self._windows = windows
        self._response: web.StreamResponse | None = None

    def abort(self) -> web.StreamResponse | None:
        """Cut a body that has begun, so that the node does not take it for whole; None when none has."""
        if self._response is not None and self._request.transport is not None:
            self._request.transport.abort()
        return self._response

    async def ahead(self) -> web.Response | None:
        """A live playlist or one of its segments, if that is here already."""
        bound_to, address = self._ticket.bound_to, self._located.url
        if (window := self._windows.playlist(bound_to, address)) is not None:
            return self._written("hls", window.text, window.base)
        if self._request.headers.get("Range", "bytes=0-") != "bytes=0-":
            return None
        segment = await self._windows.segment(bound_to, address)
        if segment is None:
            return None
        headers = {"Content-Type": segment.media_type, "Cache-Control": "no-store"}
        return web.Response(body=segment.body, headers=headers)

    async def answer(self, upstream: ClientResponse, head: bytes = b"") -> web.StreamResponse:
        """Pass on what upstream sends after `head`, playlists rewritten. Raises UnplayableError."""
        if upstream.status == _NO_SUCH_PART:  # the node has read to the end
            return web.Response(status=_NO_SUCH_PART, headers=_passed_on(upstream))
        head = head or await upstream.content.readany()
        kind = playlists.kind_of(upstream.content_type, upstream.url.path, head)
        if kind is not None:
            return await self._playlist(kind, upstream, head)
        if looks_like_html(head):
            raise UnplayableError("not_audio")
        if not self._ticket.live and size_of(upstream) > self._max_body:
            raise UnplayableError("too_large")
        return await self._stream(upstream, head)

    async def tune(self, upstream: ClientResponse, radio: Radio, about: dict[str, str]) -> web.StreamResponse:
        """Pass on a radio station for as long as it sends, or the playlist that it turns out to be. UnplayableError."""
        head = await upstream.content.readany()
        if playlists.kind_of(upstream.content_type, upstream.url.path, head) or looks_like_html(head):
            return await self.answer(upstream, head)
        headers = {"Content-Type": upstream.headers.get("Content-Type", "audio/mpeg"), **about}
        self._response = response = web.StreamResponse(headers={**headers, "Cache-Control": "no-store"})
        await response.prepare(self._request)
        async with contextlib.aclosing(radio.sound(upstream, head)) as sound:
            async for chunk in sound:
                try:
                    await response.write(chunk)
                except ConnectionError:  # the node has heard enough
                    break
        return response

    async def _playlist(self, kind: playlists.Kind, upstream: ClientResponse, head: bytes) -> web.Response:
        if self._ticket.depth >= playlists.DEPTH:
            raise UnplayableError("bad_link")
        async with asyncio.timeout(PLAYLIST):
            text = playlists.decode(await read_capped(upstream, playlists.BYTES, head))
        kind = playlists.settle(kind, text)
        if kind == "hls" and playlists.is_live(text):
            await self._windows.follow(self._ticket.bound_to, self._located, text, str(upstream.url))
        return self._written(kind, text, str(upstream.url))

    def _written(self, kind: playlists.Kind, text: str, base: str) -> web.Response:
        live = self._ticket.live and kind != "hls"  # segments end, unlike a station
        named = replace(self._ticket, live=live, headers=self._located.headers)
        written = playlists.rewrite(kind, text, base, lambda it: self._urls.nested(named, it))
        headers = {"Content-Type": playlists.MEDIA_TYPES[kind], "Cache-Control": "no-store"}
        return web.Response(body=written.encode(), headers=headers)

    async def _stream(self, upstream: ClientResponse, head: bytes) -> web.StreamResponse:
        response = web.StreamResponse(status=upstream.status, headers=_passed_on(upstream))
        if "Content-Encoding" not in upstream.headers:
            response.content_length = upstream.content_length
        await response.prepare(self._request)
        self._response = response
        if self._request.method != "HEAD":
            await self._copy(upstream, response, head)
        return response

    async def _copy(self, upstream: ClientResponse, response: web.StreamResponse, head: bytes) -> None:
        sent = 0
        chunk = head
        while chunk:
            sent += len(chunk)
            if sent > self._max_body and not self._ticket.live:
                raise UnplayableError("too_large")
            try:
                await response.write(chunk)
            except ConnectionError:  # the node has heard enough
                return
            chunk = await upstream.content.readany()


def _passed_on(upstream: ClientResponse) -> dict[str, str]:
    headers = {name: upstream.headers[name] for name in _PASSED_ON if name in upstream.headers}
    return {**headers, "Cache-Control": "no-store"}


async def read_capped(upstream: ClientResponse, cap: int, head: bytes = b"") -> bytes:
    """The whole body, of which `head` was read already. Raises UnplayableError `too_large` beyond `cap` bytes."""
    body = bytearray(head)
    while chunk := await upstream.content.readany():
        body += chunk
        if len(body) > cap:
            raise UnplayableError("too_large")
    return bytes(body)


def size_of(upstream: ClientResponse) -> int:
    """The size of the whole file as far as upstream tells."""
    total = number(upstream.headers.get("Content-Range", "").rpartition("/")[2])
    return upstream.content_length or 0 if total is None else total


def looks_like_html(head: bytes) -> bool:
    """Whether the first bytes of a body are a web page's, whatever its media type says."""
    return head[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype html", b"<html"))
