"""How updates reach the bot: long polling by one client at a time, or a webhook with a secret."""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.simulators.telegram.errors import ApiError

if TYPE_CHECKING:
    from tests.simulators.telegram.simulator import TelegramSimulator

UNASKED = {"chat_member", "message_reaction", "message_reaction_count"}
"""Not sent unless they are named in `allowed_updates`."""
RETRY = 0.2
MOST = 100
"""Updates that getUpdates answers at most."""


class Updates:
    """Updates waiting, and who gets them."""

    def __init__(self, telegram: "TelegramSimulator") -> None:
        self._telegram = telegram
        self.next_id = 700_000_000
        self.waiting: deque[dict[str, Any]] = deque()
        self.delivered: list[dict[str, Any]] = []
        self.allowed: list[str] | None = None
        self.webhook: dict[str, Any] | None = None
        self.last_error: str | None = None
        self.pollers = 0
        self.conflicts = 0
        self._changed = asyncio.Condition()
        self._twice: set[int] = set()
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def put(self, kind: str, content: dict[str, Any]) -> int | None:
        """Something happened that the bot may hear of; the update's id."""
        asked = kind in self.allowed if self.allowed else kind not in UNASKED
        if not asked:
            return None
        self.next_id += 1
        update = {"update_id": self.next_id, kind: content}
        if self._telegram.faults.doubled_updates:
            self._telegram.faults.doubled_updates -= 1
            self._twice.add(self.next_id)
        self.again(update)
        return self.next_id

    def again(self, update: dict[str, Any]) -> None:
        """Deliver an update (once more)."""
        self.waiting.append(update)
        task = asyncio.create_task(self._tell() if self.webhook is None else self._push())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def poll(self, offset: int, limit: int, seconds: float) -> list[dict[str, Any]]:
        """What getUpdates answers. Raises ApiError 409 for the older of two pollers, and beside a webhook."""
        if self.webhook is not None:
            conflict = "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook"
            raise ApiError(409, f"Conflict: {conflict} first")
        self._confirm(offset)
        self._turn += 1
        turn = self._turn
        self.pollers += 1
        try:
            async with self._changed:
                self._changed.notify_all()
                await self._wait(turn, seconds)
        finally:
            self.pollers -= 1
        if turn != self._turn:
            self.conflicts += 1
            told = "terminated by other getUpdates request; make sure that only one bot instance is running"
            raise ApiError(409, f"Conflict: {told}")
        found = list(self.waiting)[: min(limit, MOST)]
        self.delivered += found
        return found

    async def _wait(self, turn: int, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._changed.wait_for(lambda: self.waiting or turn != self._turn)
        except TimeoutError:
            return

    def _confirm(self, offset: int) -> None:
        done = [one for one in self.waiting if one["update_id"] < offset]
        for update in done:
            self.waiting.remove(update)
            if update["update_id"] in self._twice:
                self._twice.discard(update["update_id"])
                self.waiting.append(update)

    async def _push(self) -> None:
        """Hand what waits to the webhook, several at a time, until it says 2xx."""
        hook = self.webhook
        if hook is None or not self.waiting:
            return
        update = self.waiting.popleft()
        url = self._telegram.reached(hook["url"])
        headers = {"X-Telegram-Bot-Api-Secret-Token": hook["secret_token"]} if hook.get("secret_token") else {}
        times = 2 if update["update_id"] in self._twice else 1
        self.delivered.append(update)
        while times and self.webhook is not None:
            try:
                async with (
                    aiohttp.ClientSession() as session,
                    session.post(url, json=update, headers=headers, timeout=aiohttp.ClientTimeout(total=5)) as answer,
                ):
                    times -= answer.ok
                    self.last_error = None if answer.ok else f"Wrong response from the webhook: {answer.status}"
                    if answer.ok:
                        continue
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                self.last_error = repr(error)
            await asyncio.sleep(RETRY)

    async def stop(self) -> None:
        """Nothing more is delivered."""
        self.webhook = None
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
