"""A run full of failures, after which no token, password, key or media address stands in any log line."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from tests import sound
from tests.audio.foreign import body
from tests.e2e.product import Product
from tests.e2e.world import LONG, staged
from tests.waiting import until

pytestmark = [pytest.mark.heard, pytest.mark.timeout(90)]

SECRETS = {
    "METRICS_TOKEN": "metrics-word-5f1c",
    "SECRET_KEY": "key-word-9a27,older-word-77b2",
    "LAVALINK_NODES": "builtin far=http://node-word-08d4@127.0.0.1:9",
}
WORDS = ["metrics-word-5f1c", "key-word-9a27", "older-word-77b2", "node-word-08d4"]


async def test_no_secret_stands_in_any_log_line(tmp_path: Path, library: Path) -> None:
    async with staged(tmp_path / "data", library, SECRETS) as stage:  # which looks through the lines at its end too
        stage.secrets += WORDS
        world = await stage.guild()
        ann, ben, _ = world.people
        faults = stage.discord.faults
        await world.start_long(ann)

        for status in (429, 503):
            faults.rest("POST", "/interactions/*", status=status, retry_after=0.1)
            await world.said(ben, "volume", percent=status // 10)
        faults.rest("*", "/webhooks/*", status=429, retry_after=0.1)
        faults.rest("*", "/channels/*", status=429, retry_after=0.1)
        sent = ann.upload("cut.mp3", sound.write_tone(tmp_path / "t.mp3", 440, 2).read_bytes())
        sent.expired = True
        stage.site.pages["/fleeting.mp3"] = body((tmp_path / "t.mp3").read_bytes(), "audio/mpeg")
        await asyncio.gather(
            world.said(ann, "play", file=sent, within=10),
            world.said(ann, "play", query=stage.site.url("/fleeting.mp3"), within=10),
        )
        stage.site.pages["/fleeting.mp3"] = body(b"", "audio/mpeg")
        await world.said(ann, "skip")
        await world.panel_says("Skipped **fleeting**")

        await world.start_long(ann)
        connection = world.music.bot_session
        assert connection
        await connection.close(4015)
        await world.music.heard(LONG, within=8)
        os.kill(stage.chorus.node_pid, signal.SIGKILL)
        await until(lambda: len(stage.chorus.logs(event="node started")) > 1, within=15)
        await world.music.heard(LONG, within=10)
        await stage.chorus.kill()
        await stage.chorus.start()
        await stage.discord.connected()
        await world.music.heard(LONG)
        assert stage.spilled() == []
        assert any("rate limited" in line for line in stage.chorus.lines), "the failures were logged"
        assert _node_log(stage.chorus)


def _node_log(product: Product) -> str:
    return (product.data / "node.log").read_text()
