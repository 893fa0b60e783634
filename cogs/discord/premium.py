"""/premium: the guild's plan, and what its admins and its payer may do about it. Not there when nothing is sold."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from zlib import crc32

from discord import ButtonStyle, SelectOption, app_commands, ui

from cogs import premium as words
from cogs.discord.rows import OPTION
from cogs.discord.skus import premium_row
from cogs.discord.surface import Call, Interaction, read
from cogs.text import plain
from core.ports.shop import Shop
from core.purchases import NotForSaleError
from core.records.shop import Offer, Standing
from core.types import RoomId

Act = Callable[[Call, int], Awaitable[None]]

MARK = 100_000
CHOICES = 25


@app_commands.command(name="premium", description="The plan here: what it allows, what it costs, changing it")
async def premium_command(interaction: Interaction) -> None:
    """How the guild stands, for the one who asks alone."""
    call = await read(interaction)
    await interaction.response.defer(ephemeral=True)
    stand = await _shop(call).standing(call.actor)
    await call.say(words.standing(stand, _when, call.words), view=_view(call, stand))


def _view(call: Call, stand: Standing) -> ui.View:
    return _row([*_menus(call, stand), *_buttons(call, stand), *_skus(call, stand)])


def _skus(call: Call, stand: Standing) -> Sequence[ui.Item[Any]]:
    """Discord's own buttons for what is above the plan that the guild has."""
    row = premium_row([sku for _, sku in stand.skus])
    return row.children if row is not None and call.actor.admin else ()


def _menus(call: Call, stand: Standing) -> Sequence[ui.Item[Any]]:
    """What may be chosen: a plan, for admins; another one, for the payer; a plan of theirs from elsewhere."""
    _, sub, found = call.words.gettext, stand.subscription, list[ui.Item[Any]]()
    offers = stand.choosable[:CHOICES]
    options = [SelectOption(label=plain(words.offered(it, call.words), OPTION), value=it.price) for it in offers]
    if options and sub is None and call.actor.admin:
        found.append(_menu(call.room, "buy", _("Choose a plan…"), options))
    if options and sub is not None and sub.mine and sub.changeable:
        found.append(_menu(call.room, "change", _("Change the plan…"), options))
    if stand.elsewhere and sub is None and call.actor.admin:
        others = [
            SelectOption(label=plain(words.titled(plan), OPTION), description=plain(place, OPTION), value=subscription)
            for subscription, place, plan in stand.elsewhere[:CHOICES]
        ]
        found.append(_menu(call.room, "bring", _("Bring a plan that you pay elsewhere…"), others))
    return found


def _buttons(call: Call, stand: Standing) -> Sequence[ui.Item[Any]]:
    """What the payer may do; and the way to the page."""
    _, sub, found = call.words.gettext, stand.subscription, list[ui.Item[Any]]()
    if sub is not None and sub.mine:
        found.append(_button(call.room, "portal", _("Invoices and card")))
        if sub.paused:
            found.append(_button(call.room, "resume", _("Go on")))
        elif sub.ends_at or sub.next_plan:
            found.append(_button(call.room, "undo", _("Take that back")))
        elif not sub.trouble:
            found.append(_button(call.room, "pause", _("Pause")))
        if not sub.ends_at:
            found.append(_button(call.room, "cancel", _("Cancel"), style=ButtonStyle.danger))
    if (page := call.surface.panels.page(call.room)) is not None and (call.actor.admin or (sub and sub.mine)):
        key = _shop(call).key(call.actor)
        found.append(ui.Button(label=_("On the page"), url=f"{page}/premium?key={key}"))
    return found


async def _buy(call: Call, _: int) -> None:
    await _think(call)
    url = await _shop(call).buy(call.actor, _chosen(call), call.interaction.locale.value)
    text = call.words.gettext("Pay within half an hour; the plan begins by itself then.")
    await call.say(text, view=_row([ui.Button(label=call.words.gettext("To the checkout"), url=url)]))


async def _portal(call: Call, _: int) -> None:
    await _think(call)
    url = await _shop(call).portal(call.actor, call.room)
    text = call.words.gettext("For you alone: whoever has this link may change your card.")
    await call.say(text, view=_row([ui.Button(label=call.words.gettext("Invoices and card"), url=url)]))


async def _change(call: Call, _: int) -> None:
    """First what it would cost."""
    await _think(call)
    quote = await _shop(call).quote(call.actor, _chosen(call))
    number = quote.at * MARK + _mark(quote.offer)
    yes = _button(call.room, "confirm", call.words.gettext("Change it"), number=number, style=ButtonStyle.primary)
    await call.say(words.quoted(quote, _when, call.words), view=_row([yes]))


async def _confirm(call: Call, number: int) -> None:
    await _think(call)
    at, mark = divmod(number, MARK)
    offer = next((it for it in await _shop(call).offers() if _mark(it) == mark), None)
    if offer is None:
        raise NotForSaleError
    outcome = await _shop(call).change(call.actor, offer.price, at)
    text = words.changed(outcome, call.surface.ports.clock.now(), _when, call.words)
    more = [ui.Button[Any](label=call.words.gettext("Confirm the payment"), url=outcome.pay_at)]
    await call.say(text, view=_row(more if outcome.pay_at else []))


async def _cancel(call: Call, _: int) -> None:
    await _think(call)
    await call.say(words.canceled(await _shop(call).cancel(call.actor), _when, call.words))


async def _pause(call: Call, _: int) -> None:
    await _think(call)
    await call.say(words.paused(await _shop(call).pause(call.actor), call.words))


async def _resume(call: Call, _: int) -> None:
    await _think(call)
    outcome = await _shop(call).resume(call.actor)
    more = [ui.Button[Any](label=call.words.gettext("Confirm the payment"), url=outcome.pay_at)]
    await call.say(words.resumed(outcome, call.words), view=_row(more if outcome.pay_at else []))


async def _undo(call: Call, _: int) -> None:
    await _think(call)
    await call.say(words.undone(await _shop(call).undo(call.actor), call.words))


async def _bring(call: Call, _: int) -> None:
    await _think(call)
    await call.say(words.brought(await _shop(call).transfer(call.actor, _chosen(call)), call.words))


ACTS: dict[str, Act] = {
    "premium.buy": _buy,
    "premium.portal": _portal,
    "premium.change": _change,
    "premium.confirm": _confirm,
    "premium.cancel": _cancel,
    "premium.pause": _pause,
    "premium.resume": _resume,
    "premium.undo": _undo,
    "premium.bring": _bring,
}
"""By the name in a button's id."""


async def _think(call: Call) -> None:
    """Stripe may take longer than the three seconds that Discord waits."""
    await call.interaction.response.defer(ephemeral=True, thinking=True)


def _shop(call: Call) -> Shop:
    """The shop. Raises NotForSaleError where there is none: the message is older than the end of it."""
    if call.surface.shop is None:
        raise NotForSaleError
    return call.surface.shop


def _chosen(call: Call) -> str:
    """What was chosen in the menu. Raises NotForSaleError."""
    values: list[str] = (call.interaction.data or {}).get("values") or []
    if not values:
        raise NotForSaleError
    return values[0]


def _mark(offer: Offer) -> int:
    """A price as a number that fits into a button's id."""
    return crc32(offer.price.encode()) % MARK


def _when(at: int) -> str:
    """Each reader sees it in their own time zone and language."""
    return f"<t:{at // 1000}:D>"


def _menu(room: RoomId, act: str, hint: str, options: list[SelectOption]) -> ui.Select[Any]:
    return ui.Select(placeholder=hint, options=options, custom_id=f"chorus:premium.{act}:{room}:0")


def _button(
    room: RoomId, act: str, label: str, *, number: int = 0, style: ButtonStyle = ButtonStyle.secondary
) -> ui.Button[Any]:
    return ui.Button(style=style, label=label, custom_id=f"chorus:premium.{act}:{room}:{number}")


def _row(items: Sequence[ui.Item[Any]]) -> ui.View:
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def commands() -> list[app_commands.Command[Any, ..., Any]]:
    """All of them."""
    return [premium_command]
