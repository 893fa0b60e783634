"""What a place uses, counted in the running product: also where an Icecast server passes its music on."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import func, select

from billing.usage import LOOK
from core.enums import Meter
from db.engine import Database
from db.models import uses
from tests.e2e.hearing import listen
from tests.e2e.product import Product
from tests.waiting import until
from tests.web.fake_icecast import icecast

pytestmark = pytest.mark.timeout(200)
MOUNT = "/lobby.mp3"
LISTENERS = 5


async def heard(data: Path) -> int:
    """For how many ms the Lobby was heard, all listeners together."""
    database = Database(f"sqlite:///{data}/chorus.db")
    listened = select(func.sum(uses.c.amount)).where(uses.c.meter == Meter.LISTENING.value)
    async with database.read() as connection:
        found = await connection.scalar(listened)
    await database.close()
    return found or 0


async def test_who_listens_at_icecast_counts_like_who_listens_here(tmp_path: Path) -> None:
    async with icecast() as server:
        url = f"http://source:hackme@127.0.0.1:{server.port}"
        chorus = Product(tmp_path / "data", {"ICECAST_URL": url})
        try:
            await chorus.start()
            await until(lambda: chorus.logs(event="library indexed"), within=60, what="there is something to play")
            await listen(f"{chorus.url}/r/lobby/stream.ogg", 1)
            await until(lambda: len(server.sound.get(MOUNT, b"")) > 40_000, within=60, what="music on the mount")
            server.listeners = LISTENERS
            await asyncio.sleep(2 * LOOK + 6)  # the server is asked every 5 s; two looks follow, the second sees all
        finally:
            await chorus.stop()
    assert await heard(chorus.data) >= LISTENERS * LOOK * 1000
