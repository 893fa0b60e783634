"""The `chorus` extension, version 1 (docs/nodes.md): gapless joins and taps. What is claimed to be heard is decoded."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from tests import sound

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import Json, NodeClient

pytestmark = pytest.mark.builtin
GUILD = 5
TAP = {"id": "web", "type": "stream", "format": "opus"}


def playing(url: str) -> Json:
    return {"track": {"identifier": url, "userData": {"n": 1}}, "chorus": {"taps": [TAP]}}


async def test_a_player_shows_its_next_and_its_taps(node: NodeClient, media: MediaHost) -> None:
    assert (await node.patch(GUILD, {})).json["chorus"] == {
        "next": None,
        "taps": [],
        "bitrate": 128_000,
        "fadeMs": 100,
    }
    url = media.tone(660, 3)
    await node.patch(GUILD, playing(media.tone(440, 20)))
    chorus = (await node.patch(GUILD, {"chorus": {"next": {"identifier": url, "userData": {"n": 2}}}})).json["chorus"]
    assert chorus["taps"] == [TAP]
    assert chorus["next"]["info"]["identifier"] == url
    assert chorus["next"]["userData"] == {"n": 2}
    assert (await node.patch(GUILD, {"chorus": {}})).json["chorus"] == chorus
    assert (await node.patch(GUILD, {"chorus": {"next": None}})).json["chorus"]["next"] is None


@pytest.mark.parametrize(
    ("chorus", "key"),
    [
        ({"bitrate": 64}, "bitrate"),
        ({"fadeMs": 500}, "fadeMs"),
        ({"next": {"identifier": "http://x/", "crossfadeMs": 12_001}}, "crossfadeMs"),
        ({"next": {"identifier": "http://x/", "filters": {"volume": 6.0}}}, "volume"),
        ({"next": {"identifier": "http://x/", "position": -1}}, "position"),
        ({"next": {}}, "next"),
        ({"next": {"identifier": "a", "encoded": "b"}}, "next"),
        ({"taps": [{"id": "a", "type": "file", "url": "file:///x"}]}, "type"),
        ({"taps": [TAP | {"format": "wav"}]}, "format"),
        ({"taps": [TAP | {"id": "a b"}]}, "id"),
        ({"taps": [TAP | {"id": "x" * 65}]}, "id"),
        ({"taps": [TAP, TAP]}, "taps"),
        ({"taps": None}, "taps"),
        ({"nexd": None}, "nexd"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(node: NodeClient, chorus: Json, key: str) -> None:
    answer = await node.patch(GUILD, {"chorus": chorus})
    assert answer.status == 400
    assert key in answer.json["message"]


async def test_what_concerns_no_track_is_done_though_none_is_replaced(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 20), "userData": {"n": 1}}})
    push = {"id": "p", "type": "rtmp", "url": "rtmp://127.0.0.1:9/app/key"}
    body: Json = {"track": {"identifier": media.tone(660, 20)}, "position": 9_000, "filters": {"tremolo": {}}}
    body |= {"volume": 50, "chorus": {"taps": [TAP, push], "bitrate": 64_000}}
    answer = await node.patch(GUILD, body, params={"noReplace": "true"})
    assert answer.status == 200, answer
    model = answer.json
    assert (model["track"]["userData"], model["volume"], model["chorus"]["bitrate"]) == ({"n": 1}, 50, 64_000)
    assert ([tap["id"] for tap in model["chorus"]["taps"]], list(model["filters"])) == (["web", "p"], ["tremolo"])
    assert model["state"]["position"] < 5_000


async def test_an_unknown_tap_is_404_and_taps_need_the_password(node: NodeClient) -> None:
    await node.patch(GUILD, {"chorus": {"taps": [TAP]}})
    path = f"{node.player_path(GUILD)}/taps"
    assert (await node.rest("GET", f"{path}/other")).status == 404
    assert (await node.rest("GET", f"{path}/web", password=None)).status == 401
    assert (await node.rest("GET", f"{path}/web", password="wrong")).status == 403


@pytest.mark.heard
async def test_a_tap_hears_the_file(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 10)))
    began = time.monotonic()
    packets = await node.read_tap(GUILD, "web", 75)
    assert time.monotonic() - began == pytest.approx(1.5, abs=0.5)  # in real time
    heard = sound.tones(packets)
    assert [round(tone.hz / 10) for tone in heard] == [44]
    assert sound.level(sound.decode(packets)) == pytest.approx(-12, abs=1.5)


@pytest.mark.heard
async def test_a_tap_may_begin_with_what_was_just_heard(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 10)}})
    await asyncio.sleep(1.5)
    await node.patch(GUILD, {"chorus": {"taps": [TAP]}})
    began = time.monotonic()
    packets = await node.read_tap(GUILD, "web?recent=1000", 50)
    assert time.monotonic() - began < 0.3
    assert [round(tone.hz / 10) for tone in sound.tones(packets)] == [44]
    assert (await node.rest("GET", f"{node.player_path(GUILD)}/taps/web?recent=-1")).status == 400


@pytest.mark.heard
async def test_volume_is_heard_and_pause_is_silent(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 30)))
    await node.read_tap(GUILD, "web", 10)
    await node.patch(GUILD, {"volume": 50})
    packets = await node.read_tap(GUILD, "web", 60)
    assert sound.level(sound.decode(packets[30:])) == pytest.approx(-18, abs=1.5)
    await node.patch(GUILD, {"paused": True})
    with pytest.raises(TimeoutError):
        await node.read_tap(GUILD, "web", 50, within=1.5)
    await node.patch(GUILD, {"paused": False, "volume": 100})
    packets = await node.read_tap(GUILD, "web", 60)
    assert sound.level(sound.decode(packets[35:])) == pytest.approx(-12, abs=1.5)


@pytest.mark.heard
async def test_a_crossfade_is_heard_at_once_with_both(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 3)) | {"paused": True})
    following = {"identifier": media.tone(660, 3), "crossfadeMs": 1000, "filters": {"volume": 0.5}}
    answer = await node.patch(GUILD, {"chorus": {"next": following, "bitrate": 96_000, "fadeMs": 60}})
    assert (answer.json["chorus"]["bitrate"], answer.json["chorus"]["fadeMs"]) == (96_000, 60)
    listening = asyncio.create_task(node.read_tap(GUILD, "web", 200))
    await asyncio.sleep(0.2)
    await node.patch(GUILD, {"paused": False})
    samples = sound.decode(await listening)
    first, second = [tone for tone in sound.tones_in(samples) if tone.length > 0.5]
    assert (first.hz, second.hz) == (pytest.approx(440, abs=3), pytest.approx(660, abs=3))
    assert first.start + first.length == pytest.approx(2.5, abs=0.4)
    assert sound.level(samples[-24_000:]) == pytest.approx(-18, abs=1.5)
    await node.event("TrackEndEvent", after=0)
    model = await node.player(GUILD)
    assert model["filters"] == {"volume": 0.5}
    assert model["chorus"]["next"] is None


@pytest.mark.heard
async def test_next_joins_without_a_frame_of_silence(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 2)) | {"paused": True})
    following = {"identifier": media.tone(660, 2), "userData": {"n": 2}}
    await node.patch(GUILD, {"chorus": {"next": following}})
    listening = asyncio.create_task(node.read_tap(GUILD, "web", 180))
    await asyncio.sleep(0.2)
    await node.patch(GUILD, {"paused": False})
    packets = await listening
    first, second = sound.tones(packets)
    assert (first.hz, second.hz) == (pytest.approx(440, abs=3), pytest.approx(660, abs=3))
    assert first.length == pytest.approx(2, abs=0.06)
    assert second.start - (first.start + first.length) < 0.041
    assert sound.SILENCE_PACKET not in packets
    await node.event("TrackEndEvent", after=0)
    events = [(m["type"], m["track"]["userData"]["n"]) for m in node.messages if m["op"] == "event" and "track" in m]
    assert events[:3] == [("TrackStartEvent", 1), ("TrackEndEvent", 1), ("TrackStartEvent", 2)]
    assert (await node.player(GUILD))["track"]["userData"] == {"n": 2}
    assert (await node.player(GUILD))["chorus"]["next"] is None


@pytest.mark.heard
async def test_the_join_is_reported_when_it_is_heard(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 1)))
    await node.event("TrackStartEvent")
    began = time.monotonic()
    await node.patch(GUILD, {"chorus": {"next": {"identifier": media.tone(660, 5), "userData": {"n": 2}}}})
    seen = len(node.messages)
    await node.event("TrackStartEvent", after=seen)
    assert time.monotonic() - began == pytest.approx(1, abs=0.3)


@pytest.mark.heard
async def test_next_may_start_inside(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 1)))
    await node.event("TrackStartEvent")
    seen = len(node.messages)
    await node.patch(GUILD, {"chorus": {"next": {"identifier": media.tone(660, 20), "position": 8000}}})
    await node.event("TrackStartEvent", after=seen)
    assert (await node.player(GUILD))["state"]["position"] >= 8000


@pytest.mark.heard
async def test_a_next_that_cannot_be_opened_is_accepted_reported_and_followed_by_nothing(
    node: NodeClient, media: MediaHost
) -> None:
    await node.patch(GUILD, playing(media.tone(440, 2)))
    await node.event("TrackStartEvent")
    broken = {"identifier": f"{media.url}/broken.mp3", "userData": {"n": 2}}
    assert (await node.patch(GUILD, {"chorus": {"next": broken}})).status == 200
    failed = await node.event("TrackExceptionEvent", within=1.5)
    assert failed["track"]["userData"] == {"n": 2}
    ended = await node.event("TrackEndEvent")
    assert (ended["reason"], ended["track"]["userData"]) == ("finished", {"n": 1})
    assert node.events() == ["TrackStartEvent", "TrackExceptionEvent", "TrackEndEvent"]


@pytest.mark.heard
async def test_a_hanging_next_is_answered_soon(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 20)))
    began = time.monotonic()
    answer = await node.patch(GUILD, {"chorus": {"next": {"identifier": f"{media.url}/hang"}}})
    assert answer.status == 200
    assert time.monotonic() - began < 4


@pytest.mark.heard
async def test_a_withdrawn_next_is_not_played(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 1)))
    await node.patch(GUILD, {"chorus": {"next": {"identifier": media.tone(660, 5)}}})
    await node.patch(GUILD, {"chorus": {"next": None}})
    await node.event("TrackEndEvent")
    assert (await node.player(GUILD))["track"] is None
    assert node.events() == ["TrackStartEvent", "TrackEndEvent"]


async def test_a_new_track_withdraws_the_next(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 20)))
    await node.patch(GUILD, {"chorus": {"next": {"identifier": media.tone(660, 5)}}})
    model = (await node.patch(GUILD, {"track": {"identifier": media.tone(880, 5)}})).json
    assert model["chorus"]["next"] is None


async def test_nothing_can_follow_when_nothing_plays(node: NodeClient, media: MediaHost) -> None:
    answer = await node.patch(GUILD, {"chorus": {"next": {"identifier": media.tone(660, 5)}}})
    assert answer.status == 409
    assert (await node.patch(GUILD, {"chorus": {"next": None}})).status == 200


async def test_taps_tell_when_they_open_and_close(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 20)))
    await node.read_tap(GUILD, "web", 5)
    opened = await node.message(op="event", type="ChorusTapEvent", state="opened")
    assert (opened["guildId"], opened["id"]) == (str(GUILD), "web")
    await node.message(op="event", type="ChorusTapEvent", state="closed")


async def test_a_second_reader_replaces_the_first(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 30)))
    first = asyncio.create_task(node.read_tap(GUILD, "web", 1000, within=20))
    await node.message(op="event", type="ChorusTapEvent", state="opened")
    assert len(await node.read_tap(GUILD, "web", 20)) == 20
    with pytest.raises(asyncio.IncompleteReadError):
        await first


async def test_a_reader_is_ended_when_its_tap_or_its_player_ends(node: NodeClient, media: MediaHost) -> None:
    for ending in ({"chorus": {"taps": []}}, None):
        await node.patch(GUILD, playing(media.tone(440, 30)))
        seen = len(node.messages)
        reader = asyncio.create_task(node.read_tap(GUILD, "web", 1000, within=20))
        await node.message(op="event", type="ChorusTapEvent", state="opened", after=max(0, seen - 1))
        await (node.rest("DELETE", node.player_path(GUILD)) if ending is None else node.patch(GUILD, ending))
        with pytest.raises(asyncio.IncompleteReadError):
            await reader


async def test_a_reader_that_vanishes_is_noticed(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, playing(media.tone(440, 30)))
    url = f"{node.address.url}{node.player_path(GUILD)}/taps/web"
    async with node.http.get(url, headers={"Authorization": node.address.password}) as response:
        assert response.connection is not None
        assert response.connection.transport is not None
        await response.content.readexactly(2)
        response.connection.transport.abort()
    await node.message(op="event", type="ChorusTapEvent", state="closed", within=3)
