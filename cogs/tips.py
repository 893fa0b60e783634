"""Tips in words."""

from gettext import NullTranslations

from cogs.text import safe
from core.money import money
from core.records.tips import Statement, Tip, TipState

Words = NullTranslations


def statement(it: Statement, words: Words) -> str:
    """What a DJ got, and whether they can be tipped."""
    _ = words.gettext
    if it.ready:
        head = _("You can be tipped.")
    elif it.started:
        head = _("Stripe still wants to know something before you can be tipped.")
    else:
        head = _("To be tipped, tell Stripe where to pay. It asks who you are; we learn only that you can be paid.")
    sums = [
        _("Yours so far, after fees and refunds: %(sum)s") % {"sum": money(sum_, currency)}
        for currency, sum_ in it.sums
    ]
    return "\n".join([head, *sums, *(line(tip, words) for tip in it.latest)])


def line(tip: Tip, words: Words) -> str:
    """One tip: when, of whom, how much, and what became of it."""
    text = words.gettext("• <t:%(at)d:d> %(amount)s from %(giver)s")
    giver = safe(tip.giver_name, 40) or words.gettext("somebody")
    shown = text % {
        "at": (tip.paid_at or tip.created_at) // 1000,
        "amount": money(tip.amount, tip.currency),
        "giver": giver,
    }
    return " · ".join([shown, *_became(tip, words)])


def _became(tip: Tip, words: Words) -> list[str]:
    _ = words.gettext
    states = {
        TipState.HELD: _("held: the operator looks at it"),
        TipState.REFUNDING: _("is being paid back"),
        TipState.REFUNDED: _("paid back"),
        TipState.DISPUTED: _("disputed"),
    }
    if tip.state in states:
        return [states[tip.state]]
    return [_("%(amount)s of it paid back") % {"amount": money(tip.refunded, tip.currency)}] if tip.refunded else []


def invited(dj: str, amount: str, words: Words) -> str:
    """Before somebody pays."""
    text = words.gettext("%(amount)s for **%(dj)s**: pay within half an hour. It changes nothing in the queue.")
    return text % {"amount": amount, "dj": safe(dj)}
