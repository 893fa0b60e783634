"""Whether something is sound that can be played, found out by opening it."""

import contextlib
import itertools
import unicodedata
from dataclasses import dataclass
from typing import Any, Protocol, cast

import av
import av.error

from core.errors import UnplayableError
from core.ports.tracks import Chapter

FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dsf,eac3,flac,flv,matroska,webm,mov,mp4,mp3,mpeg,mpegts,ogg,tta,w64,wav,wv"
)
"""What FFmpeg may take a file for. Formats that name other files or addresses (HLS, concat, DASH) are not among them:
FFmpeg would open those by itself."""
LIMITS = {"format_whitelist": FORMATS, "probesize": "2000000", "analyzeduration": "2000000"}
LIVE_LIMITS = {**LIMITS, "formatprobesize": "16384", "probesize": "32768", "analyzeduration": "200000"}
"""A stream that is entered in the middle of a frame comes no faster than it is heard: a second of it has to do."""
BAD_PACKETS = 20
CHAPTERS = 500
LONGEST_CHAPTER = 200
LONGEST_TEXT = 4_000


class Source(Protocol):
    """A file to read from; those with `seek` and `tell` as well can tell their length more often."""

    def read(self, count: int, /) -> bytes:
        """At most `count` bytes; none at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Sound:
    """What FFmpeg says about it. `length` in ms, None when it has no end that is known."""

    title: str
    artist: str
    length: int | None


def read_sound(source: str | Source, *, live: bool = False) -> Sound:
    """Open a file or a stream (`live`), decode its first frame and read its tags. Blocks.

    Raises:
        UnplayableError: `corrupt`, `not_audio` (a film without sound); and what the source's `read` raises.
    """
    limits = LIVE_LIMITS if live else LIMITS
    try:
        with cast("Any", av).open(source, container_options=limits, metadata_errors="replace") as container:
            if not container.streams.audio:
                raise UnplayableError("not_audio")
            if not _decodable(container):
                raise UnplayableError("corrupt")
            return _sound(container)
    except TimeoutError:
        raise
    except (av.error.FFmpegError, EOFError, ValueError):
        raise UnplayableError("corrupt") from None


def read_chapters(source: str | Source) -> tuple[Chapter, ...]:
    """The chapters that a file names, at most CHAPTERS; none when it is no such file. Blocks.

    Raises what the source's `read` raises.
    """
    try:
        with cast("Any", av).open(source, container_options=LIMITS, metadata_errors="replace") as container:
            found = itertools.islice(container.chapters(), CHAPTERS)
            return tuple(_chapter(number, one) for number, one in enumerate(found, 1))
    except TimeoutError:
        raise
    except (av.error.FFmpegError, EOFError, ValueError):
        return ()


def _chapter(number: int, told: Any) -> Chapter:
    title = clean(str(told["metadata"].get("title", "")))[:LONGEST_CHAPTER]
    return Chapter(round(told["start"] * told["time_base"] * 1000), title or str(number))


def _decodable(container: Any) -> bool:
    """Whether one of the first packets becomes sound; a stream may begin with half a frame."""
    for packet in itertools.islice(container.demux(audio=0), BAD_PACKETS):
        with contextlib.suppress(av.error.InvalidDataError):
            if packet.decode():
                return True
    return False


def _sound(container: Any) -> Sound:
    """Tags lie in the container, in Ogg in the stream."""
    tags = {**container.streams.audio[0].metadata, **container.metadata}
    tags = {str(name).lower(): clean(str(value)) for name, value in tags.items()}
    duration = container.duration
    return Sound(tags.get("title", ""), tags.get("artist", ""), duration // 1000 if duration and duration > 0 else None)


def clean(text: str) -> str:
    """Text on one line without control characters or broken surrogates, at most LONGEST_TEXT long."""
    text = text.encode("utf-8", "replace").decode()
    kept = "".join(" " if unicodedata.category(char) == "Cc" else char for char in text)
    return " ".join(kept.split())[:LONGEST_TEXT]
