"""Copies of the music folders' tracks for people to keep, where the operator allows it."""

import asyncio
import os
import sys
from pathlib import Path

import structlog

from audio.library import Library
from audio.managed import PASSED_ON
from core.errors import UnplayableError
from core.ports.copies import Copy
from core.types import Track

LARGEST = 50_000_000
"""Bytes that a bot may send to Telegram (https://core.telegram.org/bots/api#sendaudio)."""
AS_IT_IS = {".mp3", ".m4a"}
PER_MS = 24
"""Bytes of MP3 in a ms."""
PATIENCE = 120.0
ROOT = Path(__file__).resolve().parents[1]

log = structlog.get_logger()


class Copies:
    """`core.ports.copies.Copies` for the music folders; `shared`: the operator allows it. One is made at a time."""

    def __init__(self, library: Library, *, shared: bool) -> None:
        self._library, self._shared = library, shared
        self._turn = asyncio.Lock()

    async def copy(self, track: Track) -> Copy | None:
        """A track as a file (see the port)."""
        if not self._shared or not track.ref.startswith("library:"):
            return None
        path = await self._library.path(track.ref)
        if path is None:
            raise UnplayableError("not_found")
        if path.suffix.lower() in AS_IT_IS:
            return Copy(path.name, await asyncio.to_thread(_read, path))
        if (track.length or 0) * PER_MS > LARGEST:
            raise UnplayableError("too_large")
        async with self._turn:
            return Copy(f"{path.stem}.mp3", await _encoded(path))


def _read(path: Path) -> bytes:
    """The file. Raises UnplayableError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError:
        raise UnplayableError("not_found") from None
    if len(content) > LARGEST:
        raise UnplayableError("too_large")
    return content


async def _encoded(path: Path) -> bytes:
    """The file as MP3, made by a child process. Raises UnplayableError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "audio.mp3", str(path),
        cwd=ROOT, env={name: value for name, value in os.environ.items() if name in PASSED_ON},
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE):
            content, _ = await process.communicate()
    except TimeoutError:
        raise UnplayableError("timeout") from None
    finally:
        if process.returncode is None:
            process.kill()
            await asyncio.shield(process.wait())
    if process.returncode or not content:
        log.warning("track not copied", code=process.returncode)
        raise UnplayableError("corrupt")
    if len(content) > LARGEST:
        raise UnplayableError("too_large")
    return content
