"""The commands about the sound: /filter /crossfade /loudness. Without an option they tell what is on."""

import json
from typing import Any

from discord import app_commands

from cogs import sounding
from cogs.discord import choices
from cogs.discord.answers import tell
from cogs.discord.surface import Interaction, read
from core import filters
from core.acts import OFF, ON

SECOND = 1_000
_PRESETS = [choices.Choice(name=name, value=name) for name in (*filters.PRESETS, filters.OFF)]
_STATES = [choices.Choice(name=name, value=name) for name in (ON, OFF)]


@app_commands.command(name="filter", description="Change the sound: a preset, or one of your own; or see what is on")
@app_commands.describe(
    preset="One that is ready, or off",
    speed="Of your own: 0.25 to 4, faster or slower at the same pitch",
    pitch="Of your own: 0.25 to 4, higher or lower at the same speed",
    custom="Of your own: filters in Lavalink's JSON",
)
@app_commands.choices(preset=_PRESETS)
async def filter_(
    interaction: Interaction,
    preset: str | None = None,
    speed: float | None = None,
    pitch: float | None = None,
    custom: str | None = None,
) -> None:
    """At once, or by vote."""
    call = await read(interaction)
    wanted = preset or custom or _tempo(speed, pitch)
    if wanted is None:
        await call.say(sounding.filtered(call.view.filter, call.words))
        return
    result = await call.jukebox.set_filter(call.room, call.actor, wanted, command_id=call.id)
    await tell(call, result, lambda _, texts: sounding.filtered(filters.parse(wanted), texts))


def _tempo(speed: float | None, pitch: float | None) -> str | None:
    chosen = {name: value for name, value in (("speed", speed), ("pitch", pitch)) if value is not None}
    return json.dumps({"timescale": chosen}) if chosen else None


@app_commands.command(description="Let tracks fade into each other; or see how they do")
@app_commands.describe(seconds="0 to 12; 0: no gap and no fade")
async def crossfade(interaction: Interaction, seconds: float | None = None) -> None:
    """At once, or by vote."""
    call = await read(interaction)
    if seconds is None:
        await call.say(sounding.crossfaded(call.view.crossfade, call.words))
        return
    ms = round(seconds * SECOND)
    result = await call.jukebox.set_crossfade(call.room, call.actor, ms, command_id=call.id)
    await tell(call, result, lambda _, texts: sounding.crossfaded(ms, texts))


@app_commands.command(description="Make all tracks equally loud, or leave them as recorded; or see which it is")
@app_commands.choices(state=_STATES)
@app_commands.describe(state="on: equally loud; off: as recorded")
async def loudness(interaction: Interaction, state: str | None = None) -> None:
    """At once, or by vote."""
    call = await read(interaction)
    if state is None:
        await call.say(sounding.levelled(call.view.loudness, call.words))
        return
    result = await call.jukebox.set_loudness(call.room, call.actor, state == ON, command_id=call.id)
    await tell(call, result, lambda _, texts: sounding.levelled(state == ON, texts))


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [filter_, crossfade, loudness]
