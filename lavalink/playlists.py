"""Playlists: what a .m3u, .pls or .xspf leads to. HLS' media playlists are left to FFmpeg."""

import re
from collections.abc import Iterable

from yarl import URL

from lavalink.download import Head
from lavalink.fetch import HttpFile
from lavalink.protocol import LoadError

DEPTH = 3
LARGEST = 256 * 1024
"""Bytes of a playlist that are read."""
AUDIO_BANDWIDTH = 400_000
"""Bits per second of which no more than sound can be expected: of HLS' variants the richest within is taken."""

_STREAM = re.compile(r"#EXT-X-STREAM-INF:[^\n]*?\bBANDWIDTH=(\d{1,15})[^\n]*\n(?:#[^\n]*\n)*\s*([^#\s]\S*)")
_AUDIO = re.compile(r'#EXT-X-MEDIA:(?=[^\n]*TYPE=AUDIO)[^\n]*?\bURI="([^"]+)"')
_PLS = re.compile(r"^\s*File\d+\s*=\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_XSPF = re.compile(r"<location>\s*([^<\s]+)\s*</location>")


def open_sound(file: HttpFile) -> Head:
    """Open a file; if it is a playlist, open what it leads to instead. Blocks; LoadError."""
    for _ in range(DEPTH):
        head = file.open()
        text = playlist_text(file)
        if text is None or is_hls(text):
            return head
        address = first_address(text)
        if address is None:
            raise LoadError("The playlist is empty")
        try:
            url = file.url.join(URL(address, encoded=address.isascii()))
        except ValueError:
            raise LoadError("The playlist names what is no address") from None
        file.follow(url)
    raise LoadError("The playlist leads to playlists only")


def playlist_text(file: HttpFile) -> str | None:
    """The text of a file that is a playlist; None for any other. The file is at its start again."""
    start = file.read(len("[playlist]") + 3).lstrip(b"\xef\xbb\xbf")
    text: str | None = None
    if start.startswith((b"#EXTM3U", b"[playlist]", b"[Playlist]", b"<?xml", b"<playlist")):
        file.seek(0)
        text = b"".join(_pieces(file)).decode("utf-8", "replace")
    file.seek(0)
    return text


def is_hls(text: str) -> bool:
    """Whether this is a list of segments, as opposed to one of tracks or of variants."""
    return "#EXT-X-TARGETDURATION" in text and "#EXT-X-STREAM-INF" not in text


def first_address(text: str) -> str | None:
    """The first track of a playlist, or the fitting variant of an HLS stream; None if there is none."""
    if text.startswith("["):
        found = _PLS.search(text)
    elif text.startswith("<"):
        found = _XSPF.search(text)
        return found[1].replace("&amp;", "&") if found else None
    elif variants := _STREAM.findall(text):
        found = _AUDIO.search(text)
        return found[1] if found else _fitting(variants)
    else:
        found = re.search(r"^[ \t]*([^#\s]\S*)", text.lstrip("\ufeff"), re.MULTILINE)
    return found[1] if found else None


def _fitting(variants: Iterable[tuple[str, str]]) -> str:
    rated = sorted((int(bandwidth), address) for bandwidth, address in variants)
    within = [address for bandwidth, address in rated if bandwidth <= AUDIO_BANDWIDTH]
    return within[-1] if within else rated[0][1]


def _pieces(file: HttpFile) -> Iterable[bytes]:
    size = 0
    while size < LARGEST and (piece := file.read(LARGEST)):
        size += len(piece)
        yield piece
