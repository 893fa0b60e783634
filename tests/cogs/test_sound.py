"""/filter, /crossfade and /loudness, through the real client."""

from typing import Any

import pytest

from core.enums import Filters
from core.filters import PRESETS
from core.types import Filter, Limits, Settings
from tests.cogs.conftest import Party
from tests.waiting import until


@pytest.fixture
async def playing(party: Party) -> Party:
    """Aria is on, three people listen."""
    await party.ann.slash("play", query="aria", in_=party.chat)
    await party.there("Ann", "Ben", "Cyd")
    return party


async def shown(party: Party, text: str) -> None:
    """Wait until the panel says this."""
    await until(lambda: bool(party.chat.messages) and text in party.chat.messages[-1].text, what=f"{text} in the panel")


@pytest.mark.parametrize("preset", PRESETS)
async def test_every_preset_can_be_chosen(playing: Party, preset: str) -> None:
    (command,) = (one for one in playing.discord.commands if one["name"] == "filter")
    (option,) = (one for one in command["options"] if one["name"] == "preset")
    assert {preset, "off"} < {one["value"] for one in option["choices"]}
    assert (await playing.ann.slash("filter", preset=preset)).text.startswith("The filter is **")
    assert playing.room.filter == Filter(preset)


async def test_a_filter_is_shown_and_put_off(playing: Party) -> None:
    assert (await playing.ben.slash("filter")).text == "No filter is on."
    assert (await playing.ben.slash("filter", preset="nightcore")).text == "The filter is **nightcore**."
    assert (await playing.cyd.slash("filter")).text == "The filter is **nightcore**."
    await shown(playing, "🎛️ nightcore")
    playing.ben.locale = "es-ES"
    assert (await playing.ben.slash("filter", preset="off")).text == "No hay ningún filtro puesto."
    assert playing.room.filter is None


async def test_a_filter_of_ones_own(playing: Party) -> None:
    told = (await playing.ann.slash("filter", speed=1.5, pitch=0.5)).text
    assert told == 'The filter is **a filter of its own**.\n`{"timescale":{"speed":1.5,"pitch":0.5}}`'
    assert (await playing.ann.slash("filter", custom='{"rotation": {"rotationHz": 0.5}}')).text.endswith("0.5}}`")
    assert playing.room.filter == Filter("custom", {"rotation": {"rotationHz": 0.5}})


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"speed": 9.0}, "Choose something from 0.25 to 4."),
    ({"custom": "loud"}, "No filter and no setting of one is called “loud”."),
    ({"custom": "{"}, "That is no filter: name a preset, or write Lavalink’s JSON."),
    ({"custom": '{"timescale": 1}'}, "“timescale” of a filter takes another kind of value."),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
async def test_what_is_no_filter_is_refused(playing: Party, options: dict[str, Any], said: str) -> None:
    assert (await playing.ann.slash("filter", **options)).text == said
    assert playing.room.filter is None


async def test_a_plan_without_it_says_so(playing: Party) -> None:
    playing.room.limits = Limits(filters=Filters.BASIC, crossfade=0, loudness=False)
    told = [
        (await playing.ann.slash("filter", preset="8d")).text,
        (await playing.ann.slash("crossfade", seconds=3)).text,
        (await playing.ann.slash("loudness", state="on")).text,
    ]
    assert told == [
        "That filter is not in this server’s plan.",
        "A crossfade of that length is not in this server’s plan.",
        "Equal loudness is not in this server’s plan.",
    ]
    assert (await playing.ann.slash("filter", preset="bassboost")).text == "The filter is **bass boost**."


async def test_crossfades(playing: Party) -> None:
    assert (await playing.ann.slash("crossfade")).text == "Tracks follow each other without a gap."
    assert (await playing.ann.slash("crossfade", seconds=2.5)).text == "Tracks fade into each other for 2.5 s."
    assert playing.room.crossfade == 2_500
    await shown(playing, "crossfade 2.5 s")
    assert (await playing.ann.slash("crossfade", seconds=0)).text == "Tracks follow each other without a gap."
    assert (await playing.ann.slash("crossfade", seconds=13)).text == "Choose something from 0 to 12."


async def test_loudness(playing: Party) -> None:
    assert (await playing.ann.slash("loudness")).text == "All tracks are made equally loud."
    assert (await playing.ann.slash("loudness", state="off")).text == "Tracks are as loud as they were recorded."
    assert not playing.room.loudness
    await shown(playing, "as recorded")
    assert (await playing.ann.slash("loudness", state="on")).text == "All tracks are made equally loud."
    assert playing.room.loudness


ASKED: list[tuple[str, dict[str, Any], str, str]] = [
    ("filter", {"preset": "8d"}, "filter the sound: 8D", "The filter is **8D**."),
    ("filter", {"custom": '{"volume": 2}'}, "filter the sound: a filter of its own", "The filter is **a filter of its"),
    ("crossfade", {"seconds": 4}, "let tracks fade into each other for 4 s", "Tracks fade into each other for 4 s."),
    ("loudness", {"state": "off"}, "leave tracks as loud as recorded", "Tracks are as loud as they were recorded."),
]


@pytest.mark.parametrize(("command", "option", "asked", "done"), ASKED)
async def test_those_who_may_not_alone_ask_the_others(
    playing: Party, command: str, option: dict[str, Any], asked: str, done: str
) -> None:
    role = playing.guild.role("DJ")
    dee = playing.guild.member("Dee", roles=[role])
    playing.room.settings = Settings(dj_role=role.id, policy={"filter": ("dj", "poll")})
    assert (await playing.ben.slash(command, **option)).text.startswith(f"1 of 2 voted to {asked}")
    await shown(playing, asked)
    panel = playing.chat.messages[-1]
    ids = [one["custom_id"] for row in panel.components for one in row["components"]]
    yes = next(one for one in ids if one.startswith(f"chorus:yes.{command}"))
    assert (await playing.cyd.press(panel, custom_id=yes)).text == f"The vote to {asked} passed."
    assert playing.room.polls == {}
    await dee.join(playing.music)
    await playing.there("Ann", "Ben", "Cyd", "Dee")
    assert (await dee.slash(command, **option)).text.startswith(done)


async def test_the_end_that_is_shown_is_that_of_the_faster_track(playing: Party) -> None:
    assert playing.room.current is not None
    await playing.reports.track_started(playing.room.id, playing.room.current.entry.id, node="n")
    start = playing.clock.now() // 1000
    await playing.ann.slash("filter", custom='{"timescale": {"speed": 2}}')
    await shown(playing, f"<t:{start + 90}:R>")


async def test_admins_see_how_the_room_sounds(playing: Party) -> None:
    playing.room.filter, playing.room.crossfade, playing.room.loudness = Filter("soft"), 1_500, False
    playing.playback.encodes = 96_000
    told = (await playing.guild.member("Root", admin=True).slash("settings")).text
    assert told.endswith("**Filter**: soft\n**Crossfade**: 1.5 s\n**Equal loudness**: off\n**Bitrate now**: 96 kbit/s")
