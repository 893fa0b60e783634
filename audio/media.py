"""Tracks over HTTP for the nodes: signed addresses, ranges, and the guard before everything foreign."""

import asyncio
import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import structlog
from aiohttp import ClientResponse, web

from audio import playlists
from audio.guard import Guard
from audio.hls_window import Windows
from audio.icy import ASK, Description
from audio.library_files import AUDIO_TYPES
from audio.media_sound import clean
from audio.media_urls import BadSignatureError, ExpiredError, MediaUrls, Ticket
from audio.radio import OnTitle, Radio, is_broadcast
from audio.sources import Located, Sources
from core.errors import UnplayableError
from core.types import TrackRef

MAX_BODY = 2 << 30
"""Bytes of a foreign file that one request may pass on; live sources have no end and no cap."""
PLAYLIST = 10.0
"""Seconds that reading a playlist may take: nodes wait for it, and no longer."""
STATUS = {
    "bad_link": 400,
    "corrupt": 422,
    "not_audio": 415,
    "not_found": 404,
    "private_address": 403,
    "timeout": 504,
    "too_large": 413,
    "unreachable": 502,
}
_PASSED_ON = ("Accept-Ranges", "Content-Range", "Content-Type")

log = structlog.get_logger()


class Files(Protocol):
    """Where tracks of one kind lie."""

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of a track, None when it is gone."""
        ...


class Titles(Protocol):
    """Who wants to know what a radio station plays."""

    def listen(self, bound_to: str) -> OnTitle:
        """A station begins to be passed on by way of the address that was bound to this."""
        ...


def media_app(
    urls: MediaUrls,
    guard: Guard,
    library: Files,
    uploads: Files,
    *,
    covers: Files | None = None,
    titles: Titles | None = None,
    sources: Sources | None = None,
    max_body: int = MAX_BODY,
) -> web.Application:
    """The sub-application to mount at `/media`. Its addresses are secrets: keep them out of access logs."""
    files = {"library": library, "upload": uploads} | ({"cover": covers} if covers else {})
    media = Media(urls, guard, files, titles, sources or Sources(), max_body)
    app = web.Application()
    app.router.add_get("/{signed}", media.serve)
    app.on_cleanup.append(media.close)
    return app


class Media:
    """Answers one signed address: a file of ours, or a foreign body passed through."""

    def __init__(
        self,
        urls: MediaUrls,
        guard: Guard,
        files: dict[str, Files],
        titles: Titles | None,
        sources: Sources,
        max_body: int,
    ) -> None:
        self._urls = urls
        self._guard = guard
        self._files = files
        self._titles = titles
        self._sources = sources
        self._windows = Windows(guard)
        self._max_body = max_body

    async def close(self, _: web.Application) -> None:
        """Stop following live playlists."""
        await self._windows.close()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET and HEAD. The body of an error is its reason."""
        try:
            ticket = self._urls.verify(request.match_info["signed"])
        except BadSignatureError:
            return web.Response(status=403, text="bad_signature")
        except ExpiredError:
            return web.Response(status=410, text="expired")
        kind, _, address = ticket.ref.partition(":")
        if kind == "url":
            return await self._pass_through(request, ticket, Located(address))
        if kind == "source":
            return await self._find(request, ticket)
        return await self._file(kind, ticket.ref)

    async def _find(self, request: web.Request, ticket: Ticket) -> web.StreamResponse:
        """Sites sign the addresses of their sound for a while only: a source is asked when the track is played."""
        try:
            located = await self._sources.locate(ticket.ref)
        except UnplayableError as error:
            return _refusal(error.reason)
        return await self._pass_through(request, ticket, located)

    async def _file(self, kind: str, ref: TrackRef) -> web.StreamResponse:
        path = await self._files[kind].path(ref) if kind in self._files else None
        if path is None:
            return _refusal("not_found")
        media_type = AUDIO_TYPES.get(path.suffix.lower(), "application/octet-stream")
        return web.FileResponse(path, headers={"Content-Type": media_type, "Cache-Control": "no-store"})

    async def _pass_through(self, request: web.Request, ticket: Ticket, located: Located) -> web.StreamResponse:
        relay = Relay(request, ticket, self._urls, self._max_body, self._windows)
        try:
            if (ready := await relay.ahead(located.url)) is not None:
                return ready
            headers = {**located.headers, **_asked(request, ticket)}
            async with self._guard.open(located.url, headers=headers) as upstream:
                station = Description.read(upstream.headers) is not None
                if ticket.live and (station or is_broadcast(upstream)) and request.method != "HEAD":
                    on_title = self._titles.listen(ticket.bound_to) if self._titles else _untold
                    radio = Radio(self._guard, located.url, on_title, endless=station)
                    return await relay.tune(upstream, radio, {"icy-name": _name(upstream)} if station else {})
                return await relay.answer(upstream)
        except UnplayableError as error:
            log.info("media.refused", bound_to=ticket.bound_to, reason=error.reason)
            return relay.abort() or _refusal(error.reason)


class Relay:
    """One foreign body on its way to a node."""

    def __init__(self, request: web.Request, ticket: Ticket, urls: MediaUrls, max_body: int, windows: Windows) -> None:
        self._request = request
        self._ticket = ticket
        self._urls = urls
        self._max_body = max_body
        self._windows = windows
        self._response: web.StreamResponse | None = None

    def abort(self) -> web.StreamResponse | None:
        """Cut a body that has begun, so that the node does not take it for whole; None when none has."""
        if self._response is not None and self._request.transport is not None:
            self._request.transport.abort()
        return self._response

    async def ahead(self, address: str) -> web.Response | None:
        """A live playlist or one of its segments, if that is here already."""
        bound_to = self._ticket.bound_to
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
            address = self._ticket.ref.partition(":")[2]
            await self._windows.follow(self._ticket.bound_to, address, text, str(upstream.url))
        return self._written(kind, text, str(upstream.url))

    def _written(self, kind: playlists.Kind, text: str, base: str) -> web.Response:
        segments = replace(self._ticket, live=False) if kind == "hls" else self._ticket  # they end, unlike a station
        written = playlists.rewrite(kind, text, base, lambda it: self._urls.nested(segments, it))
        headers = {"Content-Type": playlists.MEDIA_TYPES[kind], "Cache-Control": "no-store"}
        return web.Response(body=written.encode(), headers=headers)

    async def _stream(self, upstream: ClientResponse, head: bytes) -> web.StreamResponse:
        headers = {name: upstream.headers[name] for name in _PASSED_ON if name in upstream.headers}
        response = web.StreamResponse(status=upstream.status, headers={**headers, "Cache-Control": "no-store"})
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


def _untold(_title: str, _at: float) -> None:
    """Nobody wants to know."""


def _asked(request: web.Request, ticket: Ticket) -> dict[str, str]:
    """What a foreign server is asked with: a part of a file, or the titles of a station, which has no parts."""
    if ticket.live:
        return ASK
    return {"Range": request.headers["Range"]} if "Range" in request.headers else {}


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
    total = upstream.headers.get("Content-Range", "").rpartition("/")[2]
    return int(total) if total.isdecimal() else upstream.content_length or 0


def _name(station: ClientResponse) -> str:
    """Any name tells the node that the end is not the end."""
    return clean(station.headers.get("icy-name", "")) or "-"


def looks_like_html(head: bytes) -> bool:
    """Whether the first bytes of a body are a web page's, whatever its media type says."""
    return head[:512].lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<!doctype html", b"<html"))


def _refusal(reason: str) -> web.Response:
    return web.Response(status=STATUS[reason], text=reason)
