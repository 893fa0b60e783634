"""Somebody with the Lobby's page open, by plain HTTP."""

import asyncio
import re

import aiohttp

from tests.e2e.product import Product
from tests.waiting import until


def session() -> aiohttp.ClientSession:
    """With cookies for addresses that are numbers, too."""
    return aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))


class Visitor:
    """Somebody with the Lobby's page of one process open."""

    def __init__(self, product: Product, session: aiohttp.ClientSession) -> None:
        self._url = f"{product.url}/r/lobby"
        self._session = session
        self._csrf = ""
        self.seen = ""
        self.task: asyncio.Task[None] | None = None

    async def open(self) -> str:
        """The page; from the first time on its events are followed too."""
        async with self._session.get(self._url) as answer:
            page = await answer.text()
        found = re.search(r'name="csrf" value="([^"]+)"', page)
        assert found
        self._csrf = found[1]
        self.task = self.task or asyncio.create_task(self._watch())
        return page

    async def _watch(self) -> None:
        async with self._session.get(f"{self._url}/events", headers={"Accept-Encoding": "identity"}) as answer:
            async for data in answer.content.iter_any():
                self.seen += data.decode(errors="replace")

    async def post(self, query: str) -> int:
        """Ask for a track; the answer's status."""
        async with self._session.post(f"{self._url}/add", data={"csrf": self._csrf, "q": query}) as answer:
            await answer.read()
            return answer.status

    async def succeeds(self, query: str) -> bool:
        return await self.post(query) == 200

    async def add(self, query: str) -> None:
        assert await self.post(query) == 200

    async def sees(self, text: str) -> None:
        await until(lambda: text in self.seen, within=10, what=f"{text} on the page")

    async def stop(self) -> None:
        """Close the page."""
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
