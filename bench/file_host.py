"""Files over HTTP from a process of its own, so that serving them costs nobody who is measured."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Self

from aiohttp import web


class FileHost:
    """`python -m bench.file_host FOLDER` as a child."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "bench.file_host", str(self._folder)]
        self._child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        self.url = f"http://127.0.0.1:{self._child.stdout.readline().strip()}"
        return self

    def __exit__(self, *_: object) -> None:
        self._child.terminate()
        self._child.communicate()


async def serve(folder: str) -> None:
    """Serve until terminated; prints the port."""
    app = web.Application()
    app.router.add_static("/", folder)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
