"""Files that people send: copied once, kept by their hash as long as somebody needs them."""

import asyncio
import contextlib
import functools
import re
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Collection
from hashlib import sha256
from pathlib import Path
from typing import IO, TypeVar

from audio.guard import Guard
from audio.library_covers import INDIGO, Covers
from audio.library_files import Facts, UnreadableFileError, read
from audio.media_sound import Sound, clean, read_sound
from core.errors import StoreUnavailableError, UnplayableError
from core.ports.tracks import Attachment
from core.types import Track, TrackRef

T = TypeVar("T")

PREFIX = "upload:"
MAX_SIZE = 100 << 20
GRACE = 3_600.0
"""Seconds for which a file is kept before anything has to need it."""
_HASH = re.compile(r"[0-9a-f]{64}")
_CHUNK = 64 << 10


class Uploads:
    """The folder `uploads/` of the data folder, one file per content, named by its SHA-256."""

    def __init__(self, data: Path, guard: Guard, *, max_size: int = MAX_SIZE, grace: float = GRACE) -> None:
        self._folder = data / "uploads"
        self._guard = guard
        self._covers = Covers(data / "covers")
        self._max_size = max_size
        self._grace = grace

    async def save(self, attachment: Attachment) -> Track:
        """Copy what was sent; the track refers to the copy, never to the platform's address.

        Raises:
            UnplayableError: `too_large`, `not_audio`, `corrupt`, or why it could not be fetched.
            StoreUnavailableError: the copy cannot be written.
        """
        if attachment.size > self._max_size:
            raise UnplayableError("too_large")
        if (attachment.content_type or "").startswith(("image/", "text/")):
            raise UnplayableError("not_audio")
        async with self._part() as part:
            name = await self._download(attachment.url, part)
            title = Path(attachment.filename).stem
            return await _written(functools.partial(self._keep, Path(part.name), name, title))

    async def path(self, ref: TrackRef) -> Path | None:
        """The file of an upload; None when it is gone."""
        name = ref.removeprefix(PREFIX)
        if not _HASH.fullmatch(name):
            return None
        path = self._folder / name
        return path if await asyncio.to_thread(path.is_file) else None

    async def sweep(self, keep: Collection[TrackRef]) -> int:
        """Remove what is older than the grace and not in `keep`; how many files that were."""
        return await asyncio.to_thread(self._sweep, {ref.removeprefix(PREFIX) for ref in keep})

    @contextlib.asynccontextmanager
    async def _part(self) -> AsyncGenerator[IO[bytes]]:
        """A file to write to, gone afterwards unless it was moved."""
        part = await _written(self._open_part)
        try:
            yield part
        finally:
            await asyncio.to_thread(_drop, part)

    def _open_part(self) -> IO[bytes]:
        self._folder.mkdir(parents=True, exist_ok=True)
        return tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False)

    async def _download(self, url: str, part: IO[bytes]) -> str:
        """Write the body and name it by its hash."""
        digest = sha256()
        size = 0
        async with self._guard.open(url) as response:
            async for chunk in response.content.iter_chunked(_CHUNK):
                size += len(chunk)
                if size > self._max_size:
                    raise UnplayableError("too_large")
                digest.update(chunk)
                await _written(functools.partial(part.write, chunk))
        if not size:
            raise UnplayableError("corrupt")
        await _written(part.flush)
        return digest.hexdigest()

    def _keep(self, part: Path, name: str, title: str) -> Track:
        """Check the copy by opening it, then give it its name."""
        sound = read_sound(str(part))
        facts = _facts(part, title, sound)
        cover = self._covers.store(facts.picture) if facts.picture else None
        part.replace(self._folder / name)
        (self._folder / name).touch()
        return Track(
            ref=TrackRef(PREFIX + name),
            title=facts.title,
            artist=facts.artist,
            length=facts.length,
            cover=cover[0] if cover else None,
            accent=cover[1] if cover else INDIGO,
        )

    def _sweep(self, keep: set[str]) -> int:
        before = time.time() - self._grace
        old = [path for path in self._folder.glob("*") if path.name not in keep and path.stat().st_mtime <= before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)


async def _written(job: Callable[[], T]) -> T:
    """Do what writes to the disk, in a thread. Raises StoreUnavailableError when it cannot be written to."""
    try:
        return await asyncio.to_thread(job)
    except OSError as error:
        raise StoreUnavailableError from error


def _drop(part: IO[bytes]) -> None:
    """Close and remove a file, whatever of it could not be written."""
    with contextlib.suppress(OSError):
        part.close()
    Path(part.name).unlink(missing_ok=True)


def _facts(part: Path, title: str, sound: Sound) -> Facts:
    """The tags of a copy; what the tag reader does not know, FFmpeg does."""
    try:
        return read(part, name=title)
    except UnreadableFileError:
        if sound.length is None:
            raise UnplayableError("corrupt") from None
        return Facts(sound.title or clean(title), sound.artist, "", sound.length)
