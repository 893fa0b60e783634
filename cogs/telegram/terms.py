"""The commands that Telegram asks of every bot that sells something: /terms and /paysupport."""

from telegram.constants import ChatType

from cogs import premium as words
from cogs.telegram.premium import when
from cogs.telegram.surface import Call
from cogs.text import safe

LONGEST = 3_000
SHOWN = 5


async def terms(call: Call) -> None:
    """The operator's terms: their own words, or where those stand; and how what is sold is paid."""
    _, surface = call.words.gettext, call.surface
    none = _("Whoever runs me has written no terms. I keep what was asked for, voted and played, and who did it.")
    sold = _(
        "A plan is paid with Telegram Stars for 30 days and goes on by itself until whoever paid cancels it in "
        "Telegram’s settings, under My Stars. What was paid counts until its end. /paysupport helps with payments."
    )
    told = safe(surface.terms, LONGEST) if surface.terms else none
    await call.say(f"{told}\n\n{sold}" if surface.sells else told)


async def paysupport(call: Call) -> None:
    """Whom to ask about a payment, and by which name; that nothing is sold where nothing is."""
    _, surface = call.words.gettext, call.surface
    free = _("Nothing is sold here: everything is free, so there is nothing to pay for or to refund.")
    nobody = _("Whoever runs me has named nobody to ask. Ask those who brought me here who that is.")
    told = safe(surface.pay_support, LONGEST) if surface.pay_support else nobody if surface.sells else free
    await call.say("\n\n".join([told, *await _payments(call)]))


async def _payments(call: Call) -> list[str]:
    """What the one who asks has paid, where nobody reads along."""
    stars, _ = call.surface.stars, call.words.gettext
    paid = await stars.payments(call.actor.person) if stars is not None else ()
    if not paid:
        return []
    if call.spot.chat.type != ChatType.PRIVATE:
        return [_("In private I tell you what your payments are called.")]
    lines = [
        f"• **{words.titled(it.plan)}**, {it.stars} ⭐, {when(it.created_at)}: `{it.charge}`" for it in paid[:SHOWN]
    ]
    return ["\n".join([_("Name the payment that it is about. Your latest:"), *lines])]
