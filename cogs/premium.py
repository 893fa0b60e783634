"""Plans in words: how a place stands, what there is, what became of a change. `when` says a time (UTC ms)."""

from collections.abc import Callable
from gettext import NullTranslations

from core.enums import GrantSource, Meter
from core.money import money
from core.records.shop import Move, Offer, Outcome, Quote, Reason, Standing, Subscription, Trouble, Used
from core.usage import UNITS

Words = NullTranslations
When = Callable[[int], str]


def titled(plan: str) -> str:
    """A plan as it is called."""
    return plan.replace("_", " ").capitalize() or "?"


def standing(stand: Standing, when: When, words: Words) -> str:
    """The place's plan, why, and what it allows; then the subscription and what was used."""
    head = words.gettext("The plan here: **%(plan)s**") % {"plan": titled(stand.plan)}
    lines = [head, allowed(stand, words), *(reason(it, when, words) for it in stand.reasons)]
    if stand.subscription is not None:
        lines += subscription(stand.subscription, when, words)
    if stand.trial_days and stand.subscription is None and stand.offers:
        text = words.ngettext("The first day is free.", "The first %(count)d days are free.", stand.trial_days)
        lines.append(text % {"count": stand.trial_days})
    return "\n".join([*lines, *(used(it, words) for it in stand.used)])


def allowed(stand: Standing, words: Words) -> str:
    """What the plan allows, on one line."""
    limits = stand.limits
    text = words.gettext("%(queue)d tracks wait at most, %(each)d of one person; %(bitrate)d kbit/s")
    return text % {"queue": limits.queue, "each": limits.entries_per_person, "bitrate": limits.bitrate // 1000}


def reason(it: Reason, when: When, words: Words) -> str:
    """One reason why the place has a plan."""
    _ = words.gettext
    sources = {
        GrantSource.OPERATOR: _("a gift"),
        GrantSource.TRIAL: _("a trial"),
        GrantSource.STRIPE: _("a subscription"),
        GrantSource.DISCORD: _("a subscription on Discord"),
        GrantSource.STARS: _("Telegram Stars"),
    }
    fields = {"plan": titled(it.plan), "source": sources[it.source]}
    if it.until is None:
        return _("• %(plan)s: %(source)s, without end") % fields
    text = _("• %(plan)s: %(source)s, until %(when)s at the latest")
    return text % (fields | {"when": when(it.until)})


def subscription(it: Subscription, when: When, words: Words) -> list[str]:
    """How a subscription goes on."""
    _, plan = words.gettext, titled(it.plan)
    if it.paused:
        lines = [_("The subscription of %(plan)s is paused: nothing is paid.") % {"plan": plan}]
    elif it.ends_at is not None:
        lines = [_("%(plan)s was canceled and ends %(when)s.") % {"plan": plan, "when": when(it.ends_at)}]
    elif it.trial_until is not None:
        text = _("%(plan)s is on trial; the first payment is due %(when)s.")
        lines = [text % {"plan": plan, "when": when(it.trial_until)}]
    elif it.next_plan is not None and it.next_price != it.price:
        text = _("%(plan)s until %(when)s, then %(next)s.")
        lines = [text % {"plan": plan, "when": when(it.until), "next": titled(it.next_plan)}]
    elif it.trouble is not None:
        lines = []  # the period that has begun is not paid
    else:
        lines = [_("%(plan)s is paid until %(when)s and goes on by itself.") % {"plan": plan, "when": when(it.until)}]
    return [*lines, *_pending(it, words), *_trouble(it, when, words)]


def _pending(it: Subscription, words: Words) -> list[str]:
    if it.pending_plan is None:
        return []
    text = words.gettext(
        "The change to %(plan)s waits for its payment: the payer confirms it under “Invoices and card”."
    )
    return [text % {"plan": titled(it.pending_plan)}]


def _trouble(it: Subscription, when: When, words: Words) -> list[str]:
    _ = words.gettext
    match it.trouble:
        case Trouble.PAST_DUE if it.grace_until is not None:
            text = _("⚠️ A payment failed. The plan goes on until %(when)s; the payer can mend it until then.")
            return [text % {"when": when(it.grace_until)}]
        case Trouble.PAST_DUE:
            return [_("⚠️ A payment failed. The payer should look at their card.")]
        case Trouble.UNPAID:
            return [_("⚠️ Payments failed, so the plan has ended. Paying the invoice brings it back.")]
        case Trouble.INCOMPLETE:
            return [_("⚠️ The first payment is not finished.")]
        case None:
            return []


def used(it: Used, words: Words) -> str:
    """What was used of something that is counted."""
    _ = words.gettext
    names = {
        Meter.PLAYS: _("Tracks played"),
        Meter.LISTENING: _("Minutes heard on the web"),
        Meter.PUSHING: _("Minutes sent elsewhere"),
        Meter.UPLOADS: _("Megabytes uploaded"),
    }
    meter = Meter(it.meter)
    unit = UNITS[meter]
    fields = {"name": names[meter], "used": it.used // unit, "limit": (it.limit or 0) // unit}
    if it.limit is None:
        return _("%(name)s: %(used)d") % fields
    return _("%(name)s: %(used)d of %(limit)d") % fields


def price(offer: Offer, words: Words) -> str:
    """`4.99 EUR a month`."""
    amount = money(offer.amount, offer.currency)
    if offer.count == 1:
        _ = words.gettext
        every = {"day": _("a day"), "week": _("a week"), "month": _("a month"), "year": _("a year")}
        return f"{amount} {every.get(offer.interval, offer.interval)}"
    nouns = {
        "day": words.ngettext("every %(count)d day", "every %(count)d days", offer.count),
        "week": words.ngettext("every %(count)d week", "every %(count)d weeks", offer.count),
        "month": words.ngettext("every %(count)d month", "every %(count)d months", offer.count),
        "year": words.ngettext("every %(count)d year", "every %(count)d years", offer.count),
    }
    return f"{amount} {nouns.get(offer.interval, offer.interval) % {'count': offer.count}}"


def offered(offer: Offer, words: Words) -> str:
    """A choice: the plan and what it costs."""
    return f"{titled(offer.plan)} · {price(offer, words)}"


def quoted(quote: Quote, when: When, words: Words) -> str:
    """What a change would cost."""
    _, offer = words.gettext, quote.offer
    fields = {"plan": titled(offer.plan), "price": price(offer, words), "when": when(quote.begins)}
    if quote.move is Move.DOWN:
        return _("**%(plan)s** from %(when)s on, for %(price)s. Nothing is paid now.") % fields
    text = _("**%(plan)s** at once: %(due)s now for the rest of the time that is paid, then %(price)s.")
    return text % (fields | {"due": money(quote.due, offer.currency)})


def changed(outcome: Outcome, now: int, when: When, words: Words) -> str:
    """What became of a change of plan."""
    _, fields = words.gettext, {"plan": titled(outcome.plan), "when": when(outcome.begins)}
    if not outcome.done:
        return _("The change to **%(plan)s** waits for its payment. Until then everything stays as it is.") % fields
    if outcome.begins > now + 60_000:
        return _("Done: **%(plan)s** from %(when)s on. Until then everything stays as it is.") % fields
    return _("Done: **%(plan)s** from now on.") % fields


def canceled(outcome: Outcome, when: When, words: Words) -> str:
    """It ends."""
    text = words.gettext("Canceled: **%(plan)s** stays until %(when)s. Nothing that was gathered is lost then.")
    return text % {"plan": titled(outcome.plan), "when": when(outcome.begins)}


def paused(outcome: Outcome, words: Words) -> str:
    """It rests."""
    text = words.gettext("**%(plan)s** rests from now on. What was paid for the rest of the time is kept for later.")
    return text % {"plan": titled(outcome.plan)}


def resumed(outcome: Outcome, words: Words) -> str:
    """It goes on."""
    _ = words.gettext
    text = _("**%(plan)s** goes on.") if outcome.done else _("**%(plan)s** goes on as soon as it is paid.")
    return text % {"plan": titled(outcome.plan)}


def undone(outcome: Outcome, words: Words) -> str:
    """What waited is taken back."""
    return words.gettext("Taken back: **%(plan)s** goes on by itself.") % {"plan": titled(outcome.plan)}


def brought(outcome: Outcome, words: Words) -> str:
    """It counts here now."""
    return words.gettext("Your **%(plan)s** counts here from now on.") % {"plan": titled(outcome.plan)}
