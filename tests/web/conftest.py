"""A site with a client that behaves like a browser."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from tests.fakes import FakeClock
from tests.web.harness import Site, make_site


class Browser:
    """One visitor: cookies, the page's token, forms."""

    def __init__(self, client: TestClient) -> None:  # pyright: ignore[reportMissingTypeArgument]
        self.client = client
        self.csrf = ""

    async def open(self, path: str = "/r/lobby", **options: object) -> str:
        """The page; its token is remembered."""
        answer = await self.client.get(path, **options)  # pyright: ignore[reportArgumentType]
        text = await answer.text()
        if found := re.search(r'name="csrf" value="([^"]+)"', text):
            self.csrf = found[1]
        return text

    async def listen(self, path: str = "/r/lobby/stream.ogg") -> None:
        """Hear the room until the client is closed. It counts after ten seconds."""
        sound = await self.client.get(path)
        await sound.content.readany()

    async def post(self, path: str, *, htmx: bool = False, **fields: str) -> ClientResponse:
        """Send a form of the page."""
        headers = {"HX-Request": "true"} if htmx else {}
        data = {"csrf": self.csrf, **fields}
        return await self.client.post(path, data=data, headers=headers, allow_redirects=False)


@pytest.fixture
async def site(tmp_path: Path) -> Site:
    return await make_site(tmp_path, clock=FakeClock())


@pytest.fixture
async def browsers(site: Site) -> AsyncIterator[list[Browser]]:
    """Two visitors of one server."""
    server = TestServer(site.app)
    clients = [TestClient(server), TestClient(server)]
    for client in clients:
        await client.start_server()
    yield [Browser(client) for client in clients]
    for client in clients:
        await client.close()


@pytest.fixture
def browser(browsers: list[Browser]) -> Browser:
    return browsers[0]
