"""How facts reach those who look again."""

from collections.abc import Callable
from typing import Protocol

from core.events import Event


class Bus(Protocol):
    """Publish after commit; delivery is one task, in order; a failing handler is logged, never raised."""

    def publish(self, event: Event) -> None:
        """Queue an event for delivery. Never blocks, never raises."""
        ...

    def subscribe(self, handler: Callable[[Event], None]) -> Callable[[], None]:
        """Call `handler` with each event, quickly and synchronously; returns a function that unsubscribes."""
        ...
