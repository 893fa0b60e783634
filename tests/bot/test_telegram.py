"""One bot has one poller, whichever of the processes lives."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import SecretStr

from bot.config import Settings
from bot.keys import Keys
from bot.ownership import Ownership
from bot.telegram import Telegram, webhook_of
from cogs.telegram.client import TelegramClient
from core.bus import LocalBus
from core.rates import OwnCounter
from db.engine import Database
from db.leases import SqlLeases
from db.migrate import migrate
from tests.cogs.telegram.conftest import FakeChats
from tests.fake_ports import make_ports
from tests.fakes import FakeClock, FakeLibrary, FakePlaces, FakeRooms, FakeShelf, track
from tests.simulators.telegram import TelegramSimulator
from tests.waiting import until


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    database = Database(sqlite_url)
    await migrate(database)
    yield database
    await database.close()


class Process:
    """What one process has of Telegram."""

    def __init__(self, database: Database, name: str, world: TelegramSimulator) -> None:
        self.world = world
        self.leases = SqlLeases(database, name, ttl=1.5)
        self.ownership = Ownership(self.leases)
        self.telegram = Telegram(SecretStr(world.token), self.ownership, make=self._make)
        self._keeper: asyncio.Task[None] | None = None

    def _make(self, holds: Callable[[], bool]) -> TelegramClient:
        rooms, clock, bus, library = FakeRooms(), FakeClock(), LocalBus(), FakeLibrary(track("Aria"))
        return TelegramClient(
            self.world.token,
            make_ports(rooms, FakePlaces(rooms), FakeShelf(rooms), library, bus, clock),
            api_url=self.world.api_url,
            chats=FakeChats(),
            holds=holds,
            counter=OwnCounter(clock),
        )

    async def start(self) -> None:
        self.telegram.start()
        await until(lambda: self.telegram.state == "up" and not self.telegram.trouble)
        self._keeper = asyncio.create_task(self.ownership.keep())

    async def stop(self) -> None:
        await self.telegram.stop()
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        await self.leases.release()


async def test_two_processes_have_one_poller_and_the_second_takes_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.ownership.RENEW", 0.2)
    async with TelegramSimulator.start() as world:
        ann = world.user("Ann")
        first, second = Process(database, "a", world), Process(database, "b", world)
        await first.start()
        await second.start()
        assert (await ann.say("/play aria")).text == "Aria is on."
        await until(lambda: world.updates.pollers == 1)
        assert world.updates.conflicts == 0
        await first.stop()
        assert (await ann.say("/play aria")).text == "Aria is on."
        assert world.updates.conflicts == 0
        await second.stop()


async def test_a_refused_token_says_so(database: Database) -> None:
    async with TelegramSimulator.start() as world:
        world.token = f"{world.bot.id}:another"
        process = Process(database, "a", world)
        process.world = TelegramSimulator()
        process.world.token, process.world.api_url = f"{world.bot.id}:wrong", world.api_url
        process.telegram.start()
        await until(lambda: "refused" in process.telegram.state)
        assert process.telegram.trouble
        await process.stop()


async def test_a_server_that_is_away_is_asked_again(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.keeper.RETRY", (0.05, 0.1))
    async with TelegramSimulator.start() as world:
        world.faults.on("getMe", 502, times=2)
        process = Process(database, "a", world)
        await process.start()
        assert len(world.called("getMe")) >= 3
        await process.stop()


def test_updates_are_brought_where_the_page_has_https(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys("secret")
    assert webhook_of(Settings(public_url="http://music.example.org"), keys) is None
    hook = webhook_of(Settings(public_url="https://music.example.org"), keys)
    assert hook is not None
    assert hook.url == "https://music.example.org/webhooks/telegram"
    assert 32 <= len(hook.secret) <= 256
