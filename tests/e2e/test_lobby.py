"""A clean start ends in music: a demo track is heard from the Lobby's stream, without any credentials."""

import time

import pytest

from tests.e2e.hearing import listen, match, recorded, samples_of
from tests.e2e.product import Product
from tests.waiting import until


@pytest.mark.heard
async def test_a_demo_track_is_heard_from_the_stream(chorus: Product) -> None:
    began = time.monotonic()
    ogg = await listen(f"{chorus.url}/r/lobby/stream.ogg", 8)
    heard = recorded(ogg)
    assert len(heard) / 48_000 > 5, "the stream does not keep up with time"
    audible = heard[-3 * 48_000 :]
    tracks = sorted((chorus.data / "demo").glob("*.*"))
    matches = [match(audible, samples_of(track)) for track in tracks if track.suffix in {".opus", ".ogg", ".flac"}]
    assert max(found.correlation for found in matches) > 0.9
    assert time.monotonic() - began < 30


async def test_one_screen_says_what_is_on_and_off_and_where(chorus: Product) -> None:
    await until(lambda: any(f"http://localhost:{chorus.port}" in line for line in chorus.screen))
    assert len(chorus.screen) <= 24
    assert any("Discord" in line and "DISCORD_TOKEN" in line for line in chorus.screen)


async def test_ctrl_c_stops_everything(chorus: Product) -> None:
    assert await chorus.stop() == 0
    assert not chorus.node_outlived_it
