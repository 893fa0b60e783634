"""Every object of Lavalink's v4 protocol has the fields of its description, these alone, and of these types.

https://lavalink.dev/api/rest and https://lavalink.dev/api/websocket; the extension's own key is `chorus`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lavalink.trackstring import decode, encode

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import Json, NodeClient

GUILD = 81384788765712385
NUMBER, TEXT_OR_NULL, ANYTHING = (int, float), (str, type(None)), (dict,)
Shape = dict[str, Any]

TRACK: Shape = {
    "encoded": str,
    "info": {
        "identifier": str,
        "isSeekable": bool,
        "author": str,
        "length": int,
        "isStream": bool,
        "position": int,
        "title": str,
        "uri": TEXT_OR_NULL,
        "artworkUrl": TEXT_OR_NULL,
        "isrc": TEXT_OR_NULL,
        "sourceName": str,
    },
    "pluginInfo": ANYTHING,
    "userData": ANYTHING,
}
STATE: Shape = {"time": int, "position": int, "connected": bool, "ping": int}
PLAYER: Shape = {
    "guildId": str,
    "track": TRACK,
    "volume": int,
    "paused": bool,
    "state": STATE,
    "voice": {"token": str, "endpoint": str, "sessionId": str, "channelId": TEXT_OR_NULL},
    "filters": ANYTHING,
}
STATS: Shape = {
    "players": int,
    "playingPlayers": int,
    "uptime": int,
    "memory": {"free": int, "used": int, "allocated": int, "reservable": int},
    "cpu": {"cores": int, "systemLoad": NUMBER, "lavalinkLoad": NUMBER},
    "frameStats": (dict, type(None)),
}
INFO: Shape = {
    "version": {"semver": str, "major": int, "minor": int, "patch": int, "preRelease": TEXT_OR_NULL},
    "buildTime": int,
    "git": {"branch": str, "commit": str, "commitTime": int},
    "jvm": str,
    "lavaplayer": str,
    "sourceManagers": list,
    "filters": list,
    "plugins": list,
}
EXCEPTION: Shape = {"message": TEXT_OR_NULL, "severity": str, "cause": str, "causeStackTrace": str}
ERROR: Shape = {"timestamp": int, "status": int, "error": str, "message": str, "path": str}
EVENT: Shape = {"op": str, "type": str, "guildId": str, "track": TRACK}


def assert_like(value: Any, shape: Any, name: str = "it") -> None:
    """The same fields at every depth, each of its type."""
    if not isinstance(shape, dict):
        assert isinstance(value, shape), (name, value)
        assert not isinstance(value, bool) or shape is bool, (name, value)
        return
    assert set(value) == set(shape), name
    for key, part in shape.items():
        assert_like(value[key], part, f"{name}.{key}")


async def test_what_rest_answers(node: NodeClient, media: MediaHost) -> None:
    assert_like((await node.rest("GET", "/v4/info")).json, INFO)
    assert_like((await node.rest("GET", "/v4/stats")).json | {"frameStats": None}, STATS)
    assert_like(await node.load(media.tone(440, 5)), {"loadType": str, "data": TRACK})
    assert_like(await node.load(f"{media.url}/broken.mp3"), {"loadType": str, "data": EXCEPTION})
    assert_like((await node.rest("GET", "/v4/nothing")).json, ERROR)
    made = (await node.patch(GUILD, {"track": {"identifier": media.tone(440, 5)}})).json
    shape = PLAYER | ({"chorus": ANYTHING} if node.address.chorus else {})
    assert_like(made, shape)
    assert_like(await node.player(GUILD), shape)
    [listed] = (await node.rest("GET", f"{node.session_path}/players")).json
    assert_like(listed, shape)


async def test_what_the_websocket_says(node: NodeClient, media: MediaHost) -> None:
    assert_like(await node.message(op="ready"), {"op": str, "resumed": bool, "sessionId": str})
    assert_like(await node.message(op="stats") | {"frameStats": None}, STATS | {"op": str})
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 20), "userData": {"a": 1}}})
    assert_like(await node.event("TrackStartEvent"), EVENT)
    assert_like(await node.message(op="playerUpdate"), {"op": str, "guildId": str, "state": STATE})
    await node.patch(GUILD, {"track": {"encoded": None}})
    ended = await node.event("TrackEndEvent")
    assert_like(ended, EVENT | {"reason": str})
    assert (ended["reason"], ended["track"]["userData"]) == ("stopped", {"a": 1})


@pytest.mark.builtin  # a Java node notices only once somebody listens
async def test_what_it_says_of_a_broken_track(node: NodeClient, media: MediaHost) -> None:
    info = decode((await node.load(media.tone(440, 5)))["data"]["encoded"]).info
    broken: Json = {"encoded": encode(info.model_copy(update={"identifier": f"{media.url}/broken.mp3"}))}
    await node.patch(GUILD, {"track": broken})
    assert_like(await node.event("TrackExceptionEvent"), EVENT | {"exception": EXCEPTION})
    assert (await node.event("TrackEndEvent"))["reason"] == "loadFailed"
