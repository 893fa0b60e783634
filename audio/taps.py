"""Taps: what a player sends besides what its voice channel gets, as nodes are told of them (docs/nodes.md)."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from core.ports.stream import Format


def new_tap(wanted: Format) -> str:
    """The id of a stream of a player: it begins with its format, so that the id tells all."""
    return f"{wanted}-{secrets.token_urlsafe(12)}"


def stream_tap(tap: str) -> dict[str, Any]:
    """A stream as nodes are told of it."""
    wanted = tap.partition("-")[0]
    return {"id": tap, "type": "stream", "format": wanted if wanted in {"mp3", "aac"} else "opus"}


@dataclass(frozen=True, slots=True)
class PushTap:
    """A push to an RTMP server at an address that was checked. `cover` is the key of a picture, "" for a black one."""

    id: str
    url: str = field(repr=False)
    address: str
    cover: str | None = None
    """None: sound alone."""

    def wire(self, video: str | None) -> dict[str, Any]:
        """As nodes are told of it, with the address of its picture."""
        picture = {} if video is None else {"video": video}
        return {"id": self.id, "type": "rtmp", "url": self.url, "address": self.address, **picture}
