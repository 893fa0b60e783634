"""/settings: what the admins of a guild choose."""

from typing import Any

import discord
from discord import app_commands

from cogs import chosen
from cogs.discord import choices
from cogs.discord.surface import Interaction, read
from cogs.moments import zones
from core.enums import Duplicates, Guests, Leavers, TurnMeasure

MINUTE = 60_000


async def _zones(_: Interaction, typed: str) -> list[choices.Choice]:
    found = [zone for zone in zones() if typed.strip().casefold().replace(" ", "_") in zone.casefold()]
    return [choices.Choice(name=zone, value=zone) for zone in found[: choices.CHOICES]]


@app_commands.command(description="Show or change how Chorus behaves here")
@app_commands.describe(
    dj_role="Who may control playback; @everyone: nobody in particular",
    skip_threshold="Percent of the listeners who have to agree to skip",
    tracks_per_person="How many tracks one person may have waiting; 0: the plan's",
    longest_track="In minutes; 0: the plan's",
    longest_queue="How many tracks may wait; 0: the plan's",
    default_volume="In percent, when I join",
    idle_minutes="How long I stay in an empty channel",
    guests="What people of the web page may do",
    turns="What a turn costs: a track, or its minutes",
    duplicates="Tracks that wait or play already",
    leavers="Tracks of people who left",
    timezone="What a time such as 18:00 means here",
)
@app_commands.choices(
    guests=choices.of(Guests),
    turns=choices.of(TurnMeasure),
    duplicates=choices.of(Duplicates),
    leavers=choices.of(Leavers),
)
@app_commands.autocomplete(timezone=_zones)
@app_commands.default_permissions(manage_guild=True)
async def settings(
    interaction: Interaction,
    dj_role: discord.Role | None = None,
    skip_threshold: int | None = None,
    tracks_per_person: int | None = None,
    longest_track: int | None = None,
    longest_queue: int | None = None,
    default_volume: int | None = None,
    idle_minutes: int | None = None,
    guests: str | None = None,
    turns: str | None = None,
    duplicates: str | None = None,
    leavers: str | None = None,
    timezone: str | None = None,
) -> None:
    """Change what is named; show everything."""
    call = await read(interaction)
    words = {"guests": guests, "turns": turns, "duplicates": duplicates, "leavers": leavers, "timezone": timezone}
    changes: dict[str, Any] = {
        "dj_role": None if dj_role is None else (dj_role.id,),
        "skip_threshold": None if skip_threshold is None else (skip_threshold / 100,),
        "max_entries_per_person": _cap(tracks_per_person),
        "max_length": _cap(longest_track, MINUTE),
        "max_queue": _cap(longest_queue),
        "default_volume": None if default_volume is None else (default_volume,),
        "idle": None if idle_minutes is None else (idle_minutes * MINUTE,),
        **{name: None if value is None else (value,) for name, value in words.items()},
    }
    news: dict[str, Any] = {name: value[0] for name, value in changes.items() if value is not None}
    if dj_role is not None and dj_role.is_default():
        news["dj_role"] = None
    result = await call.jukebox.configure(call.room, call.actor, news, command_id=call.id)
    view = await call.jukebox.view(call.room, call.actor.person, size=0)
    bitrate = call.surface.panels.bitrate(call.room)
    await call.say(f"{chosen.settings(result, call.words)}\n{chosen.sound(view, bitrate, call.words)}")


def _cap(value: int | None, scale: int = 1) -> tuple[int | None] | None:
    """None: leave it; 0: the plan's."""
    return None if value is None else (value * scale or None,)


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [settings]
