"""Searches and links that only an operator's node can resolve, and their way back to such a node."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from audio.node import NodeAddress
from audio.node_refs import identifier_of, make_ref, manager_of
from audio.node_search import NodeSearch
from audio.player_ids import lead_id
from core.errors import NothingFoundError, UnplayableError
from core.events import PlayFailed
from core.ports.places import RoomRef
from core.types import LOBBY, PlaceId, Track, TrackRef
from tests.audio.fake_node import PASSWORD, FakeNode
from tests.audio.fake_node import track as fake_track
from tests.audio.rig import Rig, World, tone
from tests.waiting import until

PLAYER = lead_id(RoomRef(LOBBY, PlaceId("web:lobby"), "Lobby"))
WATCH = "https://www.youtube.com/watch?v=dQw4w9WgXcQ"


def info(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A track as a node answers it."""
    known = {"identifier": f"id{number}", "title": f"Title {number}", "author": "Author", "uri": f"{WATCH}{number}"}
    answer = fake_track({})
    answer["info"] |= known | {"sourceName": "youtube", "length": 1000 * number} | fields
    return answer


def youtube(link: str = WATCH) -> Track:
    return Track(make_ref("youtube", link), "Never", length=60_000)


@pytest.fixture
async def plain() -> AsyncIterator[FakeNode]:
    """A node that has nothing but files."""
    async with FakeNode() as node:
        yield node


@pytest.fixture
async def rich() -> AsyncIterator[FakeNode]:
    """A node that has a source more."""
    async with FakeNode() as node:
        node.managers = ["http", "youtube"]
        yield node


@pytest.fixture
async def rig(world: World, plain: FakeNode, rich: FakeNode) -> AsyncIterator[Rig]:
    addresses = [NodeAddress("plain", plain.uri, PASSWORD), NodeAddress("rich", rich.uri, PASSWORD)]
    async with Rig(world, addresses=addresses, managed=False) as rig:
        await rig.up("plain")
        await rig.up("rich")
        await world.listen()
        yield rig


@pytest.fixture
def search(rig: Rig) -> NodeSearch:
    return NodeSearch(rig.nodes)


def identifiers(node: FakeNode) -> list[str]:
    """What the node was told to play."""
    return [body["track"]["identifier"] for body in node.patches if "identifier" in body.get("track", {})]


def reasons(world: World) -> list[str]:
    return [event.reason for event in world.rooms.events if isinstance(event, PlayFailed)]


def test_a_reference_tells_what_it_needs() -> None:
    ref = make_ref("youtube", "a:b?c=d:e")
    assert (manager_of(ref), identifier_of(ref)) == ("youtube", "a:b?c=d:e")
    for other in ("library:a", "url:http://h/node:x", "upload:b"):
        assert (manager_of(TrackRef(other)), identifier_of(TrackRef(other))) == (None, None)


async def test_a_search_finds_its_best_match(search: NodeSearch, plain: FakeNode, rich: FakeNode) -> None:
    rich.answers["ytsearch:never gonna"] = {"loadType": "search", "data": [info(1), info(2)]}
    found = await search.load("ytsearch:never gonna", 10)
    [track] = found.tracks
    assert (track.title, track.artist, track.length, track.uri) == ("Title 1", "Author", 1000, f"{WATCH}1")
    assert (track.ref, found.playlist) == (f"node:youtube:{WATCH}1", None)
    assert plain.loads == []


async def test_a_link_finds_its_track_with_or_without_its_scheme(search: NodeSearch, rich: FakeNode) -> None:
    live = info(1, isStream=True, length=2**63 - 1, uri=None, author="Unknown artist")
    rich.answers["https://youtu.be/x"] = {"loadType": "track", "data": live}
    for link in ("https://youtu.be/x", "youtu.be/x"):
        [track] = (await search.load(link, 10)).tracks
        assert (track.ref, track.length, track.uri, track.artist) == ("node:youtube:id1", None, None, "")


async def test_a_playlist_finds_its_first_tracks(search: NodeSearch, rich: FakeNode) -> None:
    tracks = [info(number) for number in range(1, 6)]
    data = {"info": {"name": "Mix\n", "selectedTrack": -1}, "pluginInfo": {}, "tracks": tracks}
    rich.answers["https://youtube.com/playlist?list=1"] = {"loadType": "playlist", "data": data}
    found = await search.load("https://youtube.com/playlist?list=1", 3)
    assert found.playlist == "Mix"
    assert [track.title for track in found.tracks] == ["Title 1", "Title 2", "Title 3"]


@pytest.mark.parametrize("answer", [{"loadType": "empty", "data": None}, {"loadType": "search", "data": []}])
async def test_nothing_is_nothing(search: NodeSearch, rich: FakeNode, answer: dict[str, Any]) -> None:
    rich.answers["ytsearch:x"] = answer
    with pytest.raises(NothingFoundError):
        await search.load("ytsearch:x", 10)


async def test_a_link_that_a_node_would_fetch_itself_is_not_accepted(search: NodeSearch, rich: FakeNode) -> None:
    rich.answers["https://youtube.com/redirect"] = {"loadType": "track", "data": info(1, sourceName="http")}
    with pytest.raises(UnplayableError):
        await search.load("https://youtube.com/redirect", 10)


async def test_what_a_node_cannot_load_is_told(search: NodeSearch, rich: FakeNode) -> None:
    data = {"message": "Not there", "severity": "common", "cause": "status code 404", "causeStackTrace": ""}
    rich.answers["ytsearch:x"] = {"loadType": "error", "data": data}
    with pytest.raises(UnplayableError) as told:
        await search.load("ytsearch:x", 10)
    assert told.value.reason == "not_found"
    rich.refuse = (500, "broken")
    with pytest.raises(UnplayableError) as told:
        await search.load("ytsearch:x", 10)
    assert told.value.reason == "unreachable"


async def test_no_node_that_offers_it_is_up(search: NodeSearch, plain: FakeNode) -> None:
    for query in ("scsearch:x", "no source at all"):
        with pytest.raises(UnplayableError) as told:
            await search.load(query, 10)
        assert told.value.reason == "unreachable"
    assert plain.loads == []


async def test_a_room_moves_to_the_node_that_offers_the_source(
    world: World, plain: FakeNode, rich: FakeNode, rig: Rig
) -> None:
    await world.add(tone(440, 10), youtube())
    await until(lambda: identifiers(plain))
    data = {"room": world.lobby, "entry": 1}
    await plain.event("TrackStartEvent", PLAYER, track=fake_track(data))
    await until(lambda: world.room.locked == 2, what="the next track is settled")
    await plain.event("TrackEndEvent", PLAYER, track=fake_track(data), reason="finished")
    await until(lambda: WATCH in identifiers(rich))
    assert WATCH not in identifiers(plain)
    assert not any(body.get("chorus", {}).get("next") for body in plain.patches)
    assert reasons(world) == []
    await until(lambda: plain.deleted == [PLAYER], what="the former player is gone")


async def test_a_track_that_no_node_offers_is_passed_over(world: World, plain: FakeNode, rig: Rig) -> None:
    lost = Track(make_ref("deezer", "https://deezer.com/track/1"), "Lost", length=60_000)
    await world.add(lost, tone(440))
    await until(lambda: world.room.current and world.room.current.entry.id == 2)
    assert reasons(world) == ["unreachable"]


async def test_a_node_that_comes_back_is_waited_for(world: World, plain: FakeNode) -> None:
    async with FakeNode() as rich:
        port = rich.port
    addresses = [NodeAddress("plain", plain.uri, PASSWORD), NodeAddress("rich", f"http://127.0.0.1:{port}", PASSWORD)]
    async with Rig(world, addresses=addresses, managed=False) as rig:
        await rig.up("plain")
        await world.listen()
        await world.add(youtube())
        await until(lambda: rig.players.status(world.lobby) == "waiting", what="the room waits")
        async with FakeNode(port) as rich:
            rich.managers.append("youtube")
            await until(lambda: identifiers(rich) == [WATCH])
            assert reasons(world) == []
            await rig.players.stop()
            await rig.nodes.stop()
