"""Loudness and waveforms in the whole product: measured in the background, kept, resumed, and in nobody's way."""

import asyncio
import contextlib
import re
import sqlite3
from pathlib import Path

import aiohttp
import psutil
import pytest

from tests.audio.music import programme
from tests.e2e.product import Product
from tests.e2e.visitor import Visitor, session
from tests.sound import tone, write_sound
from tests.waiting import until

pytestmark = pytest.mark.timeout(150)


def rows(product: Product) -> dict[str, tuple[float, int, int]]:
    """Loudness, whether all of it was measured, and the points of the waveform, of each track."""
    with contextlib.closing(sqlite3.connect(product.data / "chorus.db")) as database:
        found = database.execute("SELECT ref, loudness, whole, length(waveform) FROM measures").fetchall()
    return {row[0]: row[1:] for row in found}


def gauges(product: Product) -> list[psutil.Process]:
    """The measuring child processes of the product."""
    assert product.process is not None
    children = psutil.Process(product.process.pid).children()
    return [child for child in children if "audio.gauge" in child.cmdline()]


@pytest.fixture
def music(tmp_path: Path) -> Path:
    folder = tmp_path / "music"
    folder.mkdir()
    for number, lufs in enumerate((-24, -12, -18)):
        write_sound(folder / f"song {number}.flac", programme(lufs, 12))
    return folder


async def test_the_library_is_measured_and_the_page_draws_it(tmp_path: Path, music: Path) -> None:
    product = Product(tmp_path / "data", {"LIBRARY_PATHS": str(music)})
    await product.start()
    try:
        await until(lambda: len(rows(product)) == 3, within=40, what="three measures")
        assert sorted(row[0] for row in rows(product).values()) == [
            pytest.approx(lufs, abs=0.2) for lufs in (-24, -18, -12)
        ]
        assert {row[1:] for row in rows(product).values()} == {(1, 400)}
        async with session() as browser:
            visitor = Visitor(product, browser)
            await visitor.open()
            await visitor.add("song 1")
            async with browser.get(f"{product.url}/r/lobby/stream.ogg") as sound:
                await sound.content.readany()
                drawn = r'data-wave="[A-Za-z0-9+/]{400}"'
                await until(lambda: re.search(drawn, visitor.seen), within=20, what="a waveform")
            await visitor.stop()
    finally:
        await product.stop()


async def test_a_kill_takes_the_measuring_child_along_and_a_restart_goes_on(tmp_path: Path, music: Path) -> None:
    write_sound(music / "long.wav", tone(440, 600))
    product = Product(tmp_path / "data", {"LIBRARY_PATHS": str(music)})
    await product.start()
    try:
        (gauge,) = await until(lambda: gauges(product), within=30, what="a measuring child")
        await until(lambda: gauge.nice() == 19, within=5)
        await product.kill()
        await asyncio.to_thread(gauge.wait, 20)
        before = rows(product)
        await product.start()
        await until(lambda: len(rows(product)) == 4, within=60, what="all four measured")
        assert before.items() <= rows(product).items()
        (gauge,) = gauges(product)
        assert await product.stop() == 0
        assert not gauge.is_running()
    finally:
        await product.stop()


async def test_a_track_starts_while_a_long_one_is_being_measured(tmp_path: Path, music: Path) -> None:
    write_sound(music / "a long one.wav", tone(440, 1200))
    product = Product(tmp_path / "data", {"LIBRARY_PATHS": str(music)})
    await product.start()
    try:
        await until(lambda: gauges(product), within=30, what="a measuring child")
        async with aiohttp.ClientSession() as browser, browser.get(f"{product.url}/r/lobby/stream.ogg") as sound:
            got = 0
            async with asyncio.timeout(8):
                while got < 30_000:
                    got += len(await sound.content.readany())
    finally:
        await product.stop()
