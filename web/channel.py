"""One room's open pages: whenever the room changes, each gets what changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

import orjson
import structlog

from core.errors import ChorusError, NoSuchRoomError
from core.types import Guests, PersonId
from web.drawing import REGIONS, Drawing
from web.metrics import DRAWN, DROPPED
from web.scenes import Mine, Scene
from web.wire import Wire, frame

log = structlog.get_logger()

RETRY = 2000
"""ms until a browser connects again."""
CROWDED = 64 * 1024
UNSENT = 512 * 1024
SPACING = 0.03
AGAIN = 1.0


@dataclass(eq=False, slots=True)
class Page:
    """An open page. `stale`: it missed something and gets everything once it has read what it has."""

    wire: Wire
    locale: str
    person: PersonId | None
    stale: bool = False
    own: bytes = b""


@dataclass(slots=True)
class _Shown:
    """What a language's pages show: the HTML of each region, and it all as one message."""

    regions: dict[str, str] = field(default_factory=dict[str, str])
    whole: bytes = b""


class Channel:
    """Draws once per change and language, writes to everybody; who does not read misses changes, not the state.

    Changes that come while it draws and writes are shown together by the next drawing.
    """

    def __init__(self, take: Callable[[], Awaitable[Scene]], drawing: Drawing) -> None:
        self._take, self._drawing = take, drawing
        self._pages: set[Page] = set()
        self._shown: dict[str, _Shown] = {}
        self._scene: Scene | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._pages)

    def change(self) -> None:
        """The room changed: look again."""
        self._changed.set()

    async def join(self, page: Page, hello: dict[str, object]) -> None:
        """Show everything to a page; what follows comes by itself. Raises NoSuchRoomError, StoreUnavailableError."""
        page.wire.send(frame(b"retry: %d\n" % RETRY + event("hello", orjson.dumps(hello).decode())))
        self._show_all(page, await self._latest())
        self._pages.add(page)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, page: Page) -> None:
        """Forget a page; without any the channel rests."""
        self._pages.discard(page)
        if not self._pages and self._task is not None:
            self._task.cancel()
            self._task, self._scene = None, None

    async def close(self) -> None:
        """End every page's connection."""
        for page in tuple(self._pages):
            page.wire.end()
            self.leave(page)

    def sweep(self, *, beat: bool) -> None:
        """Let go of those who went, show everything to those who caught up, let the others feel a heart beat."""
        for page in tuple(self._pages):
            if page.wire.closed:
                page.wire.end()
                self._pages.discard(page)
            elif page.wire.backlog > UNSENT:
                self._drop(page)
            elif page.stale and not page.wire.backlog and self._scene is not None:
                self._show_all(page, self._scene)
            elif beat:
                page.wire.send(_BEAT)

    async def _latest(self) -> Scene:
        scene = self._scene
        if scene is None or self._changed.is_set():
            taken = await self._take()
            if self._scene is None or taken.view.version > self._scene.view.version:
                self._scene = taken
                self._shown.clear()
            scene = self._scene
        return scene

    async def _run(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            began = time.perf_counter()
            try:
                scene = await self._take()
            except NoSuchRoomError:
                return await self.close()
            except ChorusError:
                log.warning("web.draw_failed", exc_info=True)
                self._changed.set()
                await asyncio.sleep(AGAIN)
                continue
            if scene.view.settings.guests is Guests.OFF:
                return await self._shut()
            self._broadcast(scene)
            spent = time.perf_counter() - began
            DRAWN.observe(spent)
            await asyncio.sleep(max(SPACING, spent))

    async def _shut(self) -> None:
        """Guests are not wanted any more."""
        for page in self._pages:
            page.wire.send(_CLOSED)
        await self.close()

    def _broadcast(self, scene: Scene) -> None:
        self._scene = scene
        updates = {locale: self._redraw(locale, scene) for locale in {page.locale for page in self._pages}}
        shared = {locale: frame(update) for locale, update in updates.items() if update}
        for page in tuple(self._pages):
            if page.wire.backlog > CROWDED:
                page.stale = True
            elif page.stale:
                self._show_all(page, scene)
            else:
                own = self._own(page, scene)
                if own:  # rare: only this page's
                    page.wire.send(frame(updates[page.locale] + own))
                elif page.locale in shared:
                    page.wire.send(shared[page.locale])

    def _redraw(self, locale: str, scene: Scene) -> bytes:
        """Draw the regions in a language; the message that brings a page from what it shows to this."""
        before, shown = self._shown.get(locale, _Shown()), _Shown()
        shown.regions = {name: self._drawing.region(name, locale, scene) for name in REGIONS}
        shown.whole = message(scene, shown.regions.items())
        self._shown[locale] = shown
        return message(scene, (item for item in shown.regions.items() if before.regions.get(item[0]) != item[1]))

    def _show_all(self, page: Page, scene: Scene) -> None:
        if page.locale not in self._shown:
            self._redraw(page.locale, scene)
        page.own, page.stale = b"", False
        own = self._own(page, scene)
        page.wire.send(frame(self._shown[page.locale].whole + own))

    def _own(self, page: Page, scene: Scene) -> bytes:
        """The personal part, if it is another than the page has."""
        mine = scene.mine.get(page.person) if page.person else None
        own = _NOTHING if mine is None else _mine(mine)
        if own == page.own:
            return b""
        page.own = own
        return own

    def _drop(self, page: Page) -> None:
        DROPPED.inc()
        self._pages.discard(page)
        page.wire.drop()


def message(scene: Scene, regions: Iterable[tuple[str, str]]) -> bytes:
    """Events that carry regions; the id is the room's version."""
    return b"".join(event(name, html, scene.view.version) for name, html in regions)


def event(name: str, data: str, ident: int | None = None) -> bytes:
    """A server-sent event (HTML Living Standard §9.2)."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    stamp = "" if ident is None else f"id: {ident}\n"
    return f"{stamp}event: {name}\n{lines}\n".encode()


def _mine(mine: Mine) -> bytes:
    data = {"votes": mine.votes, "mine": mine.entries, "skip": mine.skip}
    return event("me", orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode())


_BEAT = frame(b":\n\n")
_CLOSED = frame(event("closed", "guests"))
_NOTHING = _mine(Mine())
