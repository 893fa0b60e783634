"""The product as a child, on PostgreSQL with real fsync."""

import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from uuid import uuid4

from tests import sound
from tests.e2e.product import Product
from tests.e2e.world import Stage, staged
from tests.servers import Postgres
from tests.waiting import until

TONES = {"Tone": 440.0, "Other": 660.0, "Third": 880.0}


@contextmanager
def database() -> Generator[dict[str, str]]:
    """The setting that names an empty PostgreSQL database."""
    server = Postgres(uuid4().hex[:12])
    try:
        yield {"DATABASE_URL": server.create()}
    finally:
        server.stop()


@contextmanager
def scratch() -> Generator[Path]:
    """A folder for the while."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        yield Path(name)


@asynccontextmanager
async def chorus(**more: str) -> AsyncGenerator[Product]:
    """The product without Discord: the Lobby."""
    with scratch() as folder, database() as env:
        product = Product(folder / "data", {**env, **more})
        try:
            await product.start()
            await until(lambda: product.logs(event="library indexed"), within=20)
            yield product
        finally:
            await product.stop()


@asynccontextmanager
async def in_discord(music: Path, **env: str) -> AsyncGenerator[Stage]:
    """The product in a simulated Discord (this process), with this music folder."""
    with scratch() as folder, database() as url:
        async with staged(folder / "data", music, {**url, **env}) as stage:
            yield stage


def write_tones(folder: Path, seconds: float = 120.0) -> Path:
    """A music folder: three steady tones as WAV."""
    folder.mkdir(parents=True, exist_ok=True)
    for title, hz in TONES.items():
        sound.write_tone(folder / f"{title}.wav", hz, seconds)
    return folder
