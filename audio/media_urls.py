"""Signed addresses under MEDIA_URL: what a node may fetch, for which entry, until when."""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from core.numbers import number
from core.ports.clock import Clock
from core.types import EntryId, RoomId, Track, TrackRef

GRACE = 3_600_000
"""How long after its length a track's address stays valid, in ms."""
LIVE = 24 * 3_600_000
_SIGNATURE = 16
_LONGEST_SUFFIX = 6


class BadSignatureError(Exception):
    """The address was not signed with our key."""


class ExpiredError(Exception):
    """The address was valid once; `ticket` is what it stood for."""

    def __init__(self, ticket: "Ticket") -> None:
        super().__init__()
        self.ticket = ticket


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a signed address stands for. `expires` in UTC ms; `depth` counts the playlists around it.

    `headers`: with which its server is to be asked, as it was for the playlist.
    """

    ref: TrackRef
    bound_to: str
    expires: int
    live: bool
    depth: int = 0
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


class MediaUrls:
    """The port `MediaAddress`: mints addresses under `base` (MEDIA_URL) with a key of its own, and reads them."""

    def __init__(self, base: str, key: bytes, clock: Clock) -> None:
        self._base = base.rstrip("/")
        self._key = key
        self._clock = clock

    def media_url(self, track: Track, *, bound_to: str) -> str:
        """The address of a track for one entry, valid for its length + 1 h (live: 24 h); not to be shown or logged."""
        lifetime = LIVE if track.length is None else track.length + GRACE
        return self._mint(Ticket(track.ref, bound_to, self._clock.now() + lifetime, live=track.length is None))

    def nested(self, ticket: Ticket, address: str) -> str:
        """The address of something that a playlist of `ticket` names; the same at every reload of a live one."""
        return self._mint(replace(ticket, ref=TrackRef(f"url:{address}"), depth=ticket.depth + 1))

    def verify(self, signed: str) -> Ticket:
        """What the last part of an address stands for. Raises BadSignatureError, ExpiredError."""
        payload, _, rest = signed.partition(".")
        if not hmac.compare_digest(self._sign(payload).encode(), rest.partition(".")[0].encode()):
            raise BadSignatureError
        ticket = _unpack(payload)
        if self._clock.now() >= ticket.expires:
            raise ExpiredError(ticket)
        return ticket

    def _mint(self, ticket: Ticket) -> str:
        fields = [ticket.ref, ticket.bound_to, ticket.expires, ticket.live, ticket.depth, dict(ticket.headers)]
        payload = _encode(json.dumps(fields, separators=(",", ":")).encode())
        return f"{self._base}/media/{payload}.{self._sign(payload)}{_suffix(ticket.ref)}"

    def _sign(self, payload: str) -> str:
        return _encode(hmac.digest(self._key, payload.encode(errors="replace"), "sha256")[:_SIGNATURE])


def entry_of(bound_to: str) -> tuple[RoomId, EntryId] | None:
    """The room and entry (`room:entry`) that an address is bound to; None if it is bound to something else."""
    room, _, entry = bound_to.rpartition(":")
    found = number(entry)
    return (RoomId(room), EntryId(found)) if room and found is not None else None


def _suffix(ref: TrackRef) -> str:
    """The suffix of a web address (`.m3u8`): FFmpeg reads segments of a playlist only under a fitting name."""
    kind, _, address = ref.partition(":")
    if kind != "url":
        return ""
    try:
        suffix = PurePosixPath(urlsplit(address).path).suffix
    except ValueError:
        return ""
    return suffix if suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= _LONGEST_SUFFIX else ""


def _unpack(payload: str) -> Ticket:
    try:
        fields = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return Ticket(*fields)
    except (ValueError, TypeError, binascii.Error):  # signed by us in another version
        raise BadSignatureError from None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
