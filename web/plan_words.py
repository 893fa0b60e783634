"""Plans as the page words them: how a place stands, what a subscription does, what became of a change."""

from datetime import UTC, datetime
from gettext import NullTranslations

from core.enums import GrantSource, Meter
from core.money import money
from core.records.shop import Move, Offer, Outcome, Quote, Reason, Standing, Subscription, Trouble, Used
from core.usage import UNITS

Words = NullTranslations


def titled(plan: str) -> str:
    """A plan as it is called."""
    return plan.replace("_", " ").capitalize() or "?"


def day(at: int) -> str:
    """A date, UTC."""
    return datetime.fromtimestamp(at / 1000, UTC).date().isoformat()


def allowed(stand: Standing, words: Words) -> str:
    """What the plan allows."""
    limits = stand.limits
    text = words.gettext("%(queue)d tracks wait at most, %(each)d of one person; %(bitrate)d kbit/s.")
    return text % {"queue": limits.queue, "each": limits.entries_per_person, "bitrate": limits.bitrate // 1000}


def reason(it: Reason, words: Words) -> str:
    """One reason why the place has a plan."""
    _ = words.gettext
    sources = {
        GrantSource.OPERATOR: _("a gift"),
        GrantSource.TRIAL: _("a trial"),
        GrantSource.STRIPE: _("a subscription"),
        GrantSource.DISCORD: _("a subscription on Discord"),
        GrantSource.STARS: _("Telegram Stars"),
    }
    fields = {"plan": titled(it.plan), "source": sources[it.source], "day": day(it.until or 0)}
    if it.until is None:
        return _("%(plan)s: %(source)s, without end") % fields
    return _("%(plan)s: %(source)s, until %(day)s at the latest") % fields


def subscription(it: Subscription, words: Words) -> list[str]:
    """How a subscription goes on, a sentence each."""
    _, fields = words.gettext, {"plan": titled(it.plan), "day": day(it.ends_at or it.trial_until or it.until)}
    if it.paused:
        first = _("The subscription of %(plan)s is paused: nothing is paid.")
    elif it.ends_at is not None:
        first = _("%(plan)s was canceled and ends on %(day)s.")
    elif it.trial_until is not None:
        first = _("%(plan)s is on trial; the first payment is due on %(day)s.")
    elif it.next_plan is not None and it.next_price != it.price:
        first, fields["next"] = _("%(plan)s until %(day)s, then %(next)s."), titled(it.next_plan)
    elif it.trouble is not None:
        first = ""  # the period that has begun is not paid
    else:
        first = _("%(plan)s is paid until %(day)s and goes on by itself.")
    told = [first % fields] if first else []
    if it.pending_plan is not None:
        told.append(_("The change to %(plan)s waits for its payment.") % {"plan": titled(it.pending_plan)})
    return [*told, *_trouble(it, words)]


def _trouble(it: Subscription, words: Words) -> list[str]:
    _ = words.gettext
    texts = {
        Trouble.PAST_DUE: _("A payment failed. The plan goes on until %(day)s; the payer can mend it until then."),
        Trouble.UNPAID: _("Payments failed, so the plan has ended. Paying the invoice brings it back."),
        Trouble.INCOMPLETE: _("The first payment is not finished."),
    }
    return [texts[it.trouble] % {"day": day(it.grace_until or it.until)}] if it.trouble else []


def used(it: Used, words: Words) -> str:
    """What was used of something that is counted."""
    _, meter = words.gettext, Meter(it.meter)
    names = {
        Meter.PLAYS: _("Tracks played"),
        Meter.LISTENING: _("Minutes heard on the web"),
        Meter.PUSHING: _("Minutes sent elsewhere"),
        Meter.UPLOADS: _("Megabytes uploaded"),
    }
    unit = UNITS[meter]
    fields = {"name": names[meter], "used": it.used // unit, "limit": (it.limit or 0) // unit}
    return (_("%(name)s: %(used)d") if it.limit is None else _("%(name)s: %(used)d of %(limit)d")) % fields


def price(offer: Offer, words: Words) -> str:
    """`4.99 EUR a month`."""
    _, amount = words.gettext, money(offer.amount, offer.currency)
    every = {"day": _("a day"), "week": _("a week"), "month": _("a month"), "year": _("a year")}
    if offer.count == 1:
        return f"{amount} {every.get(offer.interval, offer.interval)}"
    return _("%(amount)s for %(count)d × %(interval)s") % {
        "amount": amount, "count": offer.count, "interval": offer.interval,
    }  # fmt: skip


def quoted(quote: Quote, words: Words) -> str:
    """What a change would cost."""
    _, offer = words.gettext, quote.offer
    fields = {"plan": titled(offer.plan), "price": price(offer, words), "day": day(quote.begins)}
    if quote.move is Move.DOWN:
        return _("%(plan)s from %(day)s on, for %(price)s. Nothing is paid now.") % fields
    fields["due"] = money(quote.due, offer.currency)
    return _("%(plan)s at once: %(due)s now for the rest of the time that is paid, then %(price)s.") % fields


def outcome(act: str, it: Outcome, now: int, words: Words) -> str:
    """What became of a change."""
    _, later = words.gettext, it.begins > now + 60_000
    fields = {"plan": titled(it.plan), "day": day(it.begins)}
    if not it.done:
        return _("%(plan)s waits for its payment. Until then everything stays as it is.") % fields
    texts = {
        "cancel": _("Canceled: %(plan)s stays until %(day)s. Nothing that was gathered is lost then."),
        "pause": _("%(plan)s rests from now on. What was paid for the rest of the time is kept for later."),
        "resume": _("%(plan)s goes on."),
        "undo": _("Taken back: %(plan)s goes on by itself."),
        "bring": _("Your %(plan)s counts here from now on."),
        "change": _("Done: %(plan)s from %(day)s on.") if later else _("Done: %(plan)s from now on."),
    }
    return texts[act] % fields
