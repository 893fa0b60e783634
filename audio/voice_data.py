"""What a node needs to connect to a voice server, and what to do when such a server hangs up."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class VoiceData:
    """What a node needs to connect to a voice server."""

    token: str
    endpoint: str
    session_id: str
    channel_id: str

    def wire(self) -> dict[str, str]:
        """As a player PATCH wants it."""
        return {
            "token": self.token,
            "endpoint": self.endpoint,
            "sessionId": self.session_id,
            "channelId": self.channel_id,
        }

    def same(self, other: "VoiceData | None") -> bool:
        """Whether `other` leads to the same connection; nodes that do not name the channel are believed."""
        if other is None or (other.token, other.endpoint, other.session_id) != (
            self.token,
            self.endpoint,
            self.session_id,
        ):
            return False
        return other.channel_id in {"", self.channel_id}

    @staticmethod
    def read(wire: dict[str, Any]) -> "VoiceData | None":
        """From a player as a node shows it; None when it has none."""
        if not wire.get("token"):
            return None
        return VoiceData(wire["token"], wire["endpoint"], wire["sessionId"], str(wire.get("channelId") or ""))


@dataclass(frozen=True, slots=True)
class Rejoin:
    """What to do when a voice server has closed the connection: send op 4 again after at least `delay` seconds.

    `reason` is a code that the room's status shows meanwhile.
    """

    delay: float = 0.0
    reason: str = "reconnecting"


CLOSED = {
    4004: Rejoin(),
    4006: Rejoin(),
    4009: Rejoin(),
    4011: Rejoin(),
    4012: Rejoin(30.0, "node_too_old"),
    4014: Rejoin(1.0),  # kicked, moved or the channel is gone: the gateway says which within a second
    4015: Rejoin(),
    4016: Rejoin(30.0, "node_too_old"),
    4017: Rejoin(60.0, "encryption_required"),
    4020: Rejoin(5.0),
    4021: Rejoin(30.0, "rate_limited"),
    4022: Rejoin(1.0),  # the call was ended; the gateway says so too
}


def after_close(code: int) -> Rejoin:
    """The policy for a voice close code (Discord's documentation, and what Lavalink's client adds: 1000–1015, 4900)."""
    return CLOSED.get(code, Rejoin())


class VoiceRefusedError(Exception):
    """The channel cannot be joined. `reason`: `channel_deleted`, `no_connect`, `no_speak`, `full`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
