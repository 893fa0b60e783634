"""What any node must do: the protocol's REST and websocket, seen from a client without a library."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import time
from typing import TYPE_CHECKING

import aiohttp
import pytest

from lavalink.protocol import PlayerPatch
from lavalink.trackstring import decode, encode
from tests.contract.node_client import Json, NodeAddress, NodeClient
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost

GUILD = 81384788765712384
RICK = (
    "QAAAjQIAJVJpY2sgQXN0bGV5IC0gTmV2ZXIgR29ubmEgR2l2ZSBZb3UgVXAADlJpY2tBc3RsZXlWRVZPAAAAAAADPCAAC2RRdzR3OVdn"
    "WGNRAAEAK2h0dHBzOi8vd3d3LnlvdXR1YmUuY29tL3dhdGNoP3Y9ZFF3NHc5V2dYY1EAB3lvdXR1YmUAAAAAAAAAAA=="
)
JSON = {"Content-Type": "application/json"}
EQUALIZED = {"band": 1, "gain": 0.25}
STREAM_TAP = {"id": "web", "type": "stream", "format": "opus"}


def position(model: Json) -> int:
    return model["state"]["position"]


def assert_error(body: Json, status: int, path: str) -> None:
    assert body["status"] == status
    assert body["path"] == path
    assert body["error"]
    assert body["message"]
    assert abs(body["timestamp"] - time.time() * 1000) < 60_000


def test_the_suite_runs_on_a_java_node_too() -> None:
    if not os.environ.get("LAVALINK_URL"):
        pytest.skip("no Java Lavalink: LAVALINK_URL (and LAVALINK_PASSWORD) name none")


# Who may talk


async def test_ready_names_the_session(node: NodeClient) -> None:
    ready = await node.message(op="ready")  # a Java node's first stats may come before
    assert ready == {"op": "ready", "resumed": False, "sessionId": node.session_id}
    assert node.resumed_header == "false"
    assert node.session_id.isalnum()


async def test_stats_come_at_once_and_by_rest(node: NodeClient) -> None:
    message = await node.message(op="stats")
    answer = (await node.rest("GET", "/v4/stats")).json
    for stats in (message, answer):
        assert {"players", "playingPlayers", "uptime", "memory", "cpu", "frameStats"} <= stats.keys() | {"frameStats"}
        assert set(stats["memory"]) == {"free", "used", "allocated", "reservable"}
        assert set(stats["cpu"]) == {"cores", "systemLoad", "lavalinkLoad"}
        assert stats["memory"]["used"] > 0
        assert 0 <= stats["cpu"]["systemLoad"] <= 1


@pytest.mark.parametrize("path", ["/version", "/v4/info", "/v4/stats", "/v4/sessions/x/players"])
async def test_no_password_is_401_and_a_wrong_one_403_with_an_empty_body(node: NodeClient, path: str) -> None:
    missing = await node.rest("GET", path, password=None)
    wrong = await node.rest("GET", path, password="wrong")
    assert (missing.status, missing.text) == (401, "")
    assert (wrong.status, wrong.text) == (403, "")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "wrong", "User-Id": "1"}, 401),
        ({"Authorization": "right"}, 400),
        ({"Authorization": "right", "User-Id": "0"}, 400),
        ({"Authorization": "right", "User-Id": "1", "Upgrade": "nothing"}, 400),
    ],
)
async def test_the_websocket_wants_a_password_and_a_user(
    node: NodeClient, headers: dict[str, str], status: int
) -> None:
    if headers.get("Authorization") == "right":
        headers = headers | {"Authorization": node.address.password}
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        await node.http.ws_connect(f"{node.address.url}/v4/websocket", headers=headers)
    assert caught.value.status == status


async def test_version_and_info(node: NodeClient) -> None:
    version = await node.rest("GET", "/version")
    assert version.status == 200
    assert version.headers["Content-Type"].startswith("text/plain")
    info = (await node.rest("GET", "/v4/info")).json
    assert info["version"]["semver"] == version.text
    assert info["version"]["major"] == 4
    assert "http" in info["sourceManagers"]
    assert "volume" in info["filters"]
    assert ({"name": "chorus", "version": "1"} in info["plugins"]) == node.address.chorus


async def test_every_answer_names_the_protocols_version_and_json_is_json(node: NodeClient) -> None:
    for path in ("/version", "/v4/info", "/v4/nothing", f"{node.session_path}/players"):
        answer = await node.rest("GET", path)
        assert answer.headers["Lavalink-Api-Version"] == "4"
        assert path == "/version" or answer.headers["Content-Type"] == "application/json"
    assert node.socket
    assert node.socket._response.headers["Lavalink-Api-Version"] == "4"


async def test_there_is_no_route_planner(node: NodeClient) -> None:
    status = await node.rest("GET", "/v4/routeplanner/status")
    assert (status.status, status.text) == (204, "")
    for path in ("/v4/routeplanner/free/all", "/v4/routeplanner/free/address"):
        assert_error((await node.rest("POST", path, json={"address": "127.0.0.1"})).json, 500, path)


async def test_unknown_paths_and_methods_have_error_bodies(node: NodeClient) -> None:
    assert_error((await node.rest("GET", "/v4/nothing")).json, 404, "/v4/nothing")
    assert_error((await node.rest("POST", "/v4/info")).json, 405, "/v4/info")


async def test_a_trace_comes_on_demand_only(node: NodeClient) -> None:
    path = "/v4/sessions/nobody/players"
    assert "trace" not in (await node.rest("GET", path)).json
    assert "trace" not in (await node.rest("GET", f"{path}?trace=False")).json
    for asked in ("trace=true", "trace"):
        traced = (await node.rest("GET", f"{path}?{asked}")).json
        assert_error(traced, 404, path)
        assert traced["trace"]


# Loading and decoding


async def test_a_file_loads_as_a_track(node: NodeClient, media: MediaHost) -> None:
    url = media.tone(440, 2)
    loaded = await node.load(url)
    assert loaded["loadType"] == "track"
    info = loaded["data"]["info"]
    assert info["identifier"] == info["uri"] == url
    assert info["length"] == pytest.approx(2000, abs=30)
    assert (info["isStream"], info["isSeekable"], info["sourceName"]) == (False, True, "http")
    assert {"author", "title", "position", "artworkUrl", "isrc"} <= info.keys()
    assert (loaded["data"]["pluginInfo"], loaded["data"]["userData"]) == ({"probeInfo": "wav"}, {})
    assert decode(loaded["data"]["encoded"]).info.identifier == url


@pytest.mark.parametrize(
    "identifier", ["{media}/nothing-here.mp3", "nonsense", "", "ytsearch:nonsense", "file:///etc/passwd"]
)
async def test_a_missing_file_and_nonsense_are_empty(node: NodeClient, media: MediaHost, identifier: str) -> None:
    assert await node.load(identifier.format(media=media.url)) == {"loadType": "empty", "data": None}


@pytest.mark.parametrize("name", ["broken.mp3", "page.html", "empty.mp3", "error.mp3"])
async def test_a_broken_file_is_an_error(node: NodeClient, media: MediaHost, name: str) -> None:
    loaded = await node.load(f"{media.url}/{name}")
    assert loaded["loadType"] == "error"
    assert set(loaded["data"]) == {"message", "severity", "cause", "causeStackTrace"}
    assert loaded["data"]["severity"] in {"common", "suspicious", "fault"}


async def test_loading_without_an_identifier_is_refused(node: NodeClient) -> None:
    assert_error((await node.rest("GET", "/v4/loadtracks")).json, 400, "/v4/loadtracks")


@pytest.mark.heard
async def test_hanging_sources_end_in_an_error_and_delay_nobody(node: NodeClient, media: MediaHost) -> None:
    hanging = [asyncio.create_task(node.load(f"{media.url}/hang?{n}", timeout=30)) for n in range(8)]
    await until(lambda: media.requests.count("/hang") >= 8, what="eight hanging loads")
    began = time.monotonic()
    assert (await node.load(media.tone(440, 1)))["loadType"] == "track"
    assert time.monotonic() - began < 2
    assert {loaded["loadType"] for loaded in await asyncio.gather(*hanging)} == {"error"}


async def test_track_strings_decode_one_by_one_and_in_bulk(node: NodeClient, media: MediaHost) -> None:
    encoded = (await node.load(media.tone(440, 1)))["data"]["encoded"]
    one = (await node.rest("GET", "/v4/decodetrack", params={"encodedTrack": encoded})).json
    assert one["encoded"] == encoded
    assert one["info"]["identifier"] == media.tone(440, 1)
    many = (await node.rest("POST", "/v4/decodetracks", json=[encoded, encoded])).json
    assert many == [one, one]
    ours = encode(decode(encoded).info)
    again = (await node.rest("GET", "/v4/decodetrack", params={"encodedTrack": ours})).json
    assert (again["info"], again["pluginInfo"]) == (one["info"], one["pluginInfo"])


@pytest.mark.builtin
async def test_a_track_string_of_any_java_source_decodes(node: NodeClient) -> None:
    info = (await node.rest("GET", "/v4/decodetrack", params={"encodedTrack": RICK})).json["info"]
    assert (info["sourceName"], info["identifier"], info["length"]) == ("youtube", "dQw4w9WgXcQ", 212_000)


@pytest.mark.builtin
async def test_broken_track_strings_are_refused(node: NodeClient) -> None:
    broken = base64.b64encode(b"\x40\x00\x00\x01\x09").decode()
    assert (await node.rest("GET", "/v4/decodetrack")).status == 400
    assert (await node.rest("GET", "/v4/decodetrack", params={"encodedTrack": "?"})).status == 400
    assert (await node.rest("GET", "/v4/decodetrack", params={"encodedTrack": broken})).status == 400
    assert (await node.rest("POST", "/v4/decodetracks", json=[])).status == 400
    assert (await node.rest("POST", "/v4/decodetracks", json={"a": 1})).status == 400


# Sessions


async def test_a_session_says_how_it_resumes(node: NodeClient) -> None:
    answer = await node.rest("PATCH", node.session_path, json={})
    assert answer.json == {"resuming": False, "timeout": 60}
    answer = await node.rest("PATCH", node.session_path, json={"resuming": True, "timeout": 5})
    assert answer.json == {"resuming": True, "timeout": 5}


@pytest.mark.parametrize("body", ['{"resuming": "maybe"}', '{"timeout": null}', '{"timeout": "x"}', "{", ""])
async def test_a_session_refuses_wrong_types(node: NodeClient, body: str) -> None:
    answer = await node.rest("PATCH", node.session_path, data=body, headers={"Content-Type": "application/json"})
    assert_error(answer.json, 400, node.session_path)


async def test_unknown_sessions_are_404(node: NodeClient) -> None:
    for method, path in [
        ("PATCH", "/v4/sessions/nobody"),
        ("GET", "/v4/sessions/nobody/players"),
        ("GET", "/v4/sessions/nobody/players/1"),
        ("PATCH", "/v4/sessions/nobody/players/1"),
        ("DELETE", "/v4/sessions/nobody/players/1"),
    ]:
        answer = await node.rest(method, path, json={})
        assert_error(answer.json, 404, path)


async def test_a_session_that_is_not_resumable_ends_with_its_websocket(node: NodeClient) -> None:
    await node.patch(GUILD, {})
    old = node.session_id
    await node.hang_up()
    await node.connect(old)
    assert node.resumed_header == "false"
    assert node.session_id != old
    assert (await node.rest("GET", f"/v4/sessions/{old}/players")).status == 404


async def test_a_session_expires_when_its_client_stays_away(node: NodeClient) -> None:
    await node.rest("PATCH", node.session_path, json={"resuming": True, "timeout": 1})
    old = node.session_id
    await node.hang_up()
    await asyncio.sleep(1.3)
    await node.connect(old)
    assert (node.resumed_header, node.session_id == old) == ("false", False)


@pytest.mark.builtin
async def test_a_client_may_resume_before_its_old_connection_is_noticed_dead(
    node: NodeClient, node_address: NodeAddress
) -> None:
    await node.rest("PATCH", node.session_path, json={"resuming": True, "timeout": 60})
    async with NodeClient(node_address) as again:
        await again.connect(node.session_id)
        assert again.resumed_header == "true"
        assert (await again.rest("GET", node.session_path + "/players")).status == 200


@pytest.mark.builtin
async def test_a_request_that_is_no_websocket_takes_no_session_from_anybody(node: NodeClient) -> None:
    await node.rest("PATCH", node.session_path, json={"resuming": True, "timeout": 60})
    headers = {"User-Id": "42", "Session-Id": node.session_id}
    assert_error((await node.rest("GET", "/v4/websocket", headers=headers)).json, 400, "/v4/websocket")
    assert (await node.rest("GET", node.session_path + "/players")).status == 200
    assert node.close_code is None


async def test_two_clients_have_two_sessions(node: NodeClient, node_address: NodeAddress) -> None:
    async with NodeClient(node_address, user_id=43) as other:
        await other.connect()
        assert other.session_id != node.session_id
        await node.patch(GUILD, {})
        assert (await other.rest("GET", f"{other.session_path}/players")).json == []


# Players


async def test_a_player_is_made_by_a_patch_and_ended_by_delete(node: NodeClient) -> None:
    path = node.player_path(GUILD)
    assert_error((await node.rest("GET", path)).json, 404, path)
    made = await node.patch(GUILD, {})
    assert made.status == 200
    model = made.json
    assert model["guildId"] == str(GUILD)
    assert (model["track"], model["volume"], model["paused"]) == (None, 100, False)
    assert set(model["state"]) == {"time", "position", "connected", "ping"}
    assert (model["state"]["connected"], model["state"]["ping"]) == (False, -1)
    assert model["voice"] == {"token": "", "endpoint": "", "sessionId": "", "channelId": None}
    players = (await node.rest("GET", f"{node.session_path}/players")).json
    assert [player["guildId"] for player in players] == [str(GUILD)]
    deleted = await node.rest("DELETE", path)
    assert (deleted.status, deleted.text) == (204, "")
    assert (await node.rest("GET", path)).status == 404
    assert (await node.rest("DELETE", path)).status == 204


async def test_a_guild_id_is_a_number(node: NodeClient) -> None:
    path = f"{node.session_path}/players/guild"
    assert_error((await node.rest("PATCH", path, json={})).json, 400, path)


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "[]",
        '{"volume": "loud"}',
        '{"volume": null}',
        '{"position": "soon"}',
        '{"paused": null}',
        '{"paused": 5}',
        '{"endTime": 0}',
        '{"endTime": -5}',
        '{"track": {"encoded": "x", "identifier": "y"}}',
        '{"track": {"encoded": null}, "identifier": "y"}',
        '{"track": {"userData": 7}}',
        '{"track": {"identifier": "nonsense"}}',
        '{"voice": {}}',
        '{"voice": {"token": "t", "endpoint": "e", "sessionId": "s"}}',
        '{"voice": {"token": "t", "endpoint": "e", "sessionId": " ", "channelId": "1"}}',
        '{"filters": 3}',
        "null",
        '""',
        "5",
        '{"volume": 100,}',
        "{'volume': 100}",
        '{"volume": 50.5}',
        '{"volume": true}',
        '{"volume": "true"}',
        '{"volume": ""}',
        '{"position": " 5"}',
        '{"position": "5.0"}',
        '{"position": 9223372036854775808}',
        '{"paused": "yes"}',
        '{"paused": "1"}',
        '{"track": null}',
        '{"track": {"identifier": 5}}',
        '{"filters": null}',
        '{"filters": {"timescale": {"speed": "fast"}}}',
        '{"voice": null}',
        '{"voice": {"token": 5, "endpoint": "e", "sessionId": "s", "channelId": "1"}}',
    ],
)
async def test_wrong_bodies_are_refused(node: NodeClient, body: str) -> None:
    path = node.player_path(GUILD)
    answer = await node.rest("PATCH", path, data=body, headers={"Content-Type": "application/json"})
    assert_error(answer.json, 400, path)


@pytest.mark.parametrize(
    ("body", "key", "value"),
    [
        ('{"volume": "50"}', "volume", 50),
        ('{"paused": "true"}', "paused", True),
        ('{"filters": {"volume": "0.5"}}', "filters", {"volume": 0.5}),
        ('{"filters": {"equalizer": [{"band": "1", "gain": "0.25"}]}}', "filters", {"equalizer": [EQUALIZED]}),
        ('{"position": "0", "endTime": "5000"}', "volume", 100),
        ('{"position": -5}', "volume", 100),
        ('{"unheardOf": 1}', "volume", 100),
        ('{"filters": {"unheardOf": 1}}', "volume", 100),
    ],
)
async def test_quoted_numbers_and_what_nobody_knows_are_accepted(
    node: NodeClient, body: str, key: str, value: object
) -> None:
    answer = await node.rest("PATCH", node.player_path(GUILD), data=body, headers=JSON)
    assert (answer.status, answer.json[key]) == (200, value)


async def test_no_replace_is_yes_or_no(node: NodeClient) -> None:
    for word, status in {"true": 200, "False": 200, "1": 200, "no": 200, "maybe": 400}.items():
        assert (await node.patch(GUILD, {}, params={"noReplace": word})).status == status


@pytest.mark.builtin
async def test_no_body_whatever_breaks_the_node(node: NodeClient, media: MediaHost) -> None:
    values: list[object] = [
        None,
        0,
        -1,
        2**70,
        1.5,
        1e308,
        True,
        "",
        "\x00",
        "😀" * 50,
        [],
        [[]],
        {},
        {"a": {}},
        "http://[",
    ]
    values += [
        {"encoded": None},
        {"identifier": media.tone(440, 5)},
        {"encoded": RICK},
        {"volume": 1e308},
        {"userData": {}},
    ]
    values += [{"next": {"encoded": RICK}}, {"taps": [STREAM_TAP]}, {"volume": True}, {"equalizer": "x"}]
    keys = [
        "track",
        "encodedTrack",
        "identifier",
        "position",
        "endTime",
        "volume",
        "paused",
        "filters",
        "voice",
        "chorus",
    ]
    dice = random.Random(7)
    for _ in range(300):
        body = {key: dice.choice(values) for key in dice.sample(keys, dice.randint(1, 3))}
        answer = await node.patch(GUILD, body)
        assert answer.status in {200, 400, 409}, (body, answer)
    assert (await node.player(GUILD))["guildId"] == str(GUILD)


@pytest.mark.builtin
async def test_a_refusal_never_repeats_a_secret(node: NodeClient) -> None:
    voice = {"token": "s3cret-token", "endpoint": "", "sessionId": "s3cret-session", "channelId": 5}
    answer = await node.patch(GUILD, {"voice": voice}, params={"trace": "true"})
    assert answer.status == 400
    assert "s3cret" not in answer.text


@pytest.mark.parametrize(("asked", "kept"), [(0, 0), (1000, 1000), (-1, 0), (1001, 1000)])
async def test_volume_is_kept_within_bounds(node: NodeClient, asked: int, kept: int) -> None:
    answer = await node.patch(GUILD, {"volume": asked})
    assert (answer.status, answer.json["volume"]) == (200, kept)


@pytest.mark.builtin
@pytest.mark.heard
async def test_a_track_starts_advances_without_voice_and_ends(node: NodeClient, media: MediaHost) -> None:
    data = {"entry": 7, "room": "r"}
    answer = await node.patch(GUILD, {"track": {"identifier": media.tone(440, 1), "userData": data}})
    assert answer.status == 200
    assert answer.json["track"]["userData"] == data
    assert answer.json["track"]["info"]["length"] == pytest.approx(1000, abs=30)
    began = time.monotonic()
    started = await node.event("TrackStartEvent")
    assert started["guildId"] == str(GUILD)
    assert started["track"]["userData"] == data
    ended = await node.event("TrackEndEvent")
    assert (ended["reason"], ended["track"]["userData"]) == ("finished", data)
    assert time.monotonic() - began == pytest.approx(1, abs=0.4)
    assert (await node.player(GUILD))["track"] is None
    assert node.events() == ["TrackStartEvent", "TrackEndEvent"]


async def test_an_encoded_track_plays(node: NodeClient, media: MediaHost) -> None:
    encoded = (await node.load(media.tone(440, 5)))["data"]["encoded"]
    answer = await node.patch(GUILD, {"track": {"encoded": encoded}})
    assert answer.json["track"]["encoded"] == encoded
    await node.event("TrackStartEvent")


async def test_the_deprecated_names_still_play(node: NodeClient, media: MediaHost) -> None:
    encoded = (await node.load(media.tone(440, 5)))["data"]["encoded"]
    assert (await node.patch(GUILD, {"encodedTrack": encoded})).json["track"]["encoded"] == encoded
    assert (await node.patch(GUILD, {"identifier": media.tone(660, 5)})).json["track"]["encoded"] != encoded
    assert (await node.patch(GUILD, {"encodedTrack": None})).json["track"] is None


async def test_stop_replace_and_no_replace(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 20), "userData": {"n": 1}}})
    await node.event("TrackStartEvent")
    body: Json = {"track": {"identifier": media.tone(660, 20), "userData": {"n": 2}}, "volume": 50, "paused": True}
    kept = (await node.patch(GUILD, body, params={"noReplace": "1"})).json
    assert (kept["track"]["userData"], kept["volume"], kept["paused"]) == ({"n": 1}, 50, False)
    await node.patch(GUILD, body | {"paused": False})
    replaced = await node.event("TrackEndEvent")
    assert (replaced["reason"], replaced["track"]["userData"]) == ("replaced", {"n": 1})
    stopped_at = len(node.messages)
    assert (await node.patch(GUILD, {"track": {"encoded": None}})).json["track"] is None
    stopped = await node.event("TrackEndEvent", after=stopped_at)
    assert (stopped["reason"], stopped["track"]["userData"]) == ("stopped", {"n": 2})


async def test_seeking_when_nothing_plays_changes_nothing(node: NodeClient) -> None:
    answer = await node.patch(GUILD, {"position": 5000})
    assert (answer.status, position(answer.json)) == (200, 0)


async def test_user_data_of_the_current_track_can_change(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 20), "userData": {"n": 1}}})
    model = (await node.patch(GUILD, {"track": {"userData": {"n": 2}}})).json
    assert model["track"]["userData"] == {"n": 2}


async def test_a_volume_filter_is_kept_and_replaced(node: NodeClient) -> None:
    assert (await node.patch(GUILD, {"filters": {"volume": 0.5}})).json["filters"]["volume"] == 0.5
    assert "volume" not in (await node.patch(GUILD, {"filters": {}})).json["filters"]


async def test_a_flat_equalizer_means_off(node: NodeClient) -> None:
    flat = [{"band": band, "gain": 0.0} for band in range(15)]
    assert (await node.patch(GUILD, {"filters": {"equalizer": flat}})).status == 200


FILTERS = {
    "volume": 0.5,
    "equalizer": [{"band": 0, "gain": 0.25}],
    "karaoke": {"level": 0.5, "monoLevel": 1.0, "filterBand": 220.0, "filterWidth": 100.0},
    "timescale": {"speed": 1.25, "pitch": 0.75, "rate": 1.0},
    "tremolo": {"frequency": 4.0, "depth": 0.5},
    "vibrato": {"frequency": 4.0, "depth": 0.5},
    "rotation": {"rotationHz": 0.5},
    "distortion": {
        "sinOffset": 0.0,
        "sinScale": 0.5,
        "cosOffset": 0.0,
        "cosScale": 1.0,
        "tanOffset": 0.0,
        "tanScale": 1.0,
        "offset": 0.0,
        "scale": 1.0,
    },
    "channelMix": {"leftToLeft": 1.0, "leftToRight": 0.5, "rightToLeft": 0.0, "rightToRight": 1.0},
    "lowPass": {"smoothing": 20.0},
}


async def test_all_ten_filters_are_there_and_are_answered(node: NodeClient) -> None:
    assert set(FILTERS) <= set((await node.rest("GET", "/v4/info")).json["filters"])
    for name, settings in FILTERS.items():
        answer = await node.patch(GUILD, {"filters": {name: settings}})
        answer.json["filters"].pop("pluginFilters", None)
        assert (answer.status, answer.json["filters"]) == (200, {name: settings})
    answer = await node.patch(GUILD, {"filters": {"tremolo": {"depth": 0.25}, "karaoke": None, "unheardOf": {"x": 1}}})
    assert answer.json["filters"]["tremolo"] == {"frequency": 2.0, "depth": 0.25}
    assert not {"karaoke", "unheardOf"} & set(answer.json["filters"])


@pytest.mark.builtin
async def test_a_filter_out_of_range_is_refused_by_name_and_changes_nothing(node: NodeClient) -> None:
    await node.patch(GUILD, {"filters": {"volume": 0.5}})
    for name, settings in {"tremolo": {"depth": 2.0}, "equalizer": [{"band": 15, "gain": 0.1}], "volume": 6.0}.items():
        answer = await node.patch(GUILD, {"filters": {name: settings}, "volume": 10})
        assert (answer.status, answer.json["error"]) == (400, "Bad Request")
        assert name in answer.json["message"]
    model = (await node.patch(GUILD, {})).json
    assert (model["filters"], model["volume"]) == ({"volume": 0.5}, 100)


@pytest.mark.heard
async def test_a_hanging_source_delays_no_other_player(node: NodeClient, media: MediaHost) -> None:
    hanging = asyncio.create_task(node.patch(GUILD, {"track": {"identifier": f"{media.url}/hang"}}, timeout=30))
    await until(lambda: "/hang" in media.requests, what="the hanging load")
    began = time.monotonic()
    await node.patch(GUILD + 1, {"track": {"identifier": media.tone(440, 2)}})
    await node.event("TrackStartEvent")
    assert (await node.patch(GUILD, {"volume": 30})).json["volume"] == 30  # nor the same player's other orders
    assert time.monotonic() - began < 1.5
    assert (await hanging).status == 400


@pytest.mark.heard
async def test_player_updates_come_while_playing(node: NodeClient, media: MediaHost) -> None:
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 20)}})
    first = await node.message(op="playerUpdate", within=6)
    second = await node.message(op="playerUpdate", within=6, after=node.messages.index(first) + 1)
    assert position(second) >= position(first)
    assert abs(second["state"]["time"] - time.time() * 1000) < 5000


@pytest.mark.builtin
@pytest.mark.heard
async def test_an_unreachable_voice_server_fails_in_bounded_time_and_delays_nobody(
    node: NodeClient, media: MediaHost
) -> None:
    voice = {"token": "t", "endpoint": "127.0.0.1:9", "sessionId": "s", "channelId": "1"}
    began = time.monotonic()
    failing = asyncio.create_task(node.patch(GUILD, {"voice": voice}, timeout=15))
    await node.patch(GUILD + 1, {"track": {"identifier": media.tone(440, 2)}})
    await node.event("TrackStartEvent")
    assert time.monotonic() - began < 1.5
    answer = await failing
    assert (answer.status, answer.json["message"]) == (500, "Failed to connect to voice server")
    assert time.monotonic() - began < 12


def test_the_models_know_every_key_that_the_suite_sends() -> None:
    assert {"track", "position", "end_time", "volume", "paused", "filters", "voice"} <= set(PlayerPatch.model_fields)
