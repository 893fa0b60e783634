"""The bus of a single process."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from core.events import Event

_log = logging.getLogger(__name__)

Handler = Callable[[Event], None]


class LocalBus:
    """Delivers events in order on the running loop, after whoever published has gone on."""

    def __init__(self) -> None:
        self._handlers: dict[object, Handler] = {}
        self._waiting: deque[Event] = deque()

    def publish(self, event: Event) -> None:
        """Queue an event for delivery; to be called on the loop. Never blocks."""
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._deliver)
        self._waiting.append(event)

    def subscribe(self, handler: Handler) -> Callable[[], None]:
        """Call `handler` with each event; returns a function that unsubscribes."""
        key = object()
        self._handlers[key] = handler

        def unsubscribe() -> None:
            self._handlers.pop(key, None)

        return unsubscribe

    def _deliver(self) -> None:
        while self._waiting:
            for handler in list(self._handlers.values()):
                _call(handler, self._waiting[0])
            self._waiting.popleft()


def _call(handler: Handler, event: Event) -> None:
    try:
        handler(event)
    except Exception:  # noqa: BLE001 - one listener's fault is not another's
        _log.exception("a handler failed on event=%s room=%s version=%s", event.name, event.room, event.version)
