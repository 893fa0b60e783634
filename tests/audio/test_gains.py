"""How much louder or quieter tracks are played."""

import asyncio
import itertools
import math
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.gains import Gains
from audio.loudness import CEILING, LIMITING, LOUDEST, TARGET, Levels, decibels, gain_of
from audio.seen import Seen
from core.errors import StoreUnavailableError
from core.records.measures import Measure
from core.room import Room
from core.types import LOBBY, Entry, EntryId, Filter, Limits, PersonId, PlaceId, Playing, Track, TrackRef
from tests.fakes import FakeMeasures, track

REF = TrackRef("library:song")
levels = st.floats(-69, 5)
peaks = st.none() | st.floats(-60, 3)


def measure(loudness: float | None, peak: float | None = -20.0, *, opus: bool = False, whole: bool = True) -> Measure:
    return Measure(REF, loudness, peak, opus=opus, whole=whole)


# The rule


@pytest.mark.parametrize("loudness", [-30, -26, -20, -16.2, -12, -9, -6])
def test_tracks_come_to_the_target(loudness: float) -> None:
    assert loudness + decibels(gain_of(measure(loudness), limiter=True)) == pytest.approx(TARGET, abs=0.06)


@given(levels, peaks, st.booleans(), st.booleans())
def test_no_track_is_limited_by_more_than_is_not_heard(
    loudness: float, peak: float | None, opus: bool, limiter: bool
) -> None:
    gain = gain_of(measure(loudness, peak, opus=opus), limiter=limiter)
    assert 0 < gain <= LOUDEST
    if gain > 1:
        peak = CEILING if peak is None else peak  # nothing is known: most tracks come near to full scale
        assert peak + decibels(gain) <= (CEILING + LIMITING if limiter else 0.0) + 0.06
    if loudness > TARGET + 2.1:
        assert loudness + decibels(gain) == pytest.approx(TARGET, abs=0.06)
    if loudness < TARGET:
        assert gain >= 1


@given(st.floats(TARGET - 2, TARGET + 2), peaks)
def test_opus_that_is_nearly_right_passes_untouched(loudness: float, peak: float | None) -> None:
    assert gain_of(measure(loudness, peak, opus=True), limiter=True) == 1.0


@pytest.mark.parametrize("loudness", [TARGET - 2.1, TARGET + 2.1])
def test_opus_that_is_not_is_made_so(loudness: float) -> None:
    assert gain_of(measure(loudness, opus=True), limiter=True) != 1.0


def test_what_is_silent_or_not_measured_stays_as_it_is() -> None:
    assert gain_of(None, limiter=True) == gain_of(measure(None, None), limiter=True) == 1.0


# A room


def entry(number: int, song: Track) -> Entry:
    return Entry(EntryId(number), song, PersonId("p"), "P", PlaceId("web:lobby"), 0, 0)


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr("audio.gains.time", SimpleNamespace(monotonic=lambda: self.now))
        self.measures = FakeMeasures()
        self.levels = Levels(self.measures)
        self.gains = Gains(self.levels)
        self.room = Room(LOBBY, PlaceId("web:lobby"), "Lobby")
        self.entry = Entry(
            EntryId(1), Track(REF, "Song", length=60_000), PersonId("p"), "P", PlaceId("web:lobby"), 0, 0
        )
        self.room.current = Playing(self.entry)
        self.seen = Seen()

    async def filters(self, entry: Entry | None = None, *, limiter: bool = True) -> dict[str, Any]:
        return await self.gains.filters(self.room, entry or self.entry, self.seen, limiter=limiter)

    async def volume(self) -> float:
        return (await self.filters()).get("volume", 1.0)

    async def starts(self) -> float:
        """The gain with which the track is sent; then it plays."""
        gain = await self.volume()
        self.seen.entry = self.entry.id
        return gain


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_a_measured_track_starts_as_loud_as_it_should(world: World) -> None:
    world.measures.rows[REF] = measure(-22)
    assert await world.filters() == {"volume": pytest.approx(10 ** (6 / 20), abs=1e-3)}
    assert not world.gains.approaching


async def test_a_java_node_is_told_what_makes_it_as_loud(world: World) -> None:
    world.measures.rows[REF] = measure(-10)
    ours, java = await world.filters(), await world.filters(limiter=False)
    assert math.tan(0.79 * java["volume"]) == pytest.approx(ours["volume"], abs=1e-3)


async def test_what_is_learned_later_is_approached_slowly(world: World) -> None:
    assert await world.starts() == 1.0
    world.levels.note(measure(-22))
    heard = [await world.volume()]
    while world.gains.approaching:
        world.now += 1
        heard.append(await world.volume())
    steps = [decibels(after) - decibels(before) for before, after in itertools.pairwise(heard)]
    assert len(steps) >= 5
    assert all(0 < step <= 1.001 for step in steps)
    assert decibels(heard[-1]) == pytest.approx(6, abs=0.01)


async def test_it_comes_no_faster_for_being_asked_more_often(world: World) -> None:
    await world.starts()
    world.levels.note(measure(-10))
    world.now += 1
    first = await world.volume()
    assert await world.volume() == await world.volume() == first
    assert world.gains.approaching


async def test_a_sample_will_do_for_the_start_and_the_rest_is_approached(world: World) -> None:
    world.levels.note(measure(-19, whole=False))
    assert decibels(await world.starts()) == pytest.approx(3, abs=0.01)
    world.levels.note(measure(-21))
    world.now += 1
    assert decibels(await world.volume()) == pytest.approx(4, abs=0.01)
    world.now += 1
    assert decibels(await world.volume()) == pytest.approx(5, abs=0.01)


async def test_turned_off_and_on_it_is_heard_at_once(world: World) -> None:
    world.levels.note(measure(-26))
    loud = await world.starts()
    world.room.loudness = False
    assert await world.filters() == {}
    world.room.loudness = True
    assert await world.volume() == loud


async def test_a_plan_without_it_leaves_tracks_as_they_are(world: World) -> None:
    world.levels.note(measure(-26))
    world.room.limits = Limits(loudness=False)
    assert await world.filters() == {}


async def test_the_gain_goes_on_top_of_the_filters_that_people_chose(world: World) -> None:
    world.levels.note(measure(-22))
    world.room.filter = Filter("custom", {"volume": 0.5, "lowPass": {"smoothing": 20.0}})
    filters = await world.filters()
    assert filters["lowPass"] == {"smoothing": 20.0}
    assert filters["volume"] == pytest.approx(0.5 * 10 ** (6 / 20), abs=1e-3)


async def test_a_quiet_track_under_a_loud_filter_stays_within_what_a_node_takes(world: World) -> None:
    world.measures.rows[REF] = measure(-28)
    world.room.filter = Filter("custom", {"volume": 5})
    assert await world.filters() == {"volume": LOUDEST}


async def test_what_is_learned_of_what_follows_in_good_time_is_there_when_it_begins(world: World) -> None:
    await world.starts()
    other = track("other")
    following = entry(2, other)
    assert await world.filters(following) == {}
    world.seen.following = following.id
    world.levels.note(Measure(other.ref, -22, -20, whole=True))
    assert decibels((await world.filters(following))["volume"]) == pytest.approx(6, abs=0.01)
    world.seen.entry, world.seen.following = following.id, None
    assert decibels((await world.filters(following))["volume"]) == pytest.approx(6, abs=0.01)
    assert not world.gains.approaching


@pytest.mark.parametrize(("position", "crossfade"), [(59_000, 0), (51_000, 8_000)])
async def test_what_follows_keeps_its_gain_when_it_may_be_heard_already(
    world: World, position: int, crossfade: int
) -> None:
    await world.starts()
    other = track("other")
    following = entry(2, other)
    assert await world.filters(following) == {}
    world.seen.following, world.seen.crossfade, world.seen.position = following.id, crossfade, position
    world.levels.note(Measure(other.ref, -22, -20, whole=True))
    assert await world.filters(following) == {}
    world.seen.entry, world.seen.following = following.id, None
    world.now += 1
    assert decibels((await world.filters(following))["volume"]) == pytest.approx(1, abs=0.01)


async def test_a_node_without_a_limiter_is_not_made_to_clip(world: World) -> None:
    world.levels.note(measure(-30, -6))
    heard = math.tan(0.79 * (await world.filters(limiter=False))["volume"])
    assert decibels(heard) == pytest.approx(6, abs=0.01)


async def test_rooms_say_what_they_play_next(world: World) -> None:
    other = track("other")
    world.room.entries[EntryId(2)] = entry(2, other)
    world.gains.want(world.room, 0)
    assert world.levels.changed.is_set()
    assert [one.ref for one in world.levels.wanted[LOBBY]] == [REF, other.ref]
    world.levels.changed.clear()
    world.gains.want(world.room, 0)
    assert not world.levels.changed.is_set()
    world.gains.rest(world.room)
    assert world.levels.wanted == {}


async def test_a_store_that_is_away_delays_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = list[TrackRef]()

    async def away(ref: TrackRef) -> None:
        asked.append(ref)
        raise StoreUnavailableError

    monkeypatch.setattr(world.measures, "get", away)
    assert await world.starts() == 1.0
    assert await world.volume() == 1.0
    assert asked == [REF]


async def test_a_store_that_hangs_delays_a_start_by_a_moment_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(ref: TrackRef) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(world.measures, "get", hang)
    async with asyncio.timeout(1):
        assert await world.starts() == 1.0
    async with asyncio.timeout(0.05):
        assert await world.volume() == 1.0
