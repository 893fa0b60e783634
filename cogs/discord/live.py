"""What admins do about pushes: /live list, start, on, off, forget. Answers never show a key."""

from typing import Any

import discord
from discord import app_commands

from cogs import pushing
from cogs.discord import choices
from cogs.discord.surface import Call, Interaction, read
from core.errors import ChorusError

live = app_commands.Group(
    name="live",
    description="Send the room's sound to RTMP servers elsewhere; for admins",
    default_permissions=discord.Permissions(manage_guild=True),
)


@live.command(name="list", description="Where the room is sent, and how that is going")
async def live_list(interaction: Interaction) -> None:
    """All of them."""
    call = await read(interaction)
    pushes = await call.surface.ports.live.pushes(call.room, call.actor)
    states = call.surface.ports.push_states.pushes(call.room) if call.surface.ports.push_states else {}
    await call.say(pushing.listed(pushes, states, call.words))


@live.command(name="start", description="Send the room to a server from now on")
@app_commands.describe(
    address="rtmps://server/app/key; nobody sees it again", picture="Show the cover as a still picture"
)
async def live_start(interaction: Interaction, address: str, picture: bool = False) -> None:  # noqa: FBT001, FBT002
    """One more."""
    call = await read(interaction)
    push = await call.surface.ports.live.push(call.room, call.actor, address, picture=picture)
    await call.say(pushing.started(push, call.words))


async def _ours(interaction: Interaction, typed: str) -> list[choices.Choice]:
    """The room's pushes, for those who may know of them."""
    try:
        call = await read(interaction)
        pushes = await call.surface.ports.live.pushes(call.room, call.actor)
    except ChorusError:
        return []
    found = [choices.Choice(name=pushing.named(it, call.words)[:100], value=it.id) for it in pushes]
    return [it for it in found if typed.strip().lower() in it.name.lower()][: choices.CHOICES]


@live.command(name="on", description="Send the room to a server again")
@app_commands.describe(push="One of /live list")
@app_commands.autocomplete(push=_ours)
async def live_on(interaction: Interaction, push: str) -> None:
    """Its address is still known."""
    await _switch(await read(interaction), push, on=True)


@live.command(name="off", description="Send the room there no more, but keep the address")
@app_commands.describe(push="One of /live list")
@app_commands.autocomplete(push=_ours)
async def live_off(interaction: Interaction, push: str) -> None:
    """Until it is switched on again."""
    await _switch(await read(interaction), push, on=False)


async def _switch(call: Call, push: str, *, on: bool) -> None:
    done = await call.surface.ports.live.switch(call.room, call.actor, push, on=on)
    await call.say(pushing.switched(done, on=on, words=call.words))


@live.command(name="forget", description="Send the room there no more, and forget the address")
@app_commands.describe(push="One of /live list")
@app_commands.autocomplete(push=_ours)
async def live_forget(interaction: Interaction, push: str) -> None:
    """For good."""
    call = await read(interaction)
    await call.surface.ports.live.forget(call.room, call.actor, push)
    await call.say(pushing.forgotten(call.words))


def commands() -> list[app_commands.Command[Any, ..., Any] | app_commands.Group]:
    """This module's commands."""
    return [live]
