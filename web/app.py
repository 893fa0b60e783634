"""The page as an aiohttp application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any

from aiohttp import web

from core.errors import ChorusError
from core.events import Event, PeopleChanged, SettingsChanged
from core.ports.bus import Bus
from web.actions import Actions
from web.address import Proxies
from web.assets import Assets
from web.chapters import Chapters
from web.drawing import Drawing
from web.guard import Guard
from web.health import Health
from web.hls import Hls
from web.icecast import Icecast
from web.mini_app import MiniApp
from web.notices import Notices, unsubscribe_app
from web.pages import Pages
from web.parts import PageParts
from web.premium import Premium
from web.presence import Presences
from web.rates import RateLimits
from web.scenes import Scenes
from web.site import Site
from web.stream import Streams
from web.visitors import Visitors

PAGES = web.AppKey("pages", Pages)


def create_web(parts: PageParts) -> web.Application:
    """The application to serve at the root; others are mounted into it by `add_subapp` and see nothing of its guard."""
    chapters, assets = Chapters(parts.jukebox), Assets()
    site = _site(parts, chapters, assets)
    app = web.Application()
    Guard(app, site)
    notices = Notices(site, parts.desk) if parts.desk is not None else None
    app[PAGES] = pages = Pages(site, notices.count if notices is not None else None)
    chapters.tell = pages.change
    app.on_shutdown.append(lambda _: chapters.close())
    app.add_routes([*pages.routes(), *Actions(site, pages).routes(), *Health(site).routes()])
    if parts.telegram_token is not None and parts.codes is not None:
        app.add_routes(MiniApp(site, pages, parts.codes, parts.telegram_token).routes())
    if parts.shop is not None:
        app.add_routes(Premium(site, parts.shop).routes())
    if parts.desk is not None and notices is not None:
        app.add_routes(notices.routes())
        app.add_subapp("/unsubscribe", unsubscribe_app(parts.desk))
    app.router.add_get("/static/{name}", assets.serve)
    _run(app, site, pages, parts.bus)
    if parts.icecast is not None:
        _mount(app, parts.icecast(site.streams))
    return app


def _site(parts: PageParts, chapters: Chapters, assets: Assets) -> Site:
    presences, streams = Presences(parts.reports, parts.rooms, parts.clock), Streams(parts.stream)
    return Site(
        jukebox=parts.jukebox,
        places=parts.places,
        library=parts.library,
        clock=parts.clock,
        scenes=Scenes(parts.jukebox, parts.rooms, parts.clock, chapters, parts.playback, parts.waveforms),
        drawing=Drawing(assets),
        presences=presences,
        streams=streams,
        visitors=Visitors(parts.keys, parts.clock),
        limits=RateLimits(parts.rates, parts.counter),
        turnstile=parts.turnstile,
        quotas=parts.quotas,
        proxies=Proxies(parts.trusted_proxies),
        checks=parts.checks,
        metrics_token=parts.metrics_token,
        rooms=parts.rooms,
        hls=Hls(streams, presences, parts.turnstile) if parts.hls else None,
        members=parts.members,
    )


def _mount(app: web.Application, icecast: Icecast) -> None:
    """Rooms are mounted as long as the application lives."""

    async def live(_: web.Application) -> AsyncIterator[None]:
        mounting = asyncio.create_task(icecast.run())
        yield
        mounting.cancel()
        await asyncio.gather(mounting, return_exceptions=True)

    app.cleanup_ctx.append(live)


def _run(app: web.Application, site: Site, pages: Pages, bus: Bus) -> None:
    """What lives as long as the application: the bus's hints, the sweeper, and the end of endless answers."""

    async def live(_: web.Application) -> AsyncIterator[None]:
        await _empty_rooms(site)
        unsubscribe = bus.subscribe(Hints(pages, site.presences))
        sweeper = asyncio.create_task(pages.sweep())
        yield
        unsubscribe()
        sweeper.cancel()

    async def end(_: web.Application) -> None:
        await pages.close()
        if site.hls is not None:
            await site.hls.close()
        await site.streams.close()
        await site.turnstile.close()

    app.cleanup_ctx.append(live)
    app.on_shutdown.append(end)


class Hints:
    """Passes the bus's hints on to the pages."""

    def __init__(self, pages: Pages, presences: Presences) -> None:
        self._pages = pages
        self._presences = presences
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, event: Event) -> None:
        """Look again at the event's room."""
        self._pages.change(event.room)
        if isinstance(event, SettingsChanged):
            self._start(self._settle(event))
        elif isinstance(event, PeopleChanged):
            self._start(self._presences.confirm(event.room, event.version))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, event: Event) -> None:
        with contextlib.suppress(ChorusError):
            await self._pages.settle(event.room)


async def _empty_rooms(site: Site) -> None:
    with contextlib.suppress(ChorusError):
        for ref in await site.places.all_rooms():
            await site.presences.clear(ref)
