"""Pages to read: rooms, searches, covers, and the two endless answers (events and sound)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from aiohttp import web

from core.enums import Guests
from core.errors import ChorusError, ForbiddenError
from core.numbers import number
from core.ports.places import RoomRef
from core.ports.stream import Format
from core.ports.tracks import Episode
from core.types import Actor, RoomId, Track
from web import words
from web.channel import Channel, Page
from web.guard import command_token, page
from web.metrics import PAGES, STREAMS
from web.scenes import SHOWN, Scene
from web.site import NONCE, Site, is_partial, locale_of, visitor_of
from web.wire import Wire

FOUND = 12
EPISODES = 100
LINKS = ("http://", "https://")
PATIENCE = 5.0
"""Seconds that a podcast's feed may take."""
QUERY_LENGTH = 500
KEPT = 50
"""Favourites on a page."""
SWEEP = 0.5
BEATS = 30
MEMBERSHIP = 30.0
"""Seconds after which it is asked again who somebody is to the chats of a room whose page they have open."""
SIZES = {"88", "176", "512"}
FORMATS: Mapping[str, Format] = {"ogg": "opus", "mp3": "mp3", "aac": "aac"}
_EVENTS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_FOR_GOOD = {"Content-Type": "image/webp", "Cache-Control": "public, max-age=31536000, immutable"}


Unread = Callable[[Actor], Awaitable[int]]
"""How many messages somebody has not read."""


class Pages:
    """Handlers for GET."""

    def __init__(self, site: Site, unread: Unread | None = None) -> None:
        self._site = site
        self._unread = unread
        self._channels: dict[RoomId, Channel] = {}

    def routes(self) -> list[web.RouteDef]:
        """Where each page is."""
        return [
            web.get("/", self.rooms),
            web.get("/r/{room}", self.room),
            web.get("/r/{room}/events", self.events, allow_head=False),
            web.get("/r/{room}/stream.{kind:ogg|mp3|aac}", self.stream, allow_head=False),
            web.get("/r/{room}/live.m3u8", self.playlist),
            web.get("/r/{room}/live/{name}", self.segment),
            web.get("/r/{room}/search", self.search),
            web.get("/r/{room}/favourites", self.favourites),
            web.get(r"/covers/{key}/{size}.webp", self.cover),
        ]

    async def rooms(self, request: web.Request) -> web.StreamResponse:
        """The Lobby: the one room that is meant to be found."""
        lobby = await self._site.places.lobby()
        raise web.HTTPFound(f"/r/{lobby.room}")

    async def room(self, request: web.Request) -> web.StreamResponse:
        """A room's whole page."""
        ref = await self._site.ref(request)
        guest = await self._site.known(request)
        actor = await self._site.actor(ref, guest) if guest else None
        scene = await self._site.scenes.take(ref, actor, page=_page_number(request))
        return await self.show(request, scene, actor)

    async def show(
        self,
        request: web.Request,
        scene: Scene,
        actor: Actor | None,
        *,
        text: str = "",
        wrong: bool = False,
        status: int = 200,
    ) -> web.Response:
        """Draw a room's page for whoever asks, with one line of news."""
        query = request.query.get("q", "")[:QUERY_LENGTH]
        facts: dict[str, Any] = {
            "visitor": visitor_of(request),
            "csrf": self._site.visitors.csrf(visitor_of(request)),
            "command": command_token(),
            "nonce": request[NONCE],
            "clock_now": self._site.clock.now(),
            "text": text or request.cookies.get("said", ""),
            "wrong": wrong,
            "undo": not text and "undo" in request.cookies,
            "query": query,
            "results": await self._found(query) if query else None,
            "shown": SHOWN,
            "kept": await self._kept(request),
            "unread": await self._unread(actor) if self._unread is not None and actor is not None else 0,
        }
        response = page(self._site.drawing.room(locale_of(request), scene, **facts), status=status)
        response.del_cookie("said", path="/")
        response.del_cookie("undo", path="/")
        self._site.visitors.write(response, visitor_of(request), secure=self._site.proxies.secure(request))
        return response

    async def search(self, request: web.Request) -> web.StreamResponse:
        """Tracks for what was typed, as a fragment; as a page where there is no script."""
        ref = await self._site.ref(request)
        if not is_partial(request):
            raise web.HTTPSeeOther(request.rel_url.with_path(f"/r/{ref.room}", keep_query=True))
        visitor, address = visitor_of(request), self._site.proxies.client(request)
        await self._site.limits.count_search(visitor.id if visitor.known else address, address)
        query = request.query.get("q", "").strip()[:QUERY_LENGTH]
        results = await self._episodes(request, ref, query) or await self._found(query)
        facts = {"results": results, "query": query, "base": f"/r/{ref.room}"}
        return page(self._site.drawing.part("_results.html", locale_of(request), **facts))

    async def favourites(self, request: web.Request) -> web.StreamResponse:
        """What a visitor keeps, as a fragment."""
        ref = await self._site.ref(request)
        facts = {"kept": await self._kept(request), "base": f"/r/{ref.room}"}
        return page(self._site.drawing.part("_kept.html", locale_of(request), **facts))

    async def _kept(self, request: web.Request) -> Sequence[Track]:
        guest = await self._site.known(request)
        return [] if guest is None else await self._site.jukebox.favourites(guest.person, size=KEPT)

    async def events(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: everything at once, then what changes."""
        ref, guest = await self._open(request), await self._site.guest(request)
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        headers = {**_EVENTS, "Content-Encoding": "gzip"} if packed else _EVENTS
        wire = await Wire.open(request, web.StreamResponse(headers=headers))
        actor = await self._site.actor(ref, guest)
        channel, shown = self._channel(ref), Page(wire, locale_of(request), actor, packed)
        with PAGES.track_inprogress():
            async with self._site.presences.watching(ref, guest):
                try:
                    await channel.join(shown, {"now": self._site.clock.now()})
                    while not await wire.finished(within=MEMBERSHIP if guest.identity else None):
                        with suppress(ChorusError):  # a store that is away ends no page: the next look tells
                            shown.belongs_to(await self._site.actor(ref, guest))
                finally:
                    channel.leave(shown)
        return wire.response

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """The room's sound."""
        ref, guest = await self._open(request), await self._site.guest(request)
        async with self._site.turnstile.inside(ref.room, await self._site.places_to_listen(ref)):
            with STREAMS.track_inprogress():
                async with self._site.presences.listening(ref, guest):
                    return await self._site.streams.serve(request, ref.room, FORMATS[request.match_info["kind"]])

    async def playlist(self, request: web.Request) -> web.StreamResponse:
        """The room's sound in segments, where that is switched on."""
        if self._site.hls is None:
            raise web.HTTPNotFound
        ref, guest = await self._open(request), await self._site.guest(request)
        return await self._site.hls.playlist(ref, guest, lambda: self._site.places_to_listen(ref))

    async def segment(self, request: web.Request) -> web.StreamResponse:
        """A piece of it."""
        if self._site.hls is None:
            raise web.HTTPNotFound
        return self._site.hls.segment((await self._site.ref(request)).room, request.match_info["name"])

    async def cover(self, request: web.Request) -> web.StreamResponse:
        """A cover, for good."""
        size = request.match_info["size"]
        path = await self._site.library.cover(request.match_info["key"], int(size)) if size in SIZES else None
        if path is None:
            raise web.HTTPNotFound
        return web.FileResponse(path, headers=_FOR_GOOD)

    def change(self, room: RoomId) -> None:
        """A room changed: its open pages are to show it."""
        if channel := self._channels.get(room):
            channel.change()

    async def settle(self, room: RoomId) -> None:
        """A room's settings changed: where guests are not wanted any more, their streams end as their pages do."""
        view = await self._site.jukebox.view(room, None, size=1)
        if view.settings.guests is Guests.OFF:
            self._site.streams.end(room)

    async def sweep(self) -> None:
        """Look after the open pages until cancelled."""
        turn = 0
        while True:
            await asyncio.sleep(SWEEP)
            turn += 1
            for room, channel in tuple(self._channels.items()):
                channel.sweep(beat=turn % BEATS == 0)
                if channel.silent is not self._site.scenes.silent(room):
                    channel.change()

    async def close(self) -> None:
        """End the open pages' connections."""
        for channel in self._channels.values():
            await channel.close()

    def _channel(self, ref: RoomRef) -> Channel:
        if ref.room not in self._channels:
            self._channels[ref.room] = Channel(lambda: self._site.scenes.take(ref), self._site.drawing)
        return self._channels[ref.room]

    async def _open(self, request: web.Request) -> RoomRef:
        """The room, if guests may be there at all. Raises ForbiddenError, NoSuchRoomError."""
        ref = await self._site.ref(request)
        view = await self._site.jukebox.view(ref.room, None, size=1)
        if view.settings.guests is Guests.OFF:
            raise ForbiddenError("listen", "guests")
        return ref

    async def _episodes(self, request: web.Request, ref: RoomRef, query: str) -> list[dict[str, Any]]:
        """What a podcast has to choose from, for whoever may add it."""
        guest = await self._site.known(request) if query.startswith(LINKS) else None
        if guest is None:
            return []
        try:
            async with asyncio.timeout(PATIENCE):
                show = await self._site.jukebox.episodes(ref.room, await self._site.actor(ref, guest), query)
        except (TimeoutError, ChorusError):
            return []
        return [_episode(it, show.title) for it in show.episodes[:EPISODES]] if show else []

    async def _found(self, query: str) -> list[dict[str, Any]]:
        """Search results, and what to send when one is chosen; a link is offered as it is."""
        if query.startswith(LINKS):
            return [{"title": query, "artist": "", "length": "", "cover": None, "send": query, "link": True}]
        tracks = await self._site.library.search(query, limit=FOUND)
        return [
            {
                "title": track.title,
                "artist": track.artist,
                "length": words.length(track.length),
                "cover": track.cover,
                "send": track.ref,
                "link": False,
            }
            for track in tracks
        ]


def _episode(episode: Episode, show: str) -> dict[str, Any]:
    told = words.length(episode.length) if episode.length else ""
    about = {"title": episode.title, "artist": show, "length": told}
    return {**about, "cover": None, "send": episode.query, "link": False}


def _page_number(request: web.Request) -> int:
    return min(number(request.query.get("page", "")) or 0, 1000)
