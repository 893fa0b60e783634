"""The commands that Telegram asks of every bot that may sell something: /terms and /paysupport."""

from cogs.telegram.surface import Call
from cogs.text import safe

LONGEST = 3_000


async def terms(call: Call) -> None:
    """The operator's terms: their own words, or where those stand."""
    _ = call.words.gettext
    text = _("Whoever runs me has written no terms. I keep what was asked for, voted and played, and who did it.")
    await call.say(safe(call.surface.terms, LONGEST) if call.surface.terms else text)


async def paysupport(call: Call) -> None:
    """Whom to ask about a payment; that nothing is sold where the operator names nobody."""
    _ = call.words.gettext
    text = _("Nothing is sold here: everything is free, so there is nothing to pay for or to refund.")
    await call.say(safe(call.surface.pay_support, LONGEST) if call.surface.pay_support else text)
