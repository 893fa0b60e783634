"""/tip a DJ, and /tips: what one got. Not there where the operator has not switched tips on."""

from typing import Any

import discord
from discord import ButtonStyle, app_commands, ui

from cogs import tips as words
from cogs.discord.surface import Call, Interaction, read
from core.money import money
from core.ports.tips import Tips
from core.purchases import NotForSaleError
from core.tips import CannotBeTippedError, units

LARGEST = 1_000_000
ONBOARD = "tips.onboard"


@app_commands.command(name="tip", description="Give a DJ a tip; it changes nothing in the queue")
@app_commands.describe(dj="Who gets it", amount="How much, in whole units of the currency here")
async def tip(interaction: Interaction, dj: discord.Member, amount: app_commands.Range[int, 1, LARGEST]) -> None:
    """The way to the checkout, for the giver alone."""
    call = await read(interaction)
    await interaction.response.defer(ephemeral=True)
    if dj.bot:
        raise CannotBeTippedError
    tips, person = _tips(call), await call.surface.people.person(dj)
    wanted = units(amount, tips.currency)
    url = await tips.give(call.room, call.actor, person, wanted, interaction.locale.value)
    text = words.invited(dj.display_name, money(wanted, tips.currency), call.words)
    await call.say(text, view=_row(ui.Button(label=call.words.gettext("To the checkout"), url=url)))


@app_commands.command(name="tips", description="What you were given as a DJ, and how you can be")
async def tips_command(interaction: Interaction) -> None:
    """One's own statement."""
    call = await read(interaction)
    statement = await _tips(call).statement(call.actor)
    label = (
        call.words.gettext("Your account at Stripe") if statement.ready else call.words.gettext("Set it up at Stripe")
    )
    button = ui.Button[Any](style=ButtonStyle.secondary, label=label, custom_id=f"chorus:{ONBOARD}:{call.room}:0")
    more = {"view": _row(button)} if call.actor.dj or call.actor.admin else {}
    await call.say(words.statement(statement, call.words), **more)


async def _onboard(call: Call, _: int) -> None:
    """The link is made at the press: it works once, and for minutes."""
    await call.interaction.response.defer(ephemeral=True, thinking=True)
    url = await _tips(call).onboard(call.room, call.actor, call.interaction.locale.value)
    text = call.words.gettext("For you alone. The link works once; press the button again for another one.")
    await call.say(text, view=_row(ui.Button(label=call.words.gettext("To Stripe"), url=url)))


ACTS = {ONBOARD: _onboard}
"""By the name in a button's id."""


def _tips(call: Call) -> Tips:
    """Raises NotForSaleError where tips are off: the message is older than that."""
    if call.surface.tips is None:
        raise NotForSaleError
    return call.surface.tips


def _row(item: ui.Item[Any]) -> ui.View:
    view = ui.View(timeout=None)
    view.add_item(item)
    view.stop()
    return view


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [tip, tips_command]
