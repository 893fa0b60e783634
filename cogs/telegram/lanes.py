"""Updates of one chat are handled in order, those of different chats side by side."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import structlog
from telegram import Update

LONGEST = 300.0
"""Seconds after which an update is given up: its chat's others wait for it."""
APART = -(1 << 60)
"""Below every chat's id."""
FAREWELL = 1.0
"""Seconds that updates get to end when the process does."""
REMEMBERED = 10_000
"""Updates by whose id a second delivery is recognised; older ones by the id of their command."""

log = structlog.get_logger()


class Lanes:
    """Hands updates to `handle`, which never raises."""

    def __init__(self, handle: Callable[[Update], Awaitable[None]]) -> None:
        self._handle = handle
        self._last: dict[int, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._seen: OrderedDict[int, asyncio.Task[None]] = OrderedDict()

    def put(self, update: Update) -> asyncio.Task[None]:
        """Handle an update when its chat's earlier ones are done; ends when it is. One seen already counts once."""
        if update.update_id in self._seen:
            return self._seen[update.update_id]
        lane = _lane(update)
        task = asyncio.create_task(self._run(update, self._last.get(lane)))
        self._last[lane] = self._seen[update.update_id] = task
        self._running.add(task)
        task.add_done_callback(lambda done: self._clear(lane, done))
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return task

    def __contains__(self, update: Update) -> bool:
        """Whether it was put before."""
        return update.update_id in self._seen

    async def _run(self, update: Update, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            async with asyncio.timeout(LONGEST):
                await self._handle(update)
        except TimeoutError:
            log.warning("telegram.given_up", update=update.update_id)

    def _clear(self, lane: int, done: asyncio.Task[None]) -> None:
        self._running.discard(done)
        if self._last.get(lane) is done:
            del self._last[lane]

    async def stop(self) -> None:
        """What has begun gets a moment to end; nothing of any lane is at work afterwards."""
        tasks = list(self._running)
        if tasks:
            await asyncio.wait(tasks, timeout=FAREWELL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _lane(update: Update) -> int:
    """The chat, or the person where there is none (inline mode). Who is about to pay waits for nobody."""
    if update.pre_checkout_query is not None:
        return APART - update.update_id
    chat, user = update.effective_chat, update.effective_user
    return chat.id if chat else user.id if user else 0
