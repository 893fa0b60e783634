"""The database in trouble under a running product: typed answers, no silence, nothing lost, and on it goes."""

import resource
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiohttp
import pytest

from tests import sound
from tests.e2e.world import Stage, World, staged
from tests.servers import Postgres
from tests.waiting import until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(90)]

SECOND = 700.0
AWAY = "The queue cannot be reached just now. Try again in a moment."
SECRETS = {"METRICS_TOKEN": "metrics-word-5f1c", "SECRET_KEY": "key-word-9a27"}


@pytest.fixture(scope="module")
def library(library: Path) -> Path:
    sound.write_tone(library / "Second.flac", SECOND, 40.0, tags={"title": "Second", "artist": "Generator"})
    return library


@pytest.fixture
async def on_sqlite(tmp_path: Path, library: Path) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "data", library, SECRETS) as stage:
        stage.secrets += SECRETS.values()
        yield stage


@pytest.fixture
async def on_postgres(tmp_path: Path, library: Path, postgres: Postgres, postgres_url: str) -> AsyncIterator[Stage]:
    address = postgres_url.replace("postgres:@", "postgres:pg-word-33d0@")
    assert "pg-word" in address
    async with staged(tmp_path / "data", library, {**SECRETS, "DATABASE_URL": address}) as stage:
        stage.secrets += [*SECRETS.values(), "pg-word-33d0"]
        yield stage


async def refused_while(world: World, away: Callable[[bool], None], *, seconds: float = 0) -> None:
    """Whoever asks meanwhile is told; what plays goes on, into the next track, and afterwards everybody knows it."""
    ann, ben, _ = world.people
    await world.start_long(ann)
    await world.play(ben, "Second")
    await world.play(ann, "Low A")
    await world.said(ann, "seek", position="0:56")
    await world.told(ann, "why", "it plays next", track="1")
    since = time.monotonic()
    away(True)
    assert AWAY in await world.said(ben, "play", query="Top A")
    assert AWAY in await world.said(ben, "pause")
    assert "Second" in await world.said(ben, "queue")
    async with aiohttp.ClientSession() as session, session.get(f"{world.chorus.url}/r/lobby") as page:
        assert page.status == 200
    await world.music.heard(SECOND, within=10)
    await until(lambda: time.monotonic() - since > seconds, within=seconds + 1)
    away(False)
    await world.told(ben, "now", "Second\nGenerator", within=15)
    await world.music.heard(SECOND)
    assert not world.music.gaps(since, longer_than=0.3)
    assert len(world.chorus.logs(event="room not readable")) < 25, "it rests between two tries"
    queue = await world.queue()
    assert "Low A" in queue
    assert "Top A" not in queue
    await world.play(ben, "Top A")


async def kept_by_a_kill(world: World) -> None:
    """kill -9, and started again: what plays is heard throughout, what waited waits."""
    killed = time.monotonic()
    await world.chorus.kill()
    await world.chorus.start()
    await world.discord.connected()
    await world.music.heard(SECOND)
    assert not world.music.gaps(killed, longer_than=0.3)
    queue = await world.queue()
    assert "Second" in queue
    assert "Low A" in queue
    assert "Top A" in queue
    await world.said(world.guild.member("Boss", admin=True), "skip")
    await world.music.heard(440)


async def test_a_full_disk(on_sqlite: Stage) -> None:
    """No file may grow, as if the disk were full or read-only (files cannot be protected from root)."""
    world = await on_sqlite.guild()

    def away(on: bool) -> None:
        assert world.chorus.process is not None
        _, hard = resource.prlimit(world.chorus.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(world.chorus.process.pid, resource.RLIMIT_FSIZE, (0 if on else hard, hard))

    await refused_while(world, away)
    await kept_by_a_kill(world)


async def test_postgres_turns_read_only_and_back(on_postgres: Stage, postgres: Postgres, postgres_url: str) -> None:
    world = await on_postgres.guild()
    name = postgres_url.partition("?")[0].rpartition("/")[2]

    def away(on: bool) -> None:
        postgres.sql(f"ALTER DATABASE {name} SET default_transaction_read_only = {'on' if on else 'off'}")
        postgres.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    await refused_while(world, away, seconds=12)  # longer than a lease
    await kept_by_a_kill(world)
    assert not (world.chorus.data / "chorus.db").exists()
