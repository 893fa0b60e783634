"""HLS on a node of one process and of several: heard, sought in, gone with its player; others play on beside it."""

from __future__ import annotations

import asyncio
import subprocess
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests import sound

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import NodeClient

pytestmark = [pytest.mark.heard, pytest.mark.builtin]
TAP = {"id": "t", "type": "stream", "format": "opus"}
SECONDS = 20
LOW, HIGH = 500, 900
ROOMS: tuple[int, ...] = (1, 2, 3, 4)
BESIDE = 5


@pytest.fixture
async def playlist(media: MediaHost) -> str:
    """Ten seconds of one tone and ten of a higher one, in segments of two."""
    tones = np.concatenate([sound.tone(hz, SECONDS / 2) for hz in (LOW, HIGH)])
    source = sound.write_sound(media.folder / "both.wav", tones)
    command = ["ffmpeg", "-v", "error", "-i", str(source), "-c:a", "aac", "-f", "hls", "-hls_time", "2"]
    command += ["-hls_list_size", "0", str(media.folder / "list.m3u8")]
    await asyncio.to_thread(subprocess.run, command, check=True, timeout=60)
    return f"{media.url}/files/list.m3u8"


async def heard(node: NodeClient, room: int, hz: float) -> bool:
    """Whether a room's last packets are this tone, without a gap."""
    pcm = sound.mono(sound.decode(await node.read_tap(room, "t", 40)))
    pieces = pcm[sound.FRAME * 10 :].reshape(-1, sound.FRAME * 5)
    return all(abs(sound.frequency(piece) - hz) < 12 and sound.level(piece) > -25 for piece in pieces)


async def test_many_rooms_play_a_segmented_track_each_from_its_own_place(
    node: NodeClient, media: MediaHost, playlist: str
) -> None:
    await node.patch(BESIDE, {"track": {"identifier": media.tone(440, 60)}, "chorus": {"taps": [TAP]}})
    for room in ROOMS:
        answer = await node.patch(room, {"track": {"identifier": playlist}, "chorus": {"taps": [TAP]}})
        assert answer.status == 200
        assert answer.json["track"]["info"]["length"] == pytest.approx(SECONDS * 1000, abs=200)
        assert answer.json["track"]["info"]["isSeekable"]
    assert all(await asyncio.gather(*(heard(node, room, LOW) for room in ROOMS)))
    for room in ROOMS[:2]:
        await node.patch(room, {"position": SECONDS * 750})
    await asyncio.sleep(0.6)  # what was to be heard before that goes out first
    there = await asyncio.gather(*(heard(node, room, HIGH if room in ROOMS[:2] else LOW) for room in ROOMS))
    assert all(there)
    assert await heard(node, BESIDE, 440)
    for room in ROOMS:
        await node.rest("DELETE", node.player_path(room))
    assert await heard(node, BESIDE, 440)
    assert {"TrackExceptionEvent", "TrackStuckEvent"}.isdisjoint(node.events())


async def test_a_segmented_track_that_is_cut_off_ends_its_own_player_alone(
    node: NodeClient, media: MediaHost, playlist: str
) -> None:
    """Its list names a segment that is not there."""
    listed = media.folder / "list.m3u8"
    text = listed.read_text()
    (media.folder / "cut.m3u8").write_text(text.replace("list1.ts", "gone.ts").replace("list2.ts", "away.ts"))
    await node.patch(1, {"track": {"identifier": playlist}, "chorus": {"taps": [TAP]}})
    cut = playlist.replace("list.m3u8", "cut.m3u8")
    assert (await node.patch(2, {"track": {"identifier": cut}, "endTime": 4_000})).status == 200
    ended = await node.event("TrackEndEvent", guildId="2", within=20)
    assert ended["reason"] in {"finished", "loadFailed"}
    assert await heard(node, 1, LOW)
