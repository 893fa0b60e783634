"""Tracks over HTTP for the nodes: signed addresses, ranges, and the guard before everything foreign."""

from pathlib import Path
from typing import Protocol

import structlog
from aiohttp import ClientResponse, web

from audio.guard import Guard
from audio.hls_window import Windows
from audio.icy import ASK, Description
from audio.library_files import AUDIO_TYPES
from audio.media_relay import Relay
from audio.media_sound import clean
from audio.media_urls import BadSignatureError, ExpiredError, MediaUrls, Ticket
from audio.radio import OnTitle, Radio, is_broadcast
from audio.sources import Located, Sources
from core.errors import UnplayableError
from core.types import TrackRef

MAX_BODY = 2 << 30
"""Bytes of a foreign file that one request may pass on; live sources have no end and no cap."""
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

log = structlog.get_logger()


class Files(Protocol):
    """Where tracks of one kind lie."""

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of a track, None when it is gone."""
        ...


class Airs(Protocol):
    """Who knows what is on air."""

    async def lasts(self, bound_to: str) -> bool:
        """Whether what an address was bound to is on air still."""
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
    airs: Airs | None = None,
    max_body: int = MAX_BODY,
) -> web.Application:
    """The sub-application to mount at `/media`. Its addresses are secrets: keep them out of access logs."""
    files = {"library": library, "upload": uploads} | ({"cover": covers} if covers else {})
    media = Media(urls, guard, files, titles, sources or Sources(), airs, max_body)
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
        airs: Airs | None,
        max_body: int,
    ) -> None:
        self._urls = urls
        self._guard = guard
        self._files = files
        self._titles = titles
        self._sources = sources
        self._airs = airs
        self._windows = Windows(guard)
        self._max_body = max_body

    async def close(self, _: web.Application) -> None:
        """Stop following live playlists."""
        await self._windows.close()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET and HEAD. The body of an error is its reason."""
        try:
            ticket = await self._verified(request.match_info["signed"])
        except BadSignatureError:
            return web.Response(status=403, text="bad_signature")
        except ExpiredError:
            return web.Response(status=410, text="expired")
        kind, _, address = ticket.ref.partition(":")
        if kind == "url":
            return await self._pass_through(request, ticket, Located(address, ticket.headers))
        if kind == "source":
            return await self._find(request, ticket)
        return await self._file(kind, ticket.ref)

    async def _verified(self, signed: str) -> Ticket:
        """Raises BadSignatureError, ExpiredError: not while the track is on air, which may be paused over night."""
        try:
            return self._urls.verify(signed)
        except ExpiredError as error:
            if self._airs is None or not await self._airs.lasts(error.ticket.bound_to):
                raise
            return error.ticket

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
        relay = Relay(request, ticket, located, self._urls, self._max_body, self._windows)
        try:
            if (ready := await relay.ahead()) is not None:
                return ready
            headers = {**located.headers, **_asked(request, ticket)}
            async with self._guard.open(located.url, headers=headers) as upstream:
                station = Description.read(upstream.headers) is not None
                if ticket.live and (station or is_broadcast(upstream)) and request.method != "HEAD":
                    on_title = self._titles.listen(ticket.bound_to) if self._titles else _untold
                    radio = Radio(self._guard, located, on_title, endless=station)
                    return await relay.tune(upstream, radio, {"icy-name": _name(upstream)} if station else {})
                return await relay.answer(upstream)
        except UnplayableError as error:
            log.info("media.refused", bound_to=ticket.bound_to, reason=error.reason)
            return relay.abort() or _refusal(error.reason)


def _untold(_title: str, _at: float) -> None:
    """Nobody wants to know."""


def _asked(request: web.Request, ticket: Ticket) -> dict[str, str]:
    """What a foreign server is asked with: a part of a file, or the titles of a station, which has no parts."""
    if ticket.live:
        return ASK
    return {"Range": request.headers["Range"]} if "Range" in request.headers else {}


def _name(station: ClientResponse) -> str:
    """Any name tells the node that the end is not the end."""
    return clean(station.headers.get("icy-name", "")) or "-"


def _refusal(reason: str) -> web.Response:
    return web.Response(status=STATUS[reason], text=reason)
