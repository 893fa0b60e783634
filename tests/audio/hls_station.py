"""A live HLS station on loopback, which can be as slow as one likes."""

import asyncio
import subprocess
import time
from pathlib import Path

from aiohttp import web

from tests.audio.foreign import Site

SECONDS = 2


class HlsStation:
    """Six segments of two seconds are listed, of a tone for ever. `late` delays every answer, `stuck` holds them."""

    def __init__(self, site: Site, tone: Path, folder: Path) -> None:
        command = ["ffmpeg", "-v", "error", "-i", str(tone), "-c:a", "aac", "-b:a", "128k", "-f", "hls"]
        command += ["-hls_time", str(SECONDS), "-hls_list_size", "0", str(folder / "all.m3u8")]
        subprocess.run(command, check=True, timeout=60)
        self.parts = sorted(folder.glob("all*.ts"), key=lambda part: int(part.stem[3:]))
        self.late = 0.0
        self.free = asyncio.Event()
        self.free.set()
        self.asked: list[str] = []
        self._began = time.monotonic()
        site.pages["/live.m3u8"] = self.playlist
        for number in range(len(self.parts)):
            site.pages[f"/part{number}.ts"] = self.part

    async def playlist(self, request: web.Request) -> web.StreamResponse:
        await self._wait(request)
        newest = 6 + int((time.monotonic() - self._began) / SECONDS)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:3",
            f"#EXT-X-TARGETDURATION:{SECONDS}",
            f"#EXT-X-MEDIA-SEQUENCE:{newest - 6}",
        ]
        for number in range(newest - 6, newest):
            lines += [f"#EXTINF:{SECONDS}.0,", f"/part{number % len(self.parts)}.ts"]
        return web.Response(text="\n".join([*lines, ""]), content_type="application/vnd.apple.mpegurl")

    async def part(self, request: web.Request) -> web.StreamResponse:
        await self._wait(request)
        number = int(request.path.removeprefix("/part").removesuffix(".ts"))
        return web.Response(body=self.parts[number].read_bytes(), content_type="video/mp2t")

    async def _wait(self, request: web.Request) -> None:
        self.asked.append(request.path)
        await asyncio.sleep(self.late)
        await self.free.wait()
