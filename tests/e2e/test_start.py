"""Starts that cannot go well: what is wrong stands in one line, and whatever can work does."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.e2e.hearing import listen
from tests.e2e.product import Product
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import free_port, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

Start = Callable[..., Awaitable[Product]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def first(tmp_path_factory: pytest.TempPathFactory, library: Path) -> AsyncIterator[Product]:
    """One that was there before."""
    product = Product(tmp_path_factory.mktemp("first") / "data", {"LIBRARY_PATHS": str(library)})
    yield await product.start()
    await product.stop()


@pytest_asyncio.fixture(loop_scope="module")
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts products, and stops them."""
    started: list[Product] = []

    async def one(**env: str) -> Product:
        product = Product(tmp_path / "data", env)
        started.append(product)
        return await product.start(ready=False)

    yield one
    for product in started:
        await product.stop()


async def ended(product: Product) -> tuple[int, list[str]]:
    """The exit code of a product that does not stay, and what it said."""
    assert product.process is not None
    code = await asyncio.wait_for(product.process.wait(), 45)  # a busy machine takes its time
    await product.drained()
    return code, [line for line in product.lines if line]


async def readiness(product: Product) -> tuple[int, str]:
    """The status and body of /readyz."""
    async with aiohttp.ClientSession() as session, session.get(f"{product.url}/readyz") as answer:
        return answer.status, await answer.text()


async def page(product: Product) -> int:
    """The status of the Lobby's page."""
    async with aiohttp.ClientSession() as session, session.get(f"{product.url}/r/lobby") as answer:
        return answer.status


async def test_a_wrong_token_turns_discord_off_and_nothing_else(start: Start) -> None:
    async with DiscordSimulator.start() as discord:
        wrong = discord.token[:-6] + "wrong0"
        chorus = await start(**(discord.env() | {"DISCORD_TOKEN": wrong}))
        await until(lambda: chorus.logs(event="chat is off", chat="discord"), within=45)
        [line] = chorus.logs(event="chat is off", chat="discord")
        assert "token was refused" in line["reason"]
        assert await page(chorus) == 200
        assert len(await listen(f"{chorus.url}/r/lobby/stream.ogg", 2)) > 4_000
        status, reason = await readiness(chorus)
        assert status == 503
        assert "token was refused" in reason
        assert not any(wrong in line for line in chorus.lines)


async def test_a_nodes_password_is_wrong(start: Start, first: Product) -> None:
    """The room waits for a node, the screen and /readyz say which password is refused, and the log does not hold it."""
    port = json.loads((first.data / "node.json").read_text())["port"]
    chorus = await start(LAVALINK_NODES=f"far=http://not-the-password@127.0.0.1:{port}")
    await until(lambda: any("password" in line for line in chorus.screen), within=45)
    assert any("far" in line and "off" in line and "password" in line for line in chorus.screen)
    status, reason = await readiness(chorus)
    assert status == 503
    assert "password" in reason
    assert await page(chorus) == 200
    assert not any("not-the-password" in line for line in [*chorus.lines, *chorus.screen])


@pytest.mark.parametrize("what", ["the data folder", "the SQLite file"])
async def test_a_second_bot_on_the_same(start: Start, first: Product, what: str) -> None:
    settings = {"the data folder": {"DATA_DIR": str(first.data)}}
    code, said = await ended(await start(**settings.get(what, {"DATABASE_URL": f"sqlite:///{first.data}/chorus.db"})))
    assert code == 1
    assert len(said) == 1
    assert first.process is not None
    assert f"is in use by process {first.process.pid}" in said[0]
    assert await first.is_ready()


async def test_the_port_is_taken(start: Start, first: Product) -> None:
    code, said = await ended(await start(PORT=str(first.port)))
    assert code == 1
    assert len(said) == 1
    assert f"127.0.0.1:{first.port} cannot be used (Address already in use)" in said[0]
    assert "set PORT" in said[0]
    assert await first.is_ready()


WRONG = [
    ({"LAVALINK_NODES": "nonsense:secret@"}, "LAVALINK_NODES"),
    ({"DATABASE_URL": "mysql://me:secret@127.0.0.1/x"}, "DATABASE_URL"),
    ({"DATABASE_URL": f"postgresql://me:secret@127.0.0.1:{free_port()}/x"}, "DATABASE_URL"),
    ({"LIBRARY_PATHS": "/no/such/folder"}, "/no/such/folder"),
    ({"DATA_DIR": "/proc/chorus"}, "DATA_DIR"),
    ({"PORT": "seventy"}, "PORT"),
    ({"HOST": "nowhere.invalid"}, "HOST"),
    ({"REDIS_URL": "secret"}, "REDIS_URL"),
]


async def test_settings_that_cannot_be(tmp_path: Path) -> None:
    """Each ends in one line that names it."""
    few = asyncio.Semaphore(3)

    async def try_out(number: int, env: dict[str, str], words: str) -> None:
        async with few:
            code, said = await ended(await Product(tmp_path / str(number), env).start(ready=False))
        assert code in {1, 2}
        assert len(said) == 1, said
        assert words in said[0]
        assert "secret" not in said[0]

    await asyncio.gather(*(try_out(number, *wrong) for number, wrong in enumerate(WRONG)))
