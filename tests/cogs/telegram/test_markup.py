"""The words' notation as Telegram shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cogs.telegram.keyboards import LONGEST, Button, keyboard, meaning, tag
from cogs.telegram.markup import TOAST, html, plain
from cogs.text import safe
from core.types import RoomId
from tests.simulators.telegram.markup import formatted

NOW = 1_800_000_000_000
ROOM = RoomId("Abc_defghij-klmnopqrst")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**Aria** is on.", "<b>Aria</b> is on."),
        ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
        ("`code` and **open", "<code>code</code> and <b>open</b>"),
        (r"\*\*no\*\* \_bold\_ \\", r"**no** _bold_ \ ".strip()),
        (f"ends <t:{NOW // 1000 + 120}:R>", "ends in 2 minutes"),
        ("at <t:1800000000:t>", "at 08:00"),
        ("in <#123> by <@456>", "in # by @"),
    ],
)
def test_the_notation(text: str, shown: str) -> None:
    assert html(text, "en", NOW) == shown


def test_times_are_in_the_language() -> None:
    assert html(f"<t:{NOW // 1000 + 60}:R>", "es", NOW) == "dentro de 1 minuto"
    assert html(f"<t:{NOW // 1000 - 60}:R>", "tlh", NOW) == "1 minute ago"


@given(st.text(max_size=200))
def test_whatever_people_call_things_is_text(title: str) -> None:
    """Telegram takes it, and nothing of a title becomes markup."""
    shown = html(f"**{safe(title)}** is on.", "en", NOW)
    text, entities = formatted(shown, "HTML")
    assert text.endswith(" is on.")
    assert {one["type"] for one in entities} <= {"bold"}
    assert plain(f"**{safe(title)}** is on.", "en", NOW, limit=1_000) == text


@given(st.text(max_size=500))
def test_toasts_are_short(text: str) -> None:
    assert len(plain(text, "en", NOW)) <= TOAST


@given(st.from_regex(r"[a-z_.]{1,24}", fullmatch=True), st.integers(0, 10**18 - 1))
def test_a_button_says_what_it_means_in_64_bytes(action: str, number: int) -> None:
    markup = keyboard([[Button("x" * 100, action, number)]], ROOM)
    assert markup is not None
    data = str(markup.inline_keyboard[0][0].callback_data)
    assert len(data.encode()) <= LONGEST
    meant = meaning(data)
    assert meant is not None
    assert (meant.action, meant.tag, meant.number) == (action, tag(ROOM), number)


@given(st.text(max_size=80))
def test_foreign_data_means_nothing_or_something_whole(data: str) -> None:
    meant = meaning(data)
    assert meant is None or data == f"{meant.action}:{meant.tag}:{data.rpartition(':')[2]}"
