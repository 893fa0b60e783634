"""One room's open pages: whenever the room changes, each gets what changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import orjson
import structlog

from core.enums import Guests, Surface
from core.errors import ChorusError, NoSuchRoomError
from core.types import Actor
from web.drawing import REGIONS, Drawing
from web.messages import Message, event, first, message
from web.metrics import DRAWN, DROPPED
from web.scenes import Mine, Scene
from web.wire import Wire

log = structlog.get_logger()

RETRY = 2000
"""ms until a browser connects again."""
CROWDED = 64 * 1024
UNSENT = 512 * 1024
SPACING = 0.03
AGAIN = 1.0


@dataclass(eq=False, slots=True)
class Page:
    """An open page. `actor`: who looks at it, as the rules know them; `stale`: it missed something and gets everything
    once it has read what it has.
    """

    wire: Wire
    locale: str
    actor: Actor
    packed: bool = False
    stale: bool = False
    own: bytes = b""

    @property
    def kind(self) -> "Kind":
        """Pages of a kind show the same, but for what is one's own."""
        return self.locale, self.actor.surface is not Surface.WEB

    def belongs_to(self, actor: Actor) -> None:
        """Whoever looks may be somebody else to the room's chats by now."""
        self.stale = self.stale or actor != self.actor
        self.actor = actor

    def send(self, news: Message) -> None:
        """Write in the form that the page takes."""
        self.wire.send(news.of(packed=self.packed))


Kind = tuple[str, bool]
"""The language, and whether for members of a chat that shares the room."""


@dataclass(slots=True)
class _Shown:
    """What a kind's pages show: the HTML of each region, and it all as one message."""

    regions: dict[str, str] = field(default_factory=dict[str, str])
    whole: Message | None = None


class Channel:
    """Draws once per change and language, writes to everybody; who does not read misses changes, not the state.

    Changes that come while it draws and writes are shown together by the next drawing.
    """

    def __init__(self, take: Callable[[], Awaitable[Scene]], drawing: Drawing) -> None:
        self._take, self._drawing = take, drawing
        self._pages: set[Page] = set()
        self._shown: dict[Kind, _Shown] = {}
        self._scene: Scene | None = None
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def silent(self) -> bool:
        """Whether the pages say that there is no sound."""
        return self._scene is not None and self._scene.silent

    def __len__(self) -> int:
        return len(self._pages)

    def change(self) -> None:
        """The room changed: look again."""
        self._changed.set()

    async def join(self, page: Page, hello: dict[str, object]) -> None:
        """Show everything to a page; what follows comes by itself. Raises NoSuchRoomError, StoreUnavailableError."""
        page.send(first(b"retry: %d\n" % RETRY + event("hello", orjson.dumps(hello).decode())))
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
                page.send(_BEAT)

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
            page.send(_CLOSED)
        await self.close()

    def _broadcast(self, scene: Scene) -> None:
        self._scene = scene
        shared = {kind: self._redraw(kind, scene) for kind in {page.kind for page in self._pages}}
        self._shown = {kind: self._shown[kind] for kind in shared}  # those of other kinds are outdated now
        for page in tuple(self._pages):
            if page.wire.backlog > CROWDED:
                page.stale = True
            elif page.stale:
                self._show_all(page, scene)
            else:
                if update := shared[page.kind]:
                    page.send(update)
                self._show_own(page, scene)

    def _redraw(self, kind: Kind, scene: Scene) -> Message | None:
        """Draw the regions for a kind of page; the message that brings one from what it shows to this."""
        before, shown, locale = self._shown.get(kind, _Shown()), _Shown(), kind[0]
        scene = replace(scene, inside=kind[1])
        shown.regions = {name: self._drawing.region(name, locale, scene) for name in REGIONS}
        self._shown[kind] = shown
        changed = [item for item in shown.regions.items() if before.regions.get(item[0]) != item[1]]
        return message(_events(scene, changed)) if changed else None

    def _show_all(self, page: Page, scene: Scene) -> None:
        if page.kind not in self._shown:
            self._redraw(page.kind, scene)
        shown = self._shown[page.kind]
        if shown.whole is None:
            shown.whole = message(_events(scene, shown.regions.items()))
        page.own, page.stale = b"", False
        page.send(shown.whole)
        self._show_own(page, scene)

    def _show_own(self, page: Page, scene: Scene) -> None:
        """Send the personal part, if it is another than the page has."""
        known = page.actor.person in scene.mine
        own = _mine(scene.own(page.actor)) if known else _stranger(tuple(scene.rights.of(page.actor)))
        if own != page.own:
            page.own = own
            page.send(message(own))

    def _drop(self, page: Page) -> None:
        DROPPED.inc()
        self._pages.discard(page)
        page.wire.drop()


def _events(scene: Scene, regions: Iterable[tuple[str, str]]) -> bytes:
    """Events that carry regions; the id is the room's version."""
    return b"".join(event(name, html, scene.view.version) for name, html in regions)


def _mine(mine: Mine) -> bytes:
    data = {"votes": mine.votes, "mine": mine.entries, "polls": mine.polls, "may": mine.may}
    return event("me", orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS).decode())


@lru_cache(maxsize=64)
def _stranger(may: tuple[str, ...]) -> bytes:
    """The personal part of everybody who has not done anything yet: most of a thousand listeners."""
    return _mine(Mine(may=may))


_BEAT = message(b":\n\n")
_CLOSED = message(event("closed", "guests"))
