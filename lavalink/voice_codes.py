"""Why a voice gateway closes, and what may be done about it."""

from __future__ import annotations

ABNORMAL = 1006
RESUMABLE = frozenset({-1, 1001, ABNORMAL, 4000, 4001, 4002, 4003, 4005, 4009, 4012, 4015, 4016, 4020})
"""Close codes after which the session may live on (those that Lavalink's voice client resumes after)."""

REASONS = {
    4004: "Authentication failed.",
    4006: "Session is no longer valid.",
    4011: "Server not found.",
    4014: "Disconnected.",
    4017: "E2EE/DAVE protocol required.",
    4021: "Disconnected: rate limited.",
    4022: "Disconnected: call terminated.",
}


class GatewayClosedError(Exception):
    """The voice gateway has closed its websocket with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code} {REASONS.get(code, '')}".strip())
        self.code = code
