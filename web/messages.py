"""Server-sent events as bytes: plain, or as a piece of a gzip stream that many readers share."""

import zlib
from typing import NamedTuple

from web.wire import Frame, frame

_GZIP_HEAD = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"  # RFC 1952: deflate, no name, no time, Unix
_WORTH_IT = 512


class Message(NamedTuple):
    """Events for pages that take gzip, and for those that do not."""

    plain: Frame
    packed: Frame

    def of(self, *, packed: bool) -> Frame:
        """The form that a page takes."""
        return self.packed if packed else self.plain


def event(name: str, data: str, ident: int | None = None) -> bytes:
    """A server-sent event (HTML Living Standard §9.2)."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines())
    stamp = "" if ident is None else f"id: {ident}\n"
    return f"{stamp}event: {name}\n{lines}\n".encode()


def message(data: bytes) -> Message:
    """Events to send to many; each message is packed once, whoever gets it."""
    return Message(frame(data), frame(_packed(data)))


def first(data: bytes) -> Message:
    """What a page gets first: here a gzip stream begins."""
    return Message(frame(data), frame(_GZIP_HEAD + _packed(data)))


def _packed(data: bytes) -> bytes:
    """Deflate blocks (RFC 1951) that refer to nothing before them and end on a byte, so any may follow any."""
    if len(data) < _WORTH_IT:
        size = len(data).to_bytes(2, "little")
        return b"\0" + size + bytes(~part & 0xFF for part in size) + data
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)
