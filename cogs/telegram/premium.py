"""/premium: the chat's plan, and buying one for Stars. Telegram lets nothing else pay for it, nor be shown here."""

from zlib import crc32

from telegram import LabeledPrice

from cogs import premium as words
from cogs.telegram.keyboards import Button
from cogs.telegram.stars_only import without_links
from cogs.telegram.surface import Call, Surface
from cogs.text import safe
from core.ports.stars import Stars
from core.purchases import NotForSaleError
from core.records.stars import CURRENCY, PERIOD, StarInvoice

SECOND = 1_000
TITLE, DESCRIPTION = 32, 255
"""Telegram's longest title and description of an invoice."""


async def premium(call: Call) -> None:
    """How the chat stands, and what it could buy."""
    _, stars = call.words.gettext, stars_of(call.surface)
    stand = await stars.standing(call.actor)
    offers = await stars.offers(call.actor)
    lines = [words.standing(stand, when, call.words)]
    if offers:
        lines.append(_("For 30 days at a time, until you cancel it in Telegram’s settings, under My Stars:"))
    lines += [f"• **{words.titled(it.plan)}**: {it.stars} ⭐" for it in offers]
    rows = [(Button(f"{words.titled(it.plan)} · {it.stars} ⭐", "buy", mark(it.plan)),) for it in offers]
    await call.say("\n".join(lines), rows)


async def buy(call: Call, number: int) -> None:
    """An invoice for whoever pressed, if they run the chat now."""
    stars, people = stars_of(call.surface), call.surface.people
    people.forget_admins(call.spot.chat.id)
    actor = await people.actor(call.who, call.spot.chat, call.ref)
    plan = next((it.plan for it in stars.sold if mark(it.plan) == number), "")
    own = call.spot.query.from_user.language_code if call.spot.query is not None else None
    invoice = await stars.invoice(actor, plan, own)
    link = await _link(call, invoice)
    text = call.words.gettext(
        "**%(plan)s** for this chat: %(stars)d ⭐ every 30 days. Only %(name)s can pay this, within half an hour."
    )
    fields = {"plan": words.titled(plan), "stars": invoice.stars, "name": safe(call.who.name, TITLE)}
    pay = Button(call.words.gettext("Pay %(stars)d ⭐") % {"stars": invoice.stars}, url=link)
    await call.say(text % fields, ((pay,),))


async def _link(call: Call, invoice: StarInvoice) -> str:
    """Where it is paid."""
    titled = words.titled(invoice.plan)
    about = call.words.gettext("%(plan)s for %(chat)s, 30 days at a time") % {"plan": titled, "chat": call.ref.name}
    return await call.surface.bot.create_invoice_link(
        titled[:TITLE],
        without_links(about)[:DESCRIPTION],
        invoice.payload,
        CURRENCY,
        [LabeledPrice(titled[:TITLE], invoice.stars)],
        provider_token="",
        subscription_period=PERIOD // SECOND,
    )


def mark(plan: str) -> int:
    """A plan as the number of a button."""
    return crc32(plan.encode())


def when(at: int) -> str:
    """A time as words write it."""
    return f"<t:{at // SECOND}:D>"


def stars_of(surface: Surface) -> Stars:
    """What sells here. Raises NotForSaleError."""
    if surface.stars is None:
        raise NotForSaleError
    return surface.stars
