"""The source `yt-dlp`: what its extractors know, asked in a process of its own with bounds on time and memory.

Off unless the operator names it in `SOURCES`, who answers for what it is used for.
"""

import asyncio
import contextlib
import importlib.util
import json
import os
import signal
import sys
import tempfile
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

import structlog

from audio.guard import Guard
from audio.library_covers import INDIGO
from audio.media_sound import clean
from audio.resolver_sources import (
    BANDCAMP,
    MIXCLOUD,
    NICONICO,
    SOUNDCLOUD,
    TIKTOK,
    TWITCH,
    VIMEO,
    VK,
    YOUTUBE,
    source_of,
)
from audio.sources import Located, make_ref
from core.errors import NothingFoundError, UnplayableError
from core.ports.tracks import Found
from core.types import Track

NAME = "yt-dlp"
SITES = frozenset({YOUTUBE, SOUNDCLOUD, BANDCAMP, TWITCH, VIMEO, MIXCLOUD, NICONICO, TIKTOK, VK})
SEARCHES = {"ytsearch": "ytsearch1", "scsearch": "scsearch1"}
"""Prefixes of a search, and how yt-dlp writes them for the best match."""
SECONDS = 20.0
MEMORY = 768 << 20
"""Bytes of data that the process may have."""
ANSWER = 4 << 20
"""Bytes of an answer that are read."""
AT_ONCE = 2
FRESH = 600.0
"""Seconds for which an address of sound is good: sites sign theirs."""
KEPT = 256
ROOT = Path(__file__).parents[1]

log = structlog.get_logger()


class YtDlp:
    """Starts a process for each question; at most AT_ONCE run."""

    def __init__(self, guard: Guard, *, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        """Raises ImportError when yt-dlp is not installed."""
        if importlib.util.find_spec("yt_dlp") is None:
            raise ModuleNotFoundError("no module named yt_dlp", name="yt-dlp")
        self._guard = guard
        self._seconds = seconds
        self._memory = memory
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._located: OrderedDict[str, tuple[float, Located]] = OrderedDict()
        self._asking: dict[str, asyncio.Task[dict[str, Any]]] = {}

    def takes(self, query: str) -> bool:
        """Links to its sites, and searches on two of them."""
        prefix, colon, words = query.partition(":")
        if colon and prefix.lower() in SEARCHES and words.strip():
            return True
        return query.lower().startswith(("http://", "https://")) and source_of(query) in SITES

    async def find(self, query: str, limit: int) -> Found:
        """At most `limit` tracks. Raises NothingFoundError, UnplayableError."""
        prefix, _, words = query.partition(":")
        search = SEARCHES.get(prefix.lower())
        asked = f"{search}:{words.strip()}" if search else str(self._guard.check(query))
        answer = await self._ask({"query": asked, "limit": limit})
        tracks = [_track(one) for one in answer["tracks"][:limit]]
        if not tracks:
            raise NothingFoundError(query)
        for one in answer["tracks"]:
            if one.get("url"):
                self._keep(one["address"], Located(one["url"], one.get("headers") or {}))
        return Found(tuple(tracks), None if search else clean(answer.get("playlist") or "") or None)

    async def locate(self, address: str) -> Located:
        """Where the sound of a page is. Raises UnplayableError."""
        known = self._located.get(address)
        if known is not None and time.monotonic() - known[0] < FRESH:
            return known[1]
        if address not in self._asking:  # a node that lost patience asks again: it joins the first question
            task = self._asking[address] = asyncio.create_task(self._ask({"query": address, "limit": 1}))
            task.add_done_callback(lambda _: self._asking.pop(address, None))
        answer = await asyncio.shield(self._asking[address])
        found = next((one for one in answer["tracks"] if one.get("url")), None)
        if found is None:
            raise UnplayableError("not_found")
        return self._keep(address, Located(found["url"], found.get("headers") or {}))

    async def close(self) -> None:
        """End the questions that are being asked, and their processes."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _keep(self, address: str, located: Located) -> Located:
        self._located[address] = (time.monotonic(), located)
        while len(self._located) > KEPT:
            self._located.popitem(last=False)
        return located

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any]:
        async with self._turns:
            try:
                with tempfile.TemporaryDirectory(prefix="chorus-yt-dlp-") as home:
                    answer = await self._run(question | {"memory": self._memory, "seconds": round(self._seconds)}, home)
            except OSError as error:  # no room on the disk, or no more processes
                log.warning("yt-dlp not started", error=type(error).__name__)
                raise UnplayableError("unreachable") from None
        if reason := answer.get("error"):
            raise UnplayableError(reason)
        return answer

    async def _run(self, question: dict[str, Any], home: str) -> dict[str, Any]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "audio.ytdlp_process",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT, env=_environment(home), start_new_session=True, limit=ANSWER,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._seconds):
                process.stdin.write(json.dumps(question).encode() + b"\n")
                line = await process.stdout.readline()
            return json.loads(line)
        except TimeoutError:
            raise UnplayableError("timeout") from None
        except (ValueError, OSError):  # it died, or talks nonsense
            log.warning("yt-dlp failed", code=process.returncode)
            raise UnplayableError("unreachable") from None
        finally:
            await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    """The process and all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
    transport = getattr(process, "_transport", None)  # else its pipes wait for the garbage collector
    if transport is not None:
        transport.close()


def _environment(home: str) -> dict[str, str]:
    """Nothing of ours but what it takes to run: our environment holds secrets."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR") if name in os.environ}
    return {**kept, "HOME": home, "XDG_CACHE_HOME": home, "TMPDIR": home, "PYTHONDONTWRITEBYTECODE": "1"}


def _track(told: dict[str, Any]) -> Track:
    address = str(told["address"])
    return Track(
        ref=make_ref(NAME, address),
        title=clean(str(told.get("title") or "")) or address,
        artist=clean(str(told.get("artist") or "")),
        length=told.get("length"),
        accent=INDIGO,
        uri=address,
    )
