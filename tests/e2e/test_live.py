"""A push through the whole product: from /live to a server that hears the room and sees its cover."""

import asyncio
from pathlib import Path

import aiohttp
import pytest

from tests.audio.test_pushes import KEY, heard, receiver
from tests.e2e.world import LONG, staged
from tests.waiting import free_port, until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(120)]


async def test_a_guild_is_pushed_and_goes_on_over_a_killed_bot(tmp_path: Path, library: Path) -> None:
    async with staged(tmp_path / "data", library, {"HLS": "true"}) as stage:
        stage.secrets.append(KEY)
        world, port = await stage.guild(), free_port()
        boss, file = world.guild.owner, tmp_path / "out.flv"
        await world.start_long(world.people[0])
        async with receiver(port, file) as ffmpeg:
            address = f"rtmp://127.0.0.1:{port}/live/{KEY}"
            said = await world.said(boss, "live start", address=address, picture=True, within=5)
            assert f"rtmp://127.0.0.1:{port}/live" in said
            assert KEY not in said
            await world.told(boss, "live list", "· live", within=20)
            await stage.chorus.kill()
            await stage.chorus.start()
            await stage.discord.connected()
            await world.told(boss, "live list", "· live", within=20)
            await until(lambda: file.exists() and file.stat().st_size > 150_000, within=30)
            assert ffmpeg.returncode is None, "the music did not stop there"
        await world.music.heard(LONG)
        assert any(abs(hz - LONG) < 10 for hz in heard(file))
        assert KEY.encode() not in (tmp_path / "data" / "chorus.db").read_bytes()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{stage.chorus.url}/r/lobby/live.m3u8") as answer:
                assert "#EXTM3U" in await answer.text()
            async with session.get(f"{stage.chorus.url}/r/lobby/stream.mp3") as answer:
                assert answer.content_type == "audio/mpeg"
                async with asyncio.timeout(10):
                    assert len(await answer.content.readexactly(40_000)) == 40_000
