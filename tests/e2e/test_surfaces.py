"""A further surface in the product: installed, found, used."""

import asyncio
from pathlib import Path

from tests.bot.test_surfaces import install
from tests.contract import printed
from tests.e2e.product import Product
from tests.waiting import free_port, until


async def test_an_installed_surface_is_one_more_way_into_a_room(tmp_path: Path, library: Path) -> None:
    packages, port = tmp_path / "packages", free_port()
    packages.mkdir()
    install(packages, "chorus_lines", printed.source())
    env = {"PYTHONPATH": str(packages), "LINES_PORT": str(port), "LIBRARY_PATHS": str(library)}
    chorus = Product(tmp_path / "data", env)
    try:
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"), within=20)
        await until(lambda: any(line.split() == ["Chorus_lines", "on"] for line in chorus.screen), within=10)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"Ann\n1 play Long\n2 now\n3 skip extra\n4 nonsense\n5 vote 1 Nothing\n")
        answers = [(await asyncio.wait_for(reader.readline(), 10)).decode().strip() for _ in range(5)]
        assert answers[0] == "1 Long is on"
        assert "Long (Ann)" in answers[1]
        assert answers[2] == "3 Long was skipped"
        assert "play, vote" in answers[3]
        assert "not waiting any more" in answers[4]
        writer.close()
    finally:
        await chorus.stop()
