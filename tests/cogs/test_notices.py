"""What people are told about plans: every kind has its words, in every language, made safe for where it is shown."""

import html
import re

import pytest

from cogs.notices import PLAIN, Style, choices, day, subject, told
from cogs.text import safe
from core.records.notices import Channel, Data, Letter, NoticeKind
from core.types import PlaceId

DAYS = [0, 3, 6]
REASONS = ["cancelled", "unpaid", "refunded", "disputed"]
DATA: Data = {
    "plan": "pro", "amount": 499, "currency": "eur", "until": 1_800_000_000_000, "since": 1_800_000_000_000,
    "name": "Zoë",
}  # fmt: skip
CASES: list[tuple[NoticeKind, Data]] = [
    *((kind, {}) for kind in NoticeKind),
    *((NoticeKind.PAYMENT_FAILED, {"day": day}) for day in DAYS),
    *((NoticeKind.ENDED, {"reason": reason}) for reason in REASONS),
    (NoticeKind.PLACE_GONE, {"currency": "xtr"}),
]


def letter(kind: NoticeKind, data: Data, language: str | None = "en", place: str = "Jazz & *Blues*") -> Letter:
    place_id = PlaceId("discord:7") if place else None
    return Letter(1, "", "k", Channel.EMAIL, kind.value, {**DATA, **data}, None, place_id, 1, place, None, language)


@pytest.mark.parametrize(("kind", "data"), CASES)
def test_every_kind_is_worded_in_both_languages(kind: NoticeKind, data: Data) -> None:
    english, spanish = (told(letter(kind, data, language), PLAIN) for language in ("en", "es-ES"))
    assert english != spanish
    assert subject(letter(kind, data)) != subject(letter(kind, data, "es"))
    for text in (english, spanish, told(letter(kind, {}, None, ""), PLAIN)):
        assert text
        assert not re.search(r"%|None|\(\)", text)


def test_each_day_and_each_reason_reads_differently() -> None:
    assert len({told(letter(NoticeKind.PAYMENT_FAILED, {"day": day}), PLAIN) for day in DAYS}) == 3
    assert len({told(letter(NoticeKind.ENDED, {"reason": reason}), PLAIN) for reason in REASONS}) == 4


def test_money_and_days_are_written_as_people_of_the_language_do() -> None:
    assert told(letter(NoticeKind.PAID, {}), PLAIN) == (
        "Thank you: €4.99 for Pro for “Jazz & *Blues*” arrived. It is paid until January 15, 2027."
    )
    assert "4,99\xa0€" in told(letter(NoticeKind.PAID, {}, "es"), PLAIN)
    assert "¥499" in told(letter(NoticeKind.PAID, {"currency": "jpy"}), PLAIN)
    for currency, shown in (("rsd", "RSD4.99"), ("isk", "ISK4.99"), ("kwd", "KWD0.499"), ("ugx", "UGX4.99")):
        text = told(letter(NoticeKind.PAID, {"currency": currency}), PLAIN).replace("\xa0", "")
        assert shown in text, "as Stripe counts it"
    assert "UGX5 " in told(letter(NoticeKind.PAID, {"currency": "ugx", "amount": 500}), PLAIN).replace("\xa0", "", 1)
    assert "499 ⭐" in told(letter(NoticeKind.PAID, {"currency": "XTR"}), PLAIN)
    assert "€4.99" in told(letter(NoticeKind.PAID, {}, "xx-nowhere"), PLAIN)
    assert day(0, "zz") == "January 1, 1970"


def test_foreign_text_is_made_safe_and_links_stay_where_they_may_be() -> None:
    owed = letter(NoticeKind.PAYMENT_FAILED, {"day": 0, "url": "https://pay.example/1"})
    marked = told(owed, Style(safe, lambda at, _: f"<t:{at // 1000}:D>"))
    assert r"\*Blues\*" in marked
    assert "<t:1800000000:D>" in marked
    assert marked.endswith("https://pay.example/1")
    assert "https://" not in told(owed, Style(html.escape, day, links=False))
    assert "Jazz &amp; " in told(owed, Style(html.escape, day, links=False))


def test_the_reader_chooses_the_language_where_it_is_known() -> None:
    paused = letter(NoticeKind.PAUSED, {}, "es")
    assert told(paused, PLAIN, "en").startswith("Your plan is paused")
    assert choices("https://x", "es") == "Elige de qué te aviso: https://x"
