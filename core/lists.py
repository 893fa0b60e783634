"""Lists of tracks as files: extended M3U in UTF-8, and JSON. They name tracks, and never where a file lies."""

import json
import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from itertools import islice
from typing import Any, Literal, cast
from urllib.parse import quote, unquote, urlsplit

from core.errors import NotAListError, TooManyLinesError
from core.limits import LIST_BYTES, LIST_LINES
from core.ports.tracks import ListLine
from core.records.results import Exported
from core.types import Track

SCHEME = "chorus:"
"""Before a track's reference, in lists that only Chorus can follow."""
SHOWN = 5
"""How many unknown lines an import tells of."""
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_INFO = re.compile(r"#EXTINF:\s*(-?\d{1,9})?[^,]*,(.*)")
_PRIVATE = ("localhost", ".local", ".localhost", ".internal", ".lan", ".home.arpa")


# Reading


def parse(filename: str, content: bytes) -> list[ListLine]:
    """What a list names, in order. Raises TooManyLinesError, NotAListError."""
    if content.count(b"\n") > 2 * LIST_LINES:
        raise TooManyLinesError(LIST_LINES)  # each track has an info line and its own
    if len(content) > LIST_BYTES:
        raise NotAListError("too_large")
    text = _decoded(content)
    found = _from_json(text) if _is_json(filename.lower(), text) else _from_m3u(text)
    lines = list(islice(found, LIST_LINES + 1))
    if len(lines) > LIST_LINES:
        raise TooManyLinesError(LIST_LINES)
    if not lines:
        raise NotAListError("empty")
    return lines


def _is_json(filename: str, text: str) -> bool:
    """By its name, else by how it begins."""
    return filename.endswith(".json") or (text.startswith(("{", "[")) and not filename.endswith((".m3u", ".m3u8")))


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAListError("binary") from None
    if _CONTROL.search(text):
        raise NotAListError("binary")
    return text.strip()


def _from_m3u(text: str) -> Iterator[ListLine]:
    artist, title, length = "", "", None
    for line in filter(None, map(str.strip, text.split("\n"))):
        if info := _INFO.match(line):
            artist, title, length = _named(info)
        elif not line.startswith("#"):
            yield ListLine(_reference(line), title, artist, length)
            artist, title, length = "", "", None


def _named(info: re.Match[str]) -> tuple[str, str, int | None]:
    """Artist, title, and the length in ms."""
    seconds, name = int(info[1] or 0), info[2].strip()
    artist, _, title = name.rpartition(" - ") if name.count(" - ") == 1 else ("", "", name)
    return artist.strip(), title.strip(), seconds * 1_000 if seconds > 0 else None


def _reference(address: str) -> str:
    """A line as our own reference if it is one."""
    return unquote(address.removeprefix(SCHEME)) if address.startswith(SCHEME) else address


def _from_json(text: str) -> Iterator[ListLine]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        raise NotAListError("corrupt") from None
    tracks = cast("dict[str, Any]", data).get("tracks") if isinstance(data, dict) else data
    if not isinstance(tracks, list):
        raise NotAListError("corrupt")
    for track in cast("list[Any]", tracks):
        if not isinstance(track, dict):
            raise NotAListError("corrupt")
        yield _line(cast("dict[str, Any]", track))


def _line(track: dict[str, Any]) -> ListLine:
    def text(name: str) -> str:
        value = track.get(name)
        return value.strip() if isinstance(value, str) else ""

    length = track.get("length")
    known = isinstance(length, int) and not isinstance(length, bool) and 0 < length < 1 << 40
    return ListLine(_reference(text("ref") or text("uri")), text("title"), text("artist"), length if known else None)


# Writing


def export(name: str, tracks: Sequence[Track], kind: Literal["m3u8", "json"]) -> Exported:
    """A list of those of `tracks` that others may know the address of."""
    named = [(address, track) for track in tracks if (address := _address(track))]
    lines = _as_json(name, named) if kind == "json" else _as_m3u(name, named)
    stem = re.sub(r"[^\w-]+", "-", name).strip("-") or "queue"
    return Exported(f"{stem}.{kind}", lines.encode(), len(named))


def _address(track: Track) -> str | None:
    """A public link as it is, else our own reference; None for a link to a private host, or with a password."""
    kind, _, link = track.ref.partition(":")
    if kind == "url":
        return link if is_public(link) else None
    return SCHEME + quote(track.ref, safe=":/")


def is_public(address: str) -> bool:
    """Whether a link may be shown to anybody: no password in it, and no host of a private network."""
    try:
        parts = urlsplit(address)
        host = (parts.hostname or "").rstrip(".")
    except ValueError:
        return False
    if parts.scheme not in {"http", "https"} or parts.username is not None or parts.password is not None:
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_PRIVATE)


def _as_m3u(name: str, named: Sequence[tuple[str, Track]]) -> str:
    lines = ["#EXTM3U", f"#PLAYLIST:{_one_line(name)}"]
    for address, track in named:
        seconds = -1 if track.length is None else round(track.length / 1_000)
        title = f"{track.artist} - {track.title}" if track.artist else track.title
        lines += [f"#EXTINF:{seconds},{_one_line(title)}", _one_line(address)]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _as_json(name: str, named: Sequence[tuple[str, Track]]) -> str:
    tracks = [
        {"ref": address, "title": track.title, "artist": track.artist, "length": track.length}
        | ({"uri": track.uri} if track.uri and is_public(track.uri) else {})
        for address, track in named
    ]
    return json.dumps({"name": name, "tracks": tracks}, ensure_ascii=False, indent=1) + "\n"
