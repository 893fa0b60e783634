"""Filters, crossfade and loudness: who may, what the plan leaves of them, and what they make of a room's clock."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.enums import EndReason, Filters
from core.errors import BadFilterError, ForbiddenError, NotInPlanError, OutOfRangeError
from core.filters import PRESETS, SPANS, custom, meant, parse, text, wire
from core.records.results import Changed
from core.sound import bitrate, heard_filters
from core.types import EntryId, Filter, Limits, PositionClock, Settings
from lavalink.filters import Filters as Node
from tests.core.conftest import GUILD, ROOM, World
from tests.fakes import track

FIRST = EntryId(1)


@pytest.fixture
async def hall(guild: World) -> World:
    """Ann alone, and a track of ten minutes on air."""
    await guild.voice("ann")
    await guild.jukebox.add(ROOM, guild.member("ann"), [track("A", 600_000), track("B", 60_000)])
    await guild.reports.track_started(ROOM, FIRST, node="n")
    return guild


async def put(world: World, wanted: str) -> Any:
    return await world.jukebox.set_filter(ROOM, world.member("ann"), wanted)


async def position(world: World) -> int:
    return (await world.jukebox.view(ROOM, None)).position


async def test_a_preset_is_on_until_it_is_put_off(hall: World) -> None:
    assert await put(hall, "Nightcore") == Changed(changed=True)
    assert await put(hall, "nightcore") == Changed(changed=False)
    assert heard_filters(hall.room) == {"timescale": {"speed": 1.2, "pitch": 1.2}}
    assert (await hall.jukebox.view(ROOM, None)).filter == Filter("nightcore")
    await put(hall, "off")
    assert heard_filters(hall.room) == {}


async def test_a_filter_by_hand_is_lavalinks_json(hall: World) -> None:
    wanted = {"lowPass": {"smoothing": 5}, "equalizer": [{"band": 3, "gain": 0.5}], "volume": 0.5}
    await put(hall, json.dumps(wanted))
    assert hall.room.filter == Filter("custom", wanted)
    assert heard_filters(hall.room) == wanted
    assert parse(text(hall.room.filter)) == hall.room.filter


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_would_be_taken_by_hand_too(preset: str) -> None:
    made = parse(json.dumps(PRESETS[preset]))
    assert made is not None
    assert wire(made) == PRESETS[preset] == wire(Filter(preset))
    assert text(Filter(preset)) == preset


BAD: list[tuple[str, str, str]] = [
    ("louder", "unknown", "louder"),
    ("", "unknown", ""),
    ("{", "json", ""),
    ('{"a":' * 5_000, "json", ""),
    ('{"chorus": {}}', "unknown", "chorus"),
    ('{"pluginFilters": {"x": 1}}', "unknown", "pluginFilters"),
    ('{"timescale": {"tempo": 1}}', "unknown", "timescale.tempo"),
    ('{"timescale": {"speed": "fast"}}', "kind", "timescale.speed"),
    ('{"timescale": {"speed": true}}', "kind", "timescale.speed"),
    ('{"timescale": {"speed": NaN}}', "kind", "timescale.speed"),
    ('{"timescale": 2}', "kind", "timescale"),
    ('{"equalizer": {"band": 1}}', "kind", "equalizer"),
    ('{"equalizer": [{"band": 1}]}', "kind", "equalizer"),
    ('{"equalizer": [{"band": 1.5, "gain": 0}]}', "kind", "equalizer.band"),
    ('{"timescale": {"speed": 1e999}}', "kind", "timescale.speed"),
]


@pytest.mark.parametrize(("wrong", "reason", "name"), BAD)
async def test_what_is_no_filter_is_refused_and_named(hall: World, wrong: str, reason: str, name: str) -> None:
    with pytest.raises(BadFilterError) as refused:
        await put(hall, wrong)
    assert (refused.value.reason, refused.value.name) == (reason, name)
    assert hall.room.filter is None


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ('{"timescale": {"speed": 0.2}}', "timescale.speed"),
        ('{"timescale": {"rate": 4.1}}', "timescale.rate"),
        ('{"equalizer": [{"band": 15, "gain": 0}]}', "equalizer.band"),
        ('{"equalizer": [{"band": 0, "gain": 1.1}]}', "equalizer.gain"),
        ('{"equalizer": [{"band": 0, "gain": -0.26}]}', "equalizer.gain"),
        ('{"equalizer": [{"band": -1, "gain": 0}]}', "equalizer.band"),
        ('{"volume": 5.1}', "volume"),
        (f'{{"volume": 1{"0" * 400}}}', "volume"),
        ('{"karaoke": {"level": 1.1}}', "karaoke.level"),
        ('{"tremolo": {"depth": 0}}', "tremolo.depth"),
        ('{"vibrato": {"frequency": 14.5}}', "vibrato.frequency"),
        ('{"karaoke": {"filterBand": 0}}', "karaoke.filterBand"),
        ('{"channelMix": {"leftToLeft": -0.1}}', "channelMix.leftToLeft"),
    ],
)
def test_values_out_of_range_are_refused_and_named(wrong: str, name: str) -> None:
    with pytest.raises(OutOfRangeError) as refused:
        parse(wrong)
    assert refused.value.field == name


def test_a_filter_that_does_nothing_is_none() -> None:
    assert parse("{}") is None
    assert parse('{"timescale": null, "equalizer": []}') is None


@pytest.mark.parametrize("wanted", [{"volume": 0}, {"karaoke": {}}, {"tremolo": {}}, {"volume": 0.0, "lowPass": {}}])
def test_silence_and_defaults_are_filters_too(wanted: dict[str, Any]) -> None:
    assert parse(json.dumps(wanted)) == Filter("custom", wanted)
    assert wire(Filter("custom", wanted)) == wanted


@pytest.mark.parametrize("stored", ["underwater", '{"reverb": {"size": 1}}', '{"tremolo": {"depth": 9}}', "{"])
def test_a_poll_about_a_filter_that_another_version_knows_can_be_worded(stored: str) -> None:
    assert meant(stored) == Filter("custom")
    assert (meant("off"), meant("nightcore")) == (None, Filter("nightcore"))


def test_a_filter_that_is_asked_for_in_a_poll_can_be_read_again() -> None:
    bands = ",".join('{"band":0,"gain":1e-5}' for _ in range(85))
    made = parse(f'{{"equalizer":[{bands}]}}')
    assert made == Filter("custom", {"equalizer": [{"band": 0, "gain": 1e-5}]})
    longest = {name: dict.fromkeys(part, 1 / 3 - 1e-09) for name, part in SPANS.items()}
    longest["karaoke"] |= {"filterBand": 1e4 / 3, "filterWidth": 1e4 / 3}
    every = [{"band": band, "gain": -1e-5 / 3} for band in range(15)]
    made = custom({**longest, "equalizer": every, "volume": 1 / 3})
    assert parse(text(made)) == made


def _edges() -> list[dict[str, Any]]:
    spans = [(name, key, span) for name, part in SPANS.items() for key, span in part.items()]
    return [
        *({name: {key: edge}} for name, key, span in spans for edge in span),
        *({"volume": edge} for edge in (0, 5)),
        *({"equalizer": [{"band": band, "gain": gain}]} for band in (0, 14) for gain in (-0.25, 1)),
        *PRESETS.values(),
    ]


@pytest.mark.parametrize("wanted", _edges(), ids=json.dumps)
def test_what_people_may_choose_the_node_takes(wanted: dict[str, Any]) -> None:
    made = custom(wanted)
    assert made is not None
    assert Node.model_validate_json(json.dumps(wire(made))).wire()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda it: (
            st.lists(it)
            | st.dictionaries(st.sampled_from([*SPANS, "equalizer", "volume", "band", "gain", "speed", "x"]), it)
        ),
    )
)
def test_whatever_is_written_is_taken_or_refused(value: Any) -> None:
    try:
        made = custom(value)
    except (BadFilterError, OutOfRangeError):
        return
    assert parse(text(made)) == made


async def test_a_plan_bounds_filters_crossfade_and_loudness(hall: World) -> None:
    ann = hall.member("ann")
    hall.room.limits = Limits(filters=Filters.PRESETS, crossfade=5_000)
    with pytest.raises(NotInPlanError) as refused:
        await put(hall, '{"lowPass": {"smoothing": 5}}')
    assert refused.value.feature == "filter"
    await put(hall, "8d")
    with pytest.raises(NotInPlanError):
        await hall.jukebox.set_crossfade(ROOM, ann, 6_000)
    await hall.jukebox.set_crossfade(ROOM, ann, 5_000)
    hall.room.limits = Limits(filters=Filters.BASIC, loudness=False)
    with pytest.raises(NotInPlanError):
        await put(hall, "nightcore")
    await put(hall, "bassboost")
    await hall.jukebox.set_loudness(ROOM, ann, False)
    with pytest.raises(NotInPlanError):
        await hall.jukebox.set_loudness(ROOM, ann, True)


async def test_what_is_over_a_lowered_limit_waits_for_a_better_plan(hall: World) -> None:
    await put(hall, "nightcore")
    await hall.jukebox.set_crossfade(ROOM, hall.member("ann"), 8_000)
    best = hall.room.limits
    hall.room.limits = replace(best, filters=Filters.BASIC, crossfade=3_000, loudness=False)
    shown = await hall.jukebox.view(ROOM, None)
    assert (shown.filter, shown.crossfade, shown.loudness, shown.rate) == (None, 3_000, False, 1)
    assert heard_filters(hall.room) == {}
    hall.room.limits = best
    shown = await hall.jukebox.view(ROOM, None)
    assert (shown.filter, shown.crossfade, shown.loudness, shown.rate) == (Filter("nightcore"), 8_000, True, 1.2)


@pytest.mark.parametrize("wrong", [-1, 12_001])
async def test_a_crossfade_lasts_twelve_seconds_at_most(hall: World, wrong: int) -> None:
    with pytest.raises(OutOfRangeError):
        await hall.jukebox.set_crossfade(ROOM, hall.member("ann"), wrong)


async def test_settings_of_the_sound_are_written_down(hall: World) -> None:
    ann = hall.member("ann")
    assert await hall.jukebox.set_crossfade(ROOM, ann, 3_000) == Changed(changed=True, value=3_000)
    assert await hall.jukebox.set_crossfade(ROOM, ann, 3_000) == Changed(changed=False, value=3_000)
    assert await hall.jukebox.set_loudness(ROOM, ann, False) == Changed(changed=True, value=0)
    assert [(it.action, it.before, it.after) for it in hall.rooms.audits] == [
        ("crossfade.changed", {"crossfade": 0}, {"crossfade": 3_000}),
        ("loudness.changed", {"loudness": True}, {"loudness": False}),
    ]


async def test_somebody_elsewhere_changes_nothing(hall: World) -> None:
    hall.room.settings = Settings(dj_role=7, policy={"filter": ("dj",)})
    await hall.voice("ann", "ben")
    with pytest.raises(ForbiddenError):
        await hall.jukebox.set_filter(ROOM, hall.member("ben"), "8d")
    assert hall.room.filter is None


def test_bitrate_is_what_plan_and_channel_both_take() -> None:
    room = World(GUILD).room
    room.limits = Limits(bitrate=96_000)
    assert bitrate(room, 64_000) == 64_000
    assert bitrate(room, 384_000) == 96_000
    room.limits = Limits()
    assert bitrate(room, 384_000) == 384_000
    assert bitrate(room, None) == 128_000


# The clock


async def test_a_faster_track_runs_faster_from_the_change_on(hall: World) -> None:
    hall.clock.move(10_000)
    await put(hall, "nightcore")
    assert await position(hall) == 10_000
    hall.clock.move(10_000)
    assert await position(hall) == 22_000
    await put(hall, "off")
    hall.clock.move(10_000)
    assert await position(hall) == 32_000


async def test_pauses_seeks_and_corrections_keep_the_rate(hall: World) -> None:
    await put(hall, '{"timescale": {"speed": 2, "rate": 1.5, "pitch": 0.5}}')
    ann = hall.member("ann")
    hall.clock.move(1_000)
    await hall.jukebox.pause(ROOM, ann)
    hall.clock.move(5_000)
    assert await position(hall) == 3_000
    await hall.jukebox.resume(ROOM, ann)
    await hall.jukebox.seek(ROOM, ann, 100_000)
    hall.clock.move(1_000)
    assert await position(hall) == 103_000
    assert await hall.reports.position(ROOM, FIRST, 104_000)
    hall.clock.move(1_000)
    assert await position(hall) == 107_000


async def test_heard_time_is_that_of_the_ear(hall: World) -> None:
    await put(hall, '{"timescale": {"speed": 4}}')
    hall.clock.move(20_000)
    await hall.reports.position(ROOM, FIRST, 76_000)  # the node began a second later: that was not heard
    hall.clock.move(10_000)
    await put(hall, "off")
    hall.clock.move(10_000)
    await hall.reports.track_ended(ROOM, FIRST, EndReason.FINISHED)
    assert hall.rooms.played[-1].heard == 39_000
    assert hall.room.turns[FIRST].airtime == 39_000


async def test_what_follows_starts_at_the_rate_of_the_room(hall: World) -> None:
    await put(hall, "nightcore")
    await hall.reports.track_ended(ROOM, FIRST, EndReason.FINISHED)
    assert hall.room.clock == PositionClock(0, None, 1.2)
    await hall.reports.track_started(ROOM, EntryId(2), node="n")
    hall.clock.move(5_000)
    assert await position(hall) == 6_000


async def test_waiting_takes_less_when_tracks_run_faster(hall: World) -> None:
    await hall.jukebox.add(ROOM, hall.member("ann"), [track("C")])
    await put(hall, '{"timescale": {"speed": 2}}')
    waits = [entry.why.wait for entry in (await hall.jukebox.view(ROOM, None)).upcoming]
    assert waits == [300_000, 330_000]
    assert (await hall.jukebox.why(ROOM, EntryId(3))).wait == 330_000


async def test_a_lowered_plan_slows_the_clock_down_with_the_next_correction(hall: World) -> None:
    await put(hall, '{"timescale": {"speed": 2}}')
    hall.room.limits = Limits(filters=Filters.BASIC)
    hall.clock.move(10_000)
    assert await hall.reports.position(ROOM, FIRST, 10_000)
    hall.clock.move(10_000)
    assert await position(hall) == 20_000
