"""The page as an aiohttp application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import Any

from aiohttp import web

from core.errors import ChorusError
from core.events import Event, PeopleChanged, SettingsChanged
from core.jukebox import Jukebox
from core.ports.bus import Bus
from core.ports.clock import Clock
from core.ports.codes import Codes
from core.ports.measures import Waveforms
from core.ports.members import Members
from core.ports.places import Places
from core.ports.rates import RateCounter
from core.ports.rooms import Rooms
from core.ports.shop import Shop
from core.ports.stream import Playback, RoomStream
from core.ports.tracks import Library
from core.ports.usage import Nothing, Quotas
from core.reports import Reports
from web.actions import Actions
from web.address import Proxies
from web.assets import Assets
from web.chapters import Chapters
from web.desk import Desk
from web.drawing import Drawing
from web.guard import Guard
from web.health import Health
from web.hls import Hls
from web.icecast import Icecast
from web.mini_app import MiniApp
from web.notices import Notices, unsubscribe_app
from web.pages import Pages
from web.premium import Premium
from web.presence import Presences
from web.rates import RateLimits, Rates
from web.scenes import Scenes
from web.site import Check, Site
from web.stream import Streams
from web.turnstile import Turnstile
from web.visitors import Visitors

PAGES = web.AppKey("pages", Pages)


def create_web(
    jukebox: Jukebox,
    reports: Reports,
    rooms: Rooms,
    places: Places,
    library: Library,
    stream: RoomStream,
    bus: Bus,
    clock: Clock,
    *,
    keys: Sequence[bytes],
    counter: RateCounter,
    trusted_proxies: Sequence[str] = (),
    metrics_token: str | None = None,
    checks: Mapping[str, Check] | None = None,
    playback: Playback | None = None,
    waveforms: Waveforms | None = None,
    rates: Rates | None = None,
    hls: bool = False,
    telegram_token: str | None = None,
    codes: Codes | None = None,
    members: Members | None = None,
    icecast: Callable[[Streams], Icecast] | None = None,
    turnstile: Turnstile | None = None,
    quotas: Quotas | None = None,
    shop: Shop | None = None,
    desk: Desk | None = None,
) -> web.Application:
    """The application to serve at the root; others are mounted into it by `add_subapp` and see nothing of its guard.

    `keys` sign cookies and forms: the first signs, all verify. `checks` are what /readyz asks besides the database;
    with `telegram_token` and `codes` it is a Mini App of that bot too, whose users `members` knows from their chats;
    with `playback` pages say when there is no sound, with `waveforms` they draw what is on air. `counter` counts
    what visitors ask for, `turnstile` who hears rooms; that is closed with the application. With
    `shop` places buy plans, and with `desk` people read what they are told of them.
    """
    site = Site(
        jukebox=jukebox,
        places=places,
        library=library,
        clock=clock,
        scenes=Scenes(jukebox, rooms, clock, chapters := Chapters(jukebox), playback, waveforms),
        drawing=Drawing(assets := Assets()),
        presences=(presences := Presences(reports, rooms, clock)),
        streams=(streams := Streams(stream)),
        visitors=Visitors(keys, clock),
        limits=RateLimits(rates or Rates(), counter),
        turnstile=(turnstile := turnstile or Turnstile()),
        quotas=quotas or Nothing(),
        proxies=Proxies(trusted_proxies),
        checks=checks or {},
        metrics_token=metrics_token,
        rooms=rooms,
        hls=Hls(streams, presences, turnstile) if hls else None,
        members=members,
    )
    app = web.Application()
    Guard(app, site)
    notices = Notices(site, desk) if desk is not None else None
    app[PAGES] = pages = Pages(site, notices.count if notices is not None else None)
    chapters.tell = pages.change
    app.on_shutdown.append(lambda _: chapters.close())
    app.add_routes([*pages.routes(), *Actions(site, pages).routes(), *Health(site).routes()])
    if telegram_token is not None and codes is not None:
        app.add_routes(MiniApp(site, pages, codes, telegram_token).routes())
    if shop is not None:
        app.add_routes(Premium(site, shop).routes())
    if desk is not None and notices is not None:
        app.add_routes(notices.routes())
        app.add_subapp("/unsubscribe", unsubscribe_app(desk))
    app.router.add_get("/static/{name}", assets.serve)
    _run(app, site, pages, bus)
    if icecast is not None:
        _mount(app, icecast(streams))
    return app


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
