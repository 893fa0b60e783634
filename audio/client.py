"""What Wavelink asks of a Discord client, without Discord: nodes connect before, without and independently of it."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Receive = Callable[[str, Any], None]
"""Called with an event's name (`node_ready`, `track_start`, …) and Wavelink's payload; must not block or raise."""

NOBODY = 1
"""The user id of an installation without a Discord token."""


@dataclass(frozen=True, slots=True)
class User:
    """The account that nodes play for."""

    id: int


class NodeClient:
    """One per node, so that each event is known to come from that node."""

    def __init__(self, user_id: int, receive: Receive) -> None:
        self.user = User(user_id)
        self._receive = receive

    def dispatch(self, event: str, /, *payload: Any) -> None:
        """Called by Wavelink with `wavelink_…` and one payload."""
        self._receive(event.removeprefix("wavelink_"), payload[0] if payload else None)


def user_id(token: str) -> int:
    """The account of a Discord token: its first segment is the id in base64. NOBODY when it is not one."""
    segment = token.partition(".")[0]
    try:
        return int(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))) or NOBODY
    except (ValueError, binascii.Error):
        return NOBODY
