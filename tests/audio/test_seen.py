"""The one PATCH: pure comparison of a player with its room."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.seen import Patcher, Seen, Target
from audio.voice_data import VoiceData
from core.room import Room
from core.types import Entry, EntryId, PersonId, PlaceId, RoomId, Track
from tests.fakes import track

ROOM = RoomId("r")
VOICE = VoiceData("token", "host:443", "session", "9")


class Media:
    def media_url(self, track: Track, *, bound_to: str) -> str:
        return f"http://media/{track.ref}?{bound_to}"


PATCHER = Patcher(ROOM, Media())


def entry(number: int) -> Entry:
    return Entry(EntryId(number), track(f"song {number}"), PersonId("p"), "P", PlaceId("web:lobby"), 0, 0)


def target(**changes: Any) -> Target:
    base = Target(None, None, paused=False, volume=100, taps=frozenset(), voice=None, chorus=True)
    return replace(base, **changes)


def apply(seen: Seen, body: dict[str, Any]) -> Seen:
    """What a node makes of a body (docs/nodes.md)."""
    after = replace(seen)
    if "voice" in body:
        voice = body["voice"]
        after.voice = VoiceData(voice["token"], voice["endpoint"], voice["sessionId"], voice["channelId"])
    after.volume = body.get("volume", seen.volume)
    if "track" in body:
        sent = body["track"].get("userData")
        after.entry, after.following = (EntryId(sent["entry"]) if sent else None), None
        after.paused = body.get("paused", False)
    after.paused = body.get("paused", after.paused)
    chorus = body.get("chorus", {})
    if "next" in chorus:
        sent = chorus["next"] or {}
        after.following = EntryId(sent["userData"]["entry"]) if sent else None
        after.following_source = {key: sent[key] for key in ("identifier", "userData") if sent}
    after.remember(seen, body)
    if "taps" in chorus:
        after.taps = frozenset(tap["id"] for tap in chorus["taps"])
    return after


def difference(seen: Seen, wanted: Target, position: int = 0, *, seek: bool = False) -> dict[str, Any]:
    return PATCHER.difference(seen, wanted, position=position, seek=seek)


def test_a_start_is_one_patch_with_everything() -> None:
    body = difference(Seen(), target(entry=entry(1), following=entry(2), voice=VOICE, volume=80), 1500)
    assert body["voice"] == VOICE.wire()
    assert body["track"]["userData"] == {"room": "r", "entry": 1}
    assert body["track"]["identifier"].endswith("r:1")
    assert (body["position"], body["volume"], body["paused"]) == (1500, 80, False)
    assert body["chorus"]["next"]["userData"]["entry"] == 2


def test_a_paused_room_starts_nothing() -> None:
    assert difference(Seen(), target(entry=entry(1), paused=True)) == {}


def test_a_node_without_the_extension_gets_none_of_its_keys() -> None:
    body = difference(Seen(), target(entry=entry(1), following=entry(2), taps=frozenset("a"), chorus=False))
    assert "chorus" not in body


def test_an_end_stops_the_track() -> None:
    assert difference(Seen(entry=EntryId(1)), target()) == {"track": {"encoded": None}}


def test_a_seek_moves_the_current_track_only() -> None:
    assert difference(Seen(entry=EntryId(1)), target(entry=entry(1)), 5000, seek=True) == {"position": 5000}


def test_a_players_track_of_somebody_else_is_replaced() -> None:
    wire = {
        "track": {"userData": {}},
        "paused": False,
        "volume": 100,
        "voice": {"token": "", "endpoint": "", "sessionId": ""},
        "state": {"connected": False, "position": 0},
    }
    seen = Seen.read(ROOM, wire)
    assert difference(seen, target()) == {"track": {"encoded": None}}


def test_a_start_brings_its_filters_and_the_bitrate() -> None:
    wanted = target(entry=entry(1), filters={"volume": 0.5}, bitrate=64_000)
    body = difference(Seen(), wanted)
    assert body["filters"] == {"volume": 0.5}
    assert body["chorus"] == {"bitrate": 64_000}
    assert "filters" not in difference(Seen(), target(entry=entry(1)))
    assert "bitrate" not in difference(Seen(bitrate=64_000), wanted).get("chorus", {})


def test_what_follows_brings_its_own_filters_and_its_crossfade() -> None:
    playing = Seen(entry=EntryId(1), filters={"volume": 0.5})
    wanted = target(entry=entry(1), following=entry(2), filters={"volume": 0.5}, crossfade=3_000)
    body = difference(playing, wanted)
    assert set(body) == {"chorus"}
    assert (body["chorus"]["next"]["filters"], body["chorus"]["next"]["crossfadeMs"]) == ({}, 3_000)
    joined = apply(playing, body)
    assert difference(joined, wanted) == {}
    assert difference(joined, replace(wanted, crossfade=2_000))["chorus"]["next"]["crossfadeMs"] == 2_000
    assert "crossfadeMs" not in difference(joined, replace(wanted, crossfade=0))["chorus"]["next"]
    assert difference(joined, replace(wanted, following=None))["chorus"] == {"next": None}


def test_what_follows_keeps_its_address_while_its_filters_change() -> None:
    class Signed:
        signed = 0

        def media_url(self, track: Track, *, bound_to: str) -> str:
            self.signed += 1
            return f"http://media/{track.ref}?{bound_to}&{self.signed}"

    patcher, playing, wanted = (
        Patcher(ROOM, Signed()),
        Seen(entry=EntryId(1)),
        target(entry=entry(1), following=entry(2)),
    )

    def following(seen: Seen, wanted: Target) -> tuple[str, Seen]:
        body = patcher.difference(seen, wanted, position=0, seek=False)
        return body["chorus"]["next"]["identifier"], apply(seen, body)

    first, joined = following(playing, wanted)
    same, joined = following(joined, replace(wanted, following_filters={"volume": 0.5}))
    other, joined = following(joined, replace(wanted, following=entry(3)))
    fresh, _ = following(joined, replace(wanted, entry=entry(4), following=entry(3)))
    assert first == same
    assert len({first, other, fresh}) == 3


def test_what_a_node_says_will_follow_keeps_its_address() -> None:
    shown = {"info": {"identifier": "http://media/of/another/process"}, "userData": {"room": "r", "entry": 2}}
    wire = {
        "track": {"userData": {"room": "r", "entry": 1}},
        "paused": False,
        "volume": 100,
        "voice": {"token": "", "endpoint": "", "sessionId": ""},
        "state": {"connected": False, "position": 0},
        "chorus": {"next": shown},
    }
    wanted = target(entry=entry(1), following=entry(2), following_filters={"volume": 0.5})
    sent = difference(Seen.read(ROOM, wire), wanted)["chorus"]["next"]
    assert (sent["identifier"], sent["userData"]) == (shown["info"]["identifier"], shown["userData"])
    other = difference(Seen.read(ROOM, wire), replace(wanted, following=entry(3)))["chorus"]["next"]
    assert other["identifier"].endswith("r:3")


def test_the_place_runs_as_fast_as_the_filters_let_it() -> None:
    seen = Seen(entry=EntryId(1), started=True, filters={"timescale": {"speed": 2.0, "rate": 1.5}}, position=100, at=5)
    assert seen.position_at(6) == 3_100
    seen.following, seen.crossfade, seen.begins = EntryId(2), 4_000, 70_000
    seen.following_filters = {"timescale": {"speed": 1.2}}
    assert seen.join(9) == 2_400
    assert (seen.position_at(9), seen.position_at(10)) == (72_400, 73_600)


@pytest.mark.parametrize(("volume", "told"), [(0, 0), (50, 59), (100, 100), (200, 140)])
def test_a_java_node_is_told_another_volume_for_the_same_loudness(volume: int, told: int) -> None:
    room = Room(ROOM, PlaceId("web:lobby"), "Lobby", volume=volume)
    assert Target.of(room, taps=frozenset(), voice=None, chorus=False).volume == told
    assert Target.of(room, taps=frozenset(), voice=None, chorus=True).volume == volume


numbers = st.one_of(st.none(), st.integers(1, 3))
some_filters = st.sampled_from([{}, {"volume": 0.5}, {"timescale": {"speed": 1.5}}])
taps = st.frozensets(st.sampled_from("abc"))
seens = st.builds(
    Seen,
    entry=st.one_of(st.none(), st.integers(1, 3).map(EntryId)),
    paused=st.booleans(),
    volume=st.integers(0, 200),
    voice=st.one_of(st.none(), st.just(VOICE)),
    taps=taps,
    filters=some_filters,
    bitrate=st.sampled_from([None, 64_000, 96_000]),
)
sounds = st.fixed_dictionaries(
    {
        "filters": some_filters,
        "following_filters": some_filters,
        "crossfade": st.sampled_from([0, 500, 12_000]),
        "bitrate": st.sampled_from([None, 64_000]),
    }
)


@given(seens, numbers, numbers, st.booleans(), st.integers(0, 200), taps, sounds)
def test_one_patch_is_enough(
    seen: Seen,
    current: int | None,
    following: int | None,
    paused: bool,
    volume: int,
    wanted_taps: frozenset[str],
    sound: dict[str, Any],
) -> None:
    wanted = target(
        entry=entry(current) if current else None,
        following=entry(following) if current and following else None,
        paused=paused,
        volume=volume,
        taps=wanted_taps,
        voice=VOICE,
        **sound,
    )
    after = apply(seen, difference(seen, wanted))
    assert difference(after, wanted) == {}
    assert after.entry == (current if not paused or seen.entry == current else None)
