"""What one music file says about itself: tags, length, picture."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import mutagen
from mutagen.flac import Picture

from audio.media_sound import clean, read_sound
from core.errors import UnplayableError

AUDIO_TYPES = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".ape": "audio/x-ape",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".m4b": "audio/mp4",
    ".mka": "audio/x-matroska",
    ".mp3": "audio/mpeg",
    ".mp4": "audio/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "audio/webm",
    ".wma": "audio/x-ms-wma",
    ".wv": "audio/x-wavpack",
}
"""Suffixes that are taken for music, and their media types."""

TITLE = ("TIT2", "title", "\xa9nam", "Title")
ARTIST = ("TPE1", "artist", "\xa9ART", "Artist", "Author", "TPE2", "albumartist", "aART")
ALBUM = ("TALB", "album", "\xa9alb", "Album", "WM/AlbumTitle")
"""What a tag is called in ID3, Vorbis comments, MP4, APE and ASF."""

FRONT_COVER = 3


class UnreadableFileError(Exception):
    """The file cannot be played; the message says why, for the operator."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Tags of a file; `length` in ms, `picture` as it is embedded."""

    title: str
    artist: str
    album: str
    length: int
    picture: bytes | None = None


def read(path: Path, *, name: str | None = None) -> Facts:
    """The facts of a file; without a title it is called `name`, or as the file. Raises UnreadableFileError, OSError."""
    if not path.stat().st_size:
        raise UnreadableFileError("the file is empty")
    file = _open(path)
    length = _length(file) or probe_length(path)
    tags = getattr(file, "tags", None)
    return Facts(
        title=_first(tags, TITLE) or clean(name or path.stem),
        artist=_first(tags, ARTIST),
        album=_first(tags, ALBUM),
        length=length,
        picture=next(_pictures(file, tags), None),
    )


def probe_length(path: Path) -> int:
    """The length in ms as FFmpeg tells it, for what the tag reader does not know. Raises UnreadableFileError."""
    try:
        length = read_sound(str(path)).length
    except UnplayableError as error:
        reasons = {"not_audio": "there is no sound in it"}
        raise UnreadableFileError(reasons.get(error.reason, "no player can read it")) from error
    if length is None:
        raise UnreadableFileError("its length cannot be told")
    return length


def _open(path: Path) -> Any:
    """Mutagen's view of the file (untyped); None for formats that it does not know."""
    try:
        return cast("Any", mutagen).File(path)
    except mutagen.MutagenError as error:  # pyright: ignore[reportPrivateImportUsage]  its documented name
        raise UnreadableFileError(f"its tags cannot be read: {error}") from error


def _length(file: Any) -> int:
    return round(float(getattr(getattr(file, "info", None), "length", 0) or 0) * 1000)


def _first(tags: Any, names: Sequence[str]) -> str:
    """The first value of the first of these tags that is there."""
    for name in names:
        value = _get(tags, name) or ""
        text = clean(str(cast("Any", value)[0] if isinstance(value, list) else value))
        if text:
            return text
    return ""


def _get(tags: Any, name: str) -> Any:
    try:
        return tags.get(name) if tags is not None else None
    except (KeyError, ValueError):  # Vorbis comments refuse names that are not ASCII
        return None


def _pictures(file: Any, tags: Any) -> Iterator[bytes]:
    """Embedded pictures, front covers first: FLAC, ID3 (MP3, WAV, AIFF), Ogg; MP4."""
    found: list[Any] = [*getattr(file, "pictures", ())]
    found += tags.getall("APIC") if hasattr(tags, "getall") else []
    found += _ogg_pictures(_get(tags, "metadata_block_picture") or ())
    for picture in sorted(found, key=lambda picture: picture.type != FRONT_COVER):
        yield bytes(picture.data)
    yield from (bytes(cover) for cover in _get(tags, "covr") or ())


def _ogg_pictures(blocks: Sequence[str]) -> list[Any]:
    try:
        return [cast("Any", Picture)(base64.b64decode(block)) for block in blocks]
    except (ValueError, mutagen.MutagenError):  # pyright: ignore[reportPrivateImportUsage]  its documented name
        return []
