"""What becomes of a track once it plays: any node, in a voice channel (a Java node's clock runs only there)."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from lavalink.trackstring import decode, encode
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.room import Room

pytestmark = pytest.mark.heard


async def test_a_track_starts_advances_and_ends(room: Room, media: MediaHost) -> None:
    data = {"entry": 7, "room": "r"}
    model = await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 1), "userData": data})
    assert model["track"]["userData"] == data
    assert model["track"]["info"]["length"] == pytest.approx(1000, abs=30)
    began = time.monotonic()
    started = await room.node.event("TrackStartEvent")
    assert started["guildId"] == str(room.guild.id)
    assert started["track"]["userData"] == data
    ended = await room.node.event("TrackEndEvent")
    assert (ended["reason"], ended["track"]["userData"]) == ("finished", data)
    assert time.monotonic() - began == pytest.approx(1, abs=0.5)
    assert (await room.node.player(room.guild.id))["track"] is None
    assert room.node.events() == ["TrackStartEvent", "TrackEndEvent"]


async def test_a_resumed_session_plays_on_and_replays_its_events(room: Room, media: MediaHost) -> None:
    node, second = room.node, room.second()
    await node.rest("PATCH", node.session_path, json={"resuming": True, "timeout": 10})
    await second.patch(voice=second.voice(), track={"identifier": media.tone(660, 30)})
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 1)})
    await node.event("TrackStartEvent", guildId=str(room.guild.id))
    old = node.session_id
    await node.hang_up()
    assert (await node.rest("GET", f"/v4/sessions/{old}/players")).status == 404
    await asyncio.sleep(1.5)  # the first track ends while nobody is there to hear of it
    await node.connect(old)
    assert node.resumed_header == "true"
    assert await node.message(op="ready") == {"op": "ready", "resumed": True, "sessionId": old}
    ended = await node.event("TrackEndEvent")
    assert ended["guildId"] == str(room.guild.id)
    update = await node.message(op="playerUpdate", guildId=str(second.guild.id))
    await node.message(op="playerUpdate", guildId=str(room.guild.id))
    order = [message["op"] for message in node.messages if message["op"] != "stats"]
    assert order[0] == "ready"
    assert order[1 : order.index("playerUpdate")] == ["event"] * order.count("event")
    assert update["state"]["position"] > 1000


async def test_pause_holds_the_position_and_a_play_goes_on(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 20)})
    await until(lambda: room.past(200), what="the track advances")
    assert (await room.patch(paused=True))["paused"] is True
    await room.channel.silent(seconds=0.1)
    held = await room.position()
    await asyncio.sleep(0.3)
    assert await room.position() == held
    await room.patch(paused=False)
    await until(lambda: room.past(held + 100), what="the track goes on")
    await room.patch(paused=True)
    assert (await room.patch(track={"identifier": media.tone(660, 20)}))["paused"] is False


async def test_seek_moves_and_says_so(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 20)})
    await until(lambda: room.past(0), what="the track runs")
    seen = len(room.node.messages)
    await room.patch(position=10_000)
    await until(lambda: _there(room, 10_000), within=2, what="the new position")
    await until(
        lambda: any(m["op"] == "playerUpdate" and m["state"]["position"] > 9_999 for m in room.node.messages[seen:]),
        what="an update that says so",
    )
    await room.patch(position=-5)
    await until(lambda: _before(room, 2000), what="a negative position is the start")


async def _there(room: Room, position: int) -> bool:
    return position <= await room.position() < position + 1500


async def _before(room: Room, position: int) -> bool:
    return await room.position() < position


async def test_a_seek_beyond_the_end_ends_the_track(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 5)})
    await room.node.event("TrackStartEvent")
    await room.patch(position=60_000)
    assert (await room.node.event("TrackEndEvent"))["reason"] == "finished"


async def test_a_track_may_start_inside_and_end_early(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice())
    began = time.monotonic()
    await room.patch(track={"identifier": media.tone(440, 20)}, position=5000, endTime=5600)
    await room.node.event("TrackStartEvent")
    await until(lambda: room.past(4999), within=0.5, what="the place inside")
    assert (await room.node.event("TrackEndEvent"))["reason"] == "finished"
    assert time.monotonic() - began == pytest.approx(0.6, abs=0.5)


async def test_a_broken_track_is_refused_when_named_and_reported_when_encoded(room: Room, media: MediaHost) -> None:
    broken = {"identifier": f"{media.url}/broken.mp3"}
    assert (await room.node.patch(room.guild.id, {"track": broken})).status == 400
    info = decode((await room.node.load(media.tone(440, 5)))["data"]["encoded"]).info
    encoded = encode(info.model_copy(update=broken))
    await room.patch(voice=room.voice(), track={"encoded": encoded})
    failed = await room.node.event("TrackExceptionEvent")
    assert set(failed["exception"]) == {"message", "severity", "cause", "causeStackTrace"}
    assert (await room.node.event("TrackEndEvent"))["reason"] == "loadFailed"


async def test_a_stalled_source_is_reported_stuck_or_failed_while_others_play(room: Room, media: MediaHost) -> None:
    second = room.second()
    await room.patch(voice=room.voice(), track={"identifier": f"{media.url}/stall-440-4.wav"})
    await room.node.event("TrackStartEvent")
    await second.patch(voice=second.voice(), track={"identifier": media.tone(660, 30)})
    reports = {"TrackStuckEvent", "TrackExceptionEvent"}
    await until(lambda: reports & set(room.node.events()), within=25, what="a report of the stall")
    assert await second.position() > 1000
