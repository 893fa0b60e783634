"""The process that runs yt-dlp: one question on standard input, one answer on standard output, as lines of JSON.

It bounds itself before it loads anything foreign, and connects to public addresses alone, whatever yt-dlp is told.
"""

import json
import os
import resource
import sys
from collections.abc import Iterator
from importlib import import_module
from typing import Any, cast

from audio.addresses import Allowed

FORMAT = "/".join(
    f"{best}[{way}]" for best in ("bestaudio", "best") for way in ("protocol^=http][protocol!*=dash", "protocol^=m3u8")
)
"""Files and HLS: nothing else can be fetched by its address alone."""
EXTRACTORS = ["default", "-generic"]
"""All but the one that fetches whatever it is told to."""
SOCKET_SECONDS = 8
UNFIT = "requested format is not available"
GONE = ("not available", "unavailable", "does not exist", "no longer", "private", "404", "removed")


class Silent:
    """Takes yt-dlp's messages, which may hold addresses."""

    def debug(self, _: str) -> None:
        """Nothing."""

    info = warning = error = debug


def bound(memory: int, seconds: int) -> None:
    """Limit data, time and files; be nice."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


def watch_connections(allowed: Allowed) -> None:
    """Have every connection to an address that is not public fail."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            address = str(cast("tuple[Any, ...]", arguments[1])[0]).partition("%")[0]
            if not allowed.address(address):
                raise PermissionError(address)

    sys.addaudithook(hook)


def answer(question: dict[str, Any]) -> dict[str, Any]:
    """`{tracks: [{address, title, artist, length, url, headers}], playlist}`, or `{error}`."""
    library: Any = import_module("yt_dlp")
    options: dict[str, Any] = {
        "allowed_extractors": EXTRACTORS,
        "cachedir": False,
        "extract_flat": "in_playlist",
        "format": FORMAT,
        "logger": Silent(),
        "noplaylist": True,
        "playlistend": question["limit"],
        "quiet": True,
        "skip_download": True,
        "socket_timeout": SOCKET_SECONDS,
    }
    try:
        with library.YoutubeDL(options) as extractor:
            found = cast("dict[str, Any]", extractor.extract_info(question["query"], download=False) or {})
    except library.utils.DownloadError as error:
        return {"error": _reason(str(error).lower())}
    return {"tracks": list(_tracks(found)), "playlist": found.get("title") if _is_list(found) else None}


def _reason(message: str) -> str:
    if UNFIT in message:
        return "not_audio"
    return "not_found" if any(words in message for words in GONE) else "unreachable"


def _is_list(found: dict[str, Any]) -> bool:
    return found.get("_type") in {"playlist", "multi_video"}


def _tracks(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    entries: list[dict[str, Any] | None] = found.get("entries") or [] if _is_list(found) else [found]
    for one in filter(None, entries):
        if address := one.get("webpage_url") or one.get("original_url") or one.get("url"):
            yield _track(one, address, flat=one.get("_type") in {"url", "url_transparent"})


def _track(one: dict[str, Any], address: str, *, flat: bool) -> dict[str, Any]:
    seconds = None if one.get("is_live") else one.get("duration")
    return {
        "address": address,
        "title": one.get("track") or one.get("title"),
        "artist": one.get("artist") or one.get("uploader") or one.get("channel"),
        "length": round(seconds * 1000) if seconds else None,
        "url": None if flat else one.get("url"),
        "headers": None if flat else one.get("http_headers"),
    }


def main() -> None:
    """Answer one question."""
    question = json.loads(sys.stdin.readline())
    bound(question["memory"], question["seconds"])
    watch_connections(Allowed(question.get("allow", ())))
    try:
        told = answer(question)
    except MemoryError:
        told = {"error": "too_large"}
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
