"""A way to PostgreSQL that breaks on demand."""

import asyncio
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

from sqlalchemy import make_url


class Proxy:
    """Forwards a unix socket to the server's. With `lose_commit` the next COMMIT arrives, its answer does not."""

    def __init__(self, url: str) -> None:
        self._folder = TemporaryDirectory(prefix="chorus-proxy-")
        parsed = make_url(url)
        self._target = Path(str(parsed.query["host"])) / ".s.PGSQL.5432"
        self.url = str(parsed.update_query_dict({"host": self._folder.name}).render_as_string(hide_password=False))
        self.lose_commit = False
        self.lost = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._accept, Path(self._folder.name) / ".s.PGSQL.5432")

    async def stop(self) -> None:
        """Nobody is reached any more, and whoever was connected is cut off."""
        assert self._server
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        self._folder.cleanup()

    def _accept(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self._tasks.add(asyncio.create_task(self._serve(client, to_client)))

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_unix_connection(self._target)
        back = asyncio.create_task(self._pass(server, to_client))
        try:
            while data := await client.read(65536):
                if self.lose_commit and b"COMMIT;" in data:
                    self.lose_commit = False
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    to_server.write(data)
                    await server.read(65536)
                    self.lost += 1
                    break
                to_server.write(data)
                await to_server.drain()
        finally:
            back.cancel()
            await asyncio.gather(back, return_exceptions=True)
            for writer in (to_client, to_server):
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
