"""Playlists: HLS, M3U, PLS and XSPF are read, and rewritten so that each address in them is one of ours."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urljoin
from xml.etree import ElementTree as ET

from core.errors import UnplayableError

DEPTH = 3
"""How many playlists may lie inside each other."""
LINES = 5_000
BYTES = 2_000_000
LONGEST = 30 * 86_400.0
"""Seconds: a list that says more is not believed."""

Kind = Literal["hls", "m3u", "pls", "xspf"]
TYPES: dict[str, Kind] = {
    "application/mpegurl": "m3u",
    "application/pls+xml": "pls",
    "application/vnd.apple.mpegurl": "m3u",
    "application/x-mpegurl": "m3u",
    "application/xspf+xml": "xspf",
    "audio/mpegurl": "m3u",
    "audio/x-mpegurl": "m3u",
    "audio/x-scpls": "pls",
}
SUFFIXES: dict[str, Kind] = {".m3u": "m3u", ".m3u8": "m3u", ".pls": "pls", ".xspf": "xspf"}
MEDIA_TYPES: dict[Kind, str] = {
    "hls": "application/vnd.apple.mpegurl",
    "m3u": "audio/x-mpegurl",
    "pls": "audio/x-scpls",
    "xspf": "application/xspf+xml",
}
_UNTOLD = ("", "text/plain", "application/octet-stream", "binary/octet-stream", "application/xml", "text/xml")
_NAMESPACE = "{http://xspf.org/ns/0/}"
_URI = re.compile(r'URI=(?:"([^"]*)"?|([^",]*))')
"""An address inside a tag, quoted or (as FFmpeg lets it be) not."""
_EXTINF = re.compile(r'#EXTINF:\s*(-?[\d.]+)((?:"[^"]*"|[^",])*),(.*)')
_PLS_NUMBER = re.compile(r"file\d{1,6}", re.ASCII)
_PLS_FILE = re.compile(r"\s*(File)(\d+)\s*=\s*(.+?)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of a playlist: an absolute address, and what the list says about it. `length` in ms, None when untold."""

    address: str
    title: str = ""
    artist: str = ""
    length: int | None = None


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist as it was read; `title` may be empty."""

    kind: Kind
    items: tuple[Item, ...]
    title: str = ""


def kind_of(media_type: str, path: str, head: bytes) -> Kind | None:
    """Whether a body is a playlist, by its media type, else by its first bytes; None: it is not."""
    suffix = path[path.rfind(".") :].lower() if "." in path else ""
    kind = TYPES.get(media_type.lower())
    if kind is None and media_type.lower() in _UNTOLD:
        kind = SUFFIXES.get(suffix) or _sniff(head)
    return kind


def _sniff(head: bytes) -> Kind | None:
    start = head.lstrip(b"\xef\xbb\xbf \r\n\t")[:512].lower()
    if start.startswith(b"#extm3u"):
        return "m3u"
    if start.startswith(b"[playlist]"):
        return "pls"
    return "xspf" if start.startswith(b"<") and b"xspf.org" in start else None


def decode(body: bytes) -> str:
    """The text of a playlist. Raises UnplayableError `too_large`, `not_audio` (a web page)."""
    if len(body) > BYTES or body.count(b"\n") > LINES:
        raise UnplayableError("too_large")
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("latin-1")
    if text[:200].lstrip().lower().startswith(("<!doctype html", "<html")):
        raise UnplayableError("not_audio")
    return text


def settle(kind: Kind, text: str) -> Kind:
    """HLS shares type and suffix with M3U; its tags tell."""
    return "hls" if kind == "m3u" and "#EXT-X-" in text else kind


def parse(kind: Kind, text: str, base: str) -> Playlist:
    """The items of a playlist that lies at `base`. Raises UnplayableError `corrupt`."""
    kind = settle(kind, text)
    if kind == "pls":
        return Playlist(kind, tuple(_pls(text, base)))
    if kind == "xspf":
        root = _xml(text)
        return Playlist(kind, tuple(_xspf(root, base)), _text(root, "title"))
    title = re.search(r"^#PLAYLIST:(.*)$", text, re.MULTILINE)
    return Playlist(kind, tuple(_m3u(text, base)), title.group(1).strip() if title else "")


def rewrite(kind: Kind, text: str, base: str, mint: Callable[[str], str]) -> str:
    """The same playlist with every address replaced by `mint(absolute address)`.

    Raises:
        UnplayableError: `corrupt`, or what `mint` raises.
    """
    if kind == "xspf":
        return _rewrite_xspf(_xml(text), base, mint)
    line_of = _rewrite_pls_line if kind == "pls" else _rewrite_m3u_line
    return "\n".join(line_of(line.strip(), base, mint) for line in text.splitlines()) + "\n"


def hls_length(text: str) -> int | None:
    """The length of a finished HLS media playlist in ms; None when it is live."""
    if "#EXT-X-ENDLIST" not in text:
        return None
    seconds = sum(float(told) for told in re.findall(r"^#EXTINF:\s*(\d+(?:\.\d+)?)", text, re.MULTILINE))
    return round(1000 * min(seconds, LONGEST))


def is_live(text: str) -> bool:
    """Whether this is a list of segments to which more will be added."""
    return "#EXTINF" in text and "#EXT-X-ENDLIST" not in text


def hls_target(text: str) -> float:
    """How long a segment is at most, in seconds, from 1 to 30."""
    match = re.search(r"^#EXT-X-TARGETDURATION:\s*(\d{1,3})", text, re.MULTILINE)
    return float(max(1, min(int(match.group(1)), 30))) if match else 6.0


def hls_variants(text: str, base: str) -> list[str]:
    """The media playlists that a master playlist names, smallest bandwidth first; empty for a media playlist."""
    found = re.findall(r"^#EXT-X-STREAM-INF:(.*)\r?\n(?:#.*\n)*([^#\s].*)$", text, re.MULTILINE)
    return [_join(base, address.strip()) for _, address in sorted(found, key=lambda pair: _bandwidth(pair[0]))]


def _join(base: str, address: str) -> str:
    """The absolute address; one that is none at all stays as it is, for the guard to refuse."""
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _bandwidth(attributes: str) -> int:
    match = re.search(r"(?:^|,)BANDWIDTH=(\d{1,15})", attributes)
    return int(match.group(1)) if match else 0


def _m3u(text: str, base: str) -> Iterator[Item]:
    title, length = "", None
    for line in map(str.strip, text.splitlines()):
        if match := _EXTINF.match(line):
            title, length = match.group(3).strip(), _length(match.group(1))
        elif line and not line.startswith("#"):
            artist, dash, name = title.partition(" - ")
            yield Item(_join(base, line), name if dash else title, artist if dash else "", length)
            title, length = "", None


def _pls(text: str, base: str) -> Iterator[Item]:
    values = {
        key.strip().lower(): value.strip()
        for key, equals, value in (line.partition("=") for line in text.splitlines())
        if equals
    }
    numbers = sorted((key[4:] for key in values if _PLS_NUMBER.fullmatch(key)), key=int)
    for number in numbers:
        told = _length(values.get(f"length{number}", ""))
        yield Item(_join(base, values[f"file{number}"]), values.get(f"title{number}", ""), "", told)


def _xspf(root: ET.Element, base: str) -> Iterator[Item]:
    for track in root.iter(f"{_NAMESPACE}track"):
        told = _length(_text(track, "duration"), unit=0.001)
        if location := _text(track, "location"):
            yield Item(_join(base, location), _text(track, "title"), _text(track, "creator"), told)


def _length(text: str, *, unit: float = 1.0) -> int | None:
    """A length that is told in so many seconds, in ms; None when it is none that a track can have."""
    try:
        seconds = float(text) * unit
    except ValueError:
        return None
    return (round(seconds * 1000) or None) if 0 < seconds <= LONGEST else None


def _text(element: ET.Element, name: str) -> str:
    return (element.findtext(f"{_NAMESPACE}{name}") or "").strip()


def _xml(text: str) -> ET.Element:
    """The root of an XML document; one that declares entities is refused unread."""
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise UnplayableError("corrupt")
    try:
        return ET.fromstring(text)  # noqa: S314  nothing but entities makes it dangerous
    except (ET.ParseError, ValueError):
        raise UnplayableError("corrupt") from None


def _rewrite_m3u_line(line: str, base: str, mint: Callable[[str], str]) -> str:
    if line.startswith("#"):
        return _URI.sub(lambda match: f'URI="{mint(_join(base, match[1] or match[2] or ""))}"', line)
    return mint(_join(base, line)) if line else line


def _rewrite_pls_line(line: str, base: str, mint: Callable[[str], str]) -> str:
    match = _PLS_FILE.fullmatch(line)
    return f"{match[1]}{match[2]}={mint(_join(base, match[3]))}" if match else line


def _rewrite_xspf(root: ET.Element, base: str, mint: Callable[[str], str]) -> str:
    """Only what leads to sound is kept: pictures and info links would be fetched by nobody of ours."""
    for track in root.iter(f"{_NAMESPACE}track"):
        for child in list(track):
            if child.tag == f"{_NAMESPACE}location":
                child.text = mint(_join(base, (child.text or "").strip()))
            elif child.tag in {f"{_NAMESPACE}image", f"{_NAMESPACE}info", f"{_NAMESPACE}extension"}:
                track.remove(child)
    ET.register_namespace("", _NAMESPACE.strip("{}"))
    try:
        return ET.tostring(root, encoding="unicode")
    except RecursionError:  # a hundred thousand elements, each in the one before
        raise UnplayableError("corrupt") from None
