"""Nodes heard in a voice channel: real TLS and UDP, decoded tones."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests.waiting import crowding, until

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.room import Room

pytestmark = pytest.mark.heard


async def test_one_patch_joins_and_plays(room: Room, media: MediaHost) -> None:
    began = time.monotonic()
    model = await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 20)}, volume=100)
    assert model["state"]["connected"] is True
    assert model["voice"]["channelId"] == str(room.channel.id)
    assert await room.channel.heard(440) - began < 3
    assert room.channel.level() == pytest.approx(-12, abs=1.5)
    assert room.channel.gaps(longer_than=0.1) == []
    assert room.channel.bot_session is not None
    assert room.channel.bot_session.speaking[-1] == 1


async def test_volume_pause_resume_seek_and_stop_are_heard(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    await room.patch(volume=50)
    await until(lambda: room.channel.level() == pytest.approx(-18, abs=1.5), what="half the volume")
    await room.patch(paused=True)
    await room.channel.silent(seconds=0.3)
    silence = [packet.opus for packet in room.channel.packets[-5:]]
    assert silence == [b"\xf8\xff\xfe"] * 5
    await room.patch(paused=False)
    await room.channel.heard(440)
    await room.patch(position=20_000)
    await until(lambda: room.past(19_999), what="the new position")
    await room.channel.heard(440)
    await room.patch(track={"encoded": None})
    await room.channel.silent(seconds=0.3)


@pytest.mark.builtin
async def test_the_next_track_is_joined_without_a_gap(room: Room, media: MediaHost) -> None:
    began = time.monotonic()
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 2)})
    await room.patch(chorus={"next": {"identifier": media.tone(660, 3)}})
    await room.channel.heard(660)
    first, second = room.channel.tones(began)[:2]
    assert (first.hz, second.hz) == (pytest.approx(440, abs=3), pytest.approx(660, abs=3))
    assert second.start - (first.start + first.length) < 0.1 * crowding()
    assert room.channel.gaps(longer_than=0.1) == []


@pytest.mark.builtin
async def test_a_tap_and_the_channel_get_the_same_packets(room: Room, media: MediaHost) -> None:
    taps = [{"id": "t", "type": "stream", "format": "opus"}]
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 20)}, chorus={"taps": taps})
    tapped = await room.node.read_tap(room.guild.id, "t", 50)
    heard = [packet.opus for packet in room.channel.packets]
    start = heard.index(tapped[0])
    assert heard[start : start + 40] == tapped[:40]


@pytest.mark.builtin
async def test_without_voice_it_runs_and_with_voice_it_goes_on_there(room: Room, media: MediaHost) -> None:
    await room.patch(track={"identifier": media.tone(440, 30)})
    await until(lambda: room.past(500), what="the track runs without voice")
    await room.patch(voice=room.voice())
    await room.channel.heard(440)
    assert await room.position() > 500


async def test_a_voice_server_that_restarts_is_resumed_without_a_gap(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    session = room.channel.bot_session
    assert session is not None
    await session.close(4015)
    await until(lambda: session.resumes == 1, what="a resume")
    await room.channel.heard(440, seconds=0.5)
    assert room.channel.gaps(longer_than=0.1) == []
    assert "WebSocketClosedEvent" not in room.node.events()


@pytest.mark.parametrize("code", [4006, 4014])
async def test_a_lost_session_is_reported_and_new_voice_data_brings_the_sound_back(
    room: Room, media: MediaHost, code: int
) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    session = room.channel.bot_session
    assert session is not None
    await session.close(code)
    closed = await room.node.event("WebSocketClosedEvent")
    assert (closed["code"], closed["byRemote"]) == (code, True)
    assert closed["guildId"] == str(room.guild.id)
    assert set(closed) == {"op", "type", "guildId", "code", "reason", "byRemote"}
    update = await room.node.message(op="playerUpdate", after=room.node.messages.index(closed))
    assert update["state"]["connected"] is False
    packets = len(room.channel.packets)
    before = await room.position()
    await until(lambda: room.past(before), what="the track runs on")
    assert len(room.channel.packets) == packets or not room.node.address.chorus  # a Java node goes on sending
    await room.patch(voice=room.voice())
    await room.channel.heard(440)


async def test_a_move_to_another_channel(room: Room, media: MediaHost) -> None:
    other = room.guild.voice_channel("Other")
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    await room.patch(voice=room.voice(other))
    await other.heard(440)
    assert room.channel.packets
    assert "TrackEndEvent" not in room.node.events()


async def test_rooms_do_not_mix(room: Room, media: MediaHost) -> None:
    second = room.second()
    await asyncio.gather(
        room.patch(voice=room.voice(), track={"identifier": media.tone(440, 20)}),
        second.patch(voice=second.voice(), track={"identifier": media.tone(660, 20)}),
    )
    await asyncio.gather(room.channel.heard(440, seconds=0.5), second.channel.heard(660, seconds=0.5))


async def test_deleting_the_player_leaves_the_channel(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 20)})
    await room.channel.heard(440)
    session = room.channel.bot_session
    assert session is not None
    await room.node.rest("DELETE", room.node.player_path(room.guild.id))
    await until(lambda: not session.open, what="the voice websocket is closed")
    closed = [m["byRemote"] for m in room.node.messages if m.get("type") == "WebSocketClosedEvent"]
    assert not any(closed)  # a Java node reports its own leaving, sometimes


# End-to-end encrypted channels: the simulator decrypts as people's clients do, and fails on any plain frame


@pytest.mark.builtin
@pytest.mark.parametrize("dave", [1])
async def test_an_encrypted_track_is_heard_from_its_first_frame(room: Room, media: MediaHost) -> None:
    await room.guild.member("Ann").join(room.channel)
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 2)})
    await room.channel.heard(440)
    await room.node.event("TrackEndEvent")
    [tone] = room.channel.tones()
    assert tone.length == pytest.approx(2, abs=0.06)
    assert room.channel.discarded == []


@pytest.mark.builtin
@pytest.mark.parametrize("dave", [1])
async def test_alone_the_track_runs_unheard_and_who_joins_hears_it(room: Room, media: MediaHost) -> None:
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await until(lambda: room.past(500), what="the track runs")
    assert room.channel.packets == []
    ann, bob = room.guild.member("Ann"), room.guild.member("Bob")
    await ann.join(room.channel)
    await room.channel.heard(440)
    await bob.join(room.channel)
    await room.channel.heard(440)
    await ann.leave()
    await room.channel.heard(440)
    await bob.leave()
    running = await room.position()
    await until(lambda: room.past(running + 300), what="the track runs on")
    await ann.join(room.channel)
    await room.channel.heard(440)


@pytest.mark.builtin
@pytest.mark.parametrize("dave", [1])
async def test_a_client_that_cannot_encrypt_comes_and_goes(room: Room, media: MediaHost) -> None:
    old, new = room.guild.member("Old"), room.guild.member("New")
    old.max_dave = 0
    await new.join(room.channel)
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    await old.join(room.channel)
    await room.channel.heard(440)
    await old.leave()
    await room.channel.heard(440)


@pytest.mark.builtin
@pytest.mark.parametrize("dave", [1])
async def test_a_channel_joined_plain_is_upgraded(room: Room, media: MediaHost) -> None:
    old, new = room.guild.member("Old"), room.guild.member("New")
    old.max_dave = 0
    await old.join(room.channel)
    await new.join(room.channel)
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    await old.leave()
    group = room.discord.voice.encryption.channel(room.channel)
    await until(lambda: group.established, what="a group")
    await room.channel.heard(440)


@pytest.mark.builtin
@pytest.mark.parametrize("dave", [1])
async def test_encrypted_voice_survives_a_resume_and_a_new_session(room: Room, media: MediaHost) -> None:
    await room.guild.member("Ann").join(room.channel)
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 30)})
    await room.channel.heard(440)
    session = room.channel.bot_session
    assert session is not None
    await session.close(4015)
    await until(lambda: session.resumes == 1, what="a resume")
    await room.channel.heard(440)
    await room.patch(voice=room.voice())
    await room.channel.heard(440)


@pytest.mark.builtin
@pytest.mark.parametrize("dave", [1])
async def test_people_come_and_go_and_versions_change_while_the_music_plays(room: Room, media: MediaHost) -> None:
    """No frame leaves unencrypted while the version is 1 (the simulator fails the test), none is lost for long."""
    ann, ben, old = (room.guild.member(name) for name in ("Ann", "Ben", "Old"))
    old.max_dave = 0
    await ann.join(room.channel)
    await room.patch(voice=room.voice(), track={"identifier": media.tone(440, 60)})
    group = room.discord.voice.encryption.channel(room.channel)
    await until(lambda: group.established, what="a group")
    await room.channel.heard(440)
    began, start = time.monotonic(), await room.position()
    for change in (ben.join(room.channel), ben.leave(), old.join(room.channel), old.leave(), ben.join(room.channel)):
        await change
        await room.channel.heard(440)
    await ann.leave()
    await room.channel.heard(440)
    await until(lambda: group.established, what="a group at the end")
    assert abs(await room.position() - start - (time.monotonic() - began) * 1000) < 500
    assert room.channel.gaps(began, longer_than=0.5) == []
