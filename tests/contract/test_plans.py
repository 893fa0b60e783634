"""Each cell of the table of plans, as it is met in a room: what is within it goes, what is beyond it does not."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from gettext import NullTranslations
from pathlib import Path
from typing import Any

import pytest

from audio.line import Line
from billing.plans import read_plans
from cogs.discord.drawing import panel as discord_panel
from cogs.telegram.drawing import panel as telegram_panel
from core.bus import LocalBus
from core.enums import EndReason
from core.errors import NotInPlanError, QueueFullError, TooLongError, TooManyEntriesError
from core.live import Live
from core.sound import bitrate as bitrate_of
from core.sound import heard_crossfade, heard_loudness
from core.types import RoomId
from tests.core.conftest import GUILD, ROOM, World
from tests.fake_pushes import FakePushes
from tests.fakes import track
from web.turnstile import StreamFullError, Turnstile

LIMITS = read_plans(Path(__file__).parents[2] / "plans.toml")
DAY = 86_400_000
OWN_FILTER = '{"lowPass": {"smoothing": 5}}'
Check = Callable[[World, Any], Awaitable[object]]


async def entries_in_a_queue(room: World, most: int) -> None:
    await fill(room, most)
    assert len(room.room.entries) == most
    with pytest.raises(QueueFullError) as full:
        await room.jukebox.add(ROOM, room.member("late"), [track("Late")])
    assert full.value.limit == most


async def entries_of_one_person(room: World, most: int) -> None:
    ann = room.member("ann")
    await room.jukebox.add(ROOM, room.member("ben"), [track("On air")])
    added = await room.jukebox.add(ROOM, ann, [track(f"{number}") for number in range(most + 1)])
    assert len(added.entries) == most
    with pytest.raises(TooManyEntriesError) as full:
        await room.jukebox.add(ROOM, ann, [track("More")])
    assert full.value.limit == most


async def longest_track(room: World, minutes: int) -> None:
    longest, ann = replace(track("Long"), length=minutes * 60_000), room.member("ann")
    await room.jukebox.add(ROOM, ann, [longest])
    with pytest.raises(TooLongError):
        await room.jukebox.add(ROOM, ann, [replace(longest, length=minutes * 60_000 + 1)])


async def bitrate(room: World, kilobits: int) -> None:
    assert bitrate_of(room.room, 384_000) == kilobits * 1000
    assert bitrate_of(room.room, 64_000) == 64_000, "never above the voice channel's own"


async def filters(room: World, most: str) -> None:
    wanted = {"bassboost": ("basic", "presets", "all"), "nightcore": ("presets", "all"), OWN_FILTER: ("all",)}
    await room.jukebox.volume(ROOM, room.member("ann"), 50)
    for words, plans in wanted.items():
        setting = room.jukebox.set_filter(ROOM, room.member("ann"), words)
        assert await refuses(setting) == (most not in plans), words


async def crossfade(room: World, seconds: int) -> None:
    ann = room.member("ann")
    await room.jukebox.set_crossfade(ROOM, ann, seconds * 1000)
    assert heard_crossfade(room.room) == seconds * 1000
    for more in range(seconds + 1, 13):
        assert await refuses(room.jukebox.set_crossfade(ROOM, ann, more * 1000))


async def loudness(room: World, there: bool) -> None:
    await room.jukebox.set_loudness(ROOM, room.member("ann"), False)
    assert await refuses(room.jukebox.set_loudness(ROOM, room.member("ann"), True)) != there
    assert heard_loudness(room.room) == there


async def message(room: World, form: str) -> None:
    await room.jukebox.add(ROOM, room.member("ann"), [track("Aria"), track("Blues")])
    view = await room.jukebox.view(ROOM, None)
    discord, telegram = discord_panel(view, NullTranslations()), telegram_panel(view, NullTranslations())
    assert (discord.embed is not None, bool(discord.buttons), bool(telegram.rows)) == (form == "panel",) * 3
    assert "Aria" in telegram.text
    assert "Aria" in str(discord.embed.title if discord.embed else discord.content)


async def pushes(room: World, most: int) -> None:
    live = Live(room.rooms, FakePushes(), LocalBus(), room.clock)
    admin = room.member("ann", admin=True)
    for number in range(most):
        await live.push(ROOM, admin, f"rtmps://live.example/app/{number}")
    assert await refuses(live.push(ROOM, admin, "rtmps://live.example/app/more"))


async def listeners(room: World, most: int) -> None:
    turnstile, limit = Turnstile(), room.room.limits.listeners
    async with AsyncExitStack() as inside:
        for _ in range(most):
            await inside.enter_async_context(turnstile.inside(ROOM, limit))
        with pytest.raises(StreamFullError):
            await inside.enter_async_context(turnstile.inside(ROOM, limit))


async def history(room: World, days: int | None) -> None:
    played = await room.jukebox.add(ROOM, room.member("ann"), [track("Aria")])
    await room.reports.track_ended(ROOM, played.entries[0], EndReason.FINISHED)
    room.clock.move((days or 36_500) * DAY)
    assert len(await room.jukebox.history(ROOM)) == 1
    room.clock.move(1)
    assert len(await room.jukebox.history(ROOM)) == (days is None)


async def nodes_when_busy(room: World, behind: int) -> None:
    line, held_up = Line(), 0
    for other in LIMITS.values():
        line.wait(RoomId("other"), other.rank)
        held_up += not line.lets(room.room.limits.rank)
    assert held_up == behind


TABLE: Mapping[Check, tuple[Any, Any, Any]] = {
    entries_in_a_queue: (100, 500, 5_000),
    entries_of_one_person: (10, 50, 500),
    longest_track: (360, 360, 360),
    bitrate: (96, 128, 256),
    filters: ("basic", "presets", "all"),
    crossfade: (0, 0, 12),
    loudness: (False, True, True),
    message: ("plain", "panel", "panel"),
    pushes: (0, 1, 3),
    listeners: (10, 100, 1_000),
    history: (7, 90, None),
    nodes_when_busy: (2, 1, 0),
}
"""What is sold: free, pro, elite."""
CELLS = [(check, plan, cells[at]) for check, cells in TABLE.items() for at, plan in enumerate(LIMITS)]


@pytest.mark.parametrize(("check", "plan", "cell"), CELLS, ids=lambda it: getattr(it, "__name__", str(it)))
async def test_each_cell_holds(check: Check, plan: str, cell: Any) -> None:
    room = World(GUILD)
    room.room.limits = LIMITS[plan]
    await room.voice("ann")
    await check(room, cell)


async def fill(room: World, most: int) -> None:
    """Until that many wait."""
    await room.jukebox.add(ROOM, room.member("first"), [track("On air")])
    each, number = room.room.limits.entries_per_person, 0
    while len(room.room.entries) < most:
        number += 1
        await room.jukebox.add(ROOM, room.member(f"{number}"), [track(f"{number} {it}") for it in range(each)])


async def refuses(act: Awaitable[object]) -> bool:
    """Whether the plan does not allow it."""
    try:
        await act
    except NotInPlanError:
        return True
    return False
