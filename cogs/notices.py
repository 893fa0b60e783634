"""What people are told about plans and payments, in words."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from gettext import NullTranslations

from babel.core import UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, get_currency_precision

from cogs.languages import translations
from core.money import digits
from core.notices import TOPICS
from core.records.notices import Letter, NoticeKind, Topic

STARS = "xtr"


@dataclass(frozen=True, slots=True)
class Style:
    """How a surface shows foreign text and days (UTC ms, in a language); `links`: whether it may lead to payments."""

    safe: Callable[[str], str]
    day: Callable[[int, str], str]
    links: bool = True


def day(at: int, language: str) -> str:
    """A day as people of a language write it: `3 December 2026`."""
    date = datetime.fromtimestamp(at / 1000, UTC).date()
    try:
        return format_date(date, "long", language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return format_date(date, "long", "en")


PLAIN = Style(lambda text: text, day)


def told(letter: Letter, style: Style, language: str | None = None) -> str:
    """A letter in words; `language` by its tag, else the person's own."""
    spoken = language or letter.language or "en"
    words = translations(spoken)
    texts = {
        "plan": _plan(letter, words, style),
        "place": style.safe(letter.place_name) or words.gettext("your place"),
        "name": style.safe(str(letter.data.get("name") or "")) or words.gettext("somebody"),
        "amount": _money(letter, spoken),
        "until": _day(letter, "until", style, spoken),
        "since": _day(letter, "since", style, spoken),
    }
    text = _sentence(letter, words) % texts
    url = str(letter.data.get("url") or "")
    if not url or not style.links:
        return text
    return "\n".join([text, words.gettext("Pay here: %(url)s") % {"url": url}])


def subject(letter: Letter) -> str:
    """A line above it, where there is one."""
    _ = translations(letter.language or "en").gettext
    topic = TOPICS[NoticeKind(letter.kind)]
    lines = {
        Topic.RECEIPTS: _("Your payment"),
        Topic.TROUBLE: _("Your plan needs a look"),
        Topic.PLAN: _("Your plan"),
        Topic.TIPS: _("A tip for you"),
    }
    return lines[topic]


def choices(link: str, language: str | None) -> str:
    """Where it is chosen what one is told."""
    return translations(language or "en").gettext("Choose what I tell you: %(link)s") % {"link": link}


def _sentence(letter: Letter, words: NullTranslations) -> str:
    kind, _ = NoticeKind(letter.kind), words.gettext
    if kind is NoticeKind.PAYMENT_FAILED:
        return _failed(letter, words)
    if kind is NoticeKind.ENDED:
        return _ended(letter, words)
    if kind is NoticeKind.PLACE_GONE:
        return _gone(letter, words)
    sentences = {
        NoticeKind.PAID: _("Thank you: %(amount)s for %(plan)s arrived. It is paid until %(until)s."),
        NoticeKind.DISPUTED: _(
            "Your bank asked for %(amount)s back. Until that is settled nothing new can be bought; what you have stays."
        ),
        NoticeKind.TRIAL_ENDING: _(
            "Your trial ends on %(until)s: %(plan)s. Then the first payment is taken, unless you cancel before, "
            "with /premium."
        ),
        NoticeKind.REFUNDED: _("%(amount)s went back to you. It may take some days until you see it."),
        NoticeKind.DOUBLE_REFUNDED: _(
            "“%(place)s” was paid for twice. The second subscription is cancelled, and %(amount)s went back to you."
        ),
        NoticeKind.PAUSED: _("Your plan is paused: %(plan)s. It goes on when you resume it, with /premium."),
        NoticeKind.RESUMED: _("Your plan goes on: %(plan)s."),
        NoticeKind.CHANGED: _("Your plan from %(since)s on: %(plan)s."),
        NoticeKind.TRANSFERRED: _("Your plan counts for another place now: %(plan)s."),
        NoticeKind.TIP_PAID: _("Your tip of %(amount)s to %(name)s arrived. Thank you!"),
        NoticeKind.TIP_RECEIVED: _("%(name)s gave you a tip of %(amount)s."),
        NoticeKind.TIP_REFUNDED: _("A tip of %(amount)s was paid back."),
    }
    return sentences[kind]


def _failed(letter: Letter, words: NullTranslations) -> str:
    _ = words.gettext
    reminders = {
        0: _(
            "A payment did not go through: %(plan)s. Nothing changes until %(until)s, and it is tried again by itself. "
            "Where you bought it, /premium shows how you pay."
        ),
        3: _("A payment is still missing: %(plan)s. Without it the plan ends on %(until)s."),
    }
    last = _("A payment is still missing: %(plan)s. The plan ends on %(until)s; this is the last reminder.")
    return reminders.get(letter.data.get("day", 0), last)


def _ended(letter: Letter, words: NullTranslations) -> str:
    _ = words.gettext
    reasons = {
        "unpaid": _("A plan has ended, because it was not paid: %(plan)s."),
        "refunded": _("A plan has ended, because its money went back: %(plan)s."),
        "disputed": _("A plan has ended, because its payment was taken back: %(plan)s."),
    }
    first = reasons.get(str(letter.data.get("reason")), _("A plan has ended: %(plan)s."))
    return " ".join([first, _("Nothing was deleted; what is over the limits stays to be read.")])


def _gone(letter: Letter, words: NullTranslations) -> str:
    _ = words.gettext
    if letter.data.get("currency") == STARS:
        return _(
            "I am not in “%(place)s” any more, but your subscription goes on: %(plan)s. "
            "You cancel it in Telegram’s settings, under My Stars; with me back in the chat, it counts there again."
        )
    return _(
        "I am not in “%(place)s” any more, but your subscription goes on: %(plan)s. "
        "Where you bought it, /premium moves it to another place or cancels it."
    )


def _plan(letter: Letter, words: NullTranslations, style: Style) -> str:
    plan = style.safe(str(letter.data.get("plan", "")).capitalize())
    if not letter.place_name:
        return plan
    return words.gettext("%(plan)s for “%(place)s”") % {"plan": plan, "place": style.safe(letter.place_name)}


def _money(letter: Letter, language: str) -> str:
    amount, currency = letter.data.get("amount"), str(letter.data.get("currency") or "")
    if amount is None or not currency:
        return ""
    if currency.lower() == STARS:
        return f"{amount} ⭐"
    code, unit = currency.upper(), 10 ** digits(currency.lower())
    usual = amount % unit == 0 or 10 ** get_currency_precision(code) >= unit
    try:
        return format_currency(amount / unit, code, locale=language.replace("-", "_"), currency_digits=usual)
    except (UnknownLocaleError, ValueError):
        return format_currency(amount / unit, code, locale="en", currency_digits=usual)


def _day(letter: Letter, key: str, style: Style, language: str) -> str:
    at = letter.data.get(key)
    return "" if at is None else style.day(at, language)
