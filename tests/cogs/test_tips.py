"""/tip and /tips on Discord: who sees which way to Stripe; and the thanks in the room's message."""

from typing import Any

import pytest

from cogs.discord import panel as panels
from core.errors import ForbiddenError
from core.events import TipGiven
from core.records.tips import Statement, Tip, TipState
from core.tips import LEAST, MOST, BadTipError, CannotBeTippedError
from core.types import LOBBY, Actor, PersonId, PlaceId, RoomId
from tests.cogs.conftest import Party
from tests.cogs.test_panel import play, shown

URL = "https://checkout.example/pay"


def tip(amount: int, state: TipState, refunded: int = 0) -> Tip:
    return Tip(
        "t", LOBBY, PlaceId("p"), PersonId("a"), "An*n", PersonId("d"), "Dee", "acct", False, amount, 0, "eur",
        1_700_000_000_000, state=state, refunded=refunded, paid_at=1_800_000_000_000,
    )  # fmt: skip


class FakeTips:
    """Writes down what is asked."""

    def __init__(self) -> None:
        self.currency = "eur"
        self.calls: list[Any] = []
        self.languages: list[str | None] = []
        self.stated = Statement(False, False, (), ())
        self.refused: Exception | None = None

    async def give(self, room: RoomId, actor: Actor, dj: PersonId, amount: int, language: str | None = None) -> str:
        if self.refused:
            raise self.refused
        self.languages.append(language)
        self.calls.append((room, actor.name, dj, amount))
        return URL

    async def onboard(self, room: RoomId, actor: Actor, language: str | None = None) -> str:
        self.languages.append(language)
        if not actor.admin:
            raise ForbiddenError("tips", "dj")
        return URL

    async def statement(self, actor: Actor) -> Statement:
        return self.stated


@pytest.fixture
async def given(party: Party) -> FakeTips:
    """The party's bot, started again with tips."""
    await party.stop()
    party.tips = given = FakeTips()
    await party.start()
    await party.discord.ready("tip", "tips")
    return given


def links(reply: Any) -> list[str]:
    return [item["url"] for row in reply.components for item in row["components"] if "url" in item]


async def test_where_tips_are_off_there_are_no_such_commands(party: Party) -> None:
    assert not {"tip", "tips"} & {command.name for command in party.client.tree.get_commands()}


async def test_a_tip_leads_to_the_checkout_for_the_giver_alone(party: Party, given: FakeTips) -> None:
    reply = await party.ann.slash("tip", dj=party.ben, amount=5, in_=party.chat)
    assert reply.ephemeral
    assert "5.00 EUR for **Ben**" in reply.text
    assert "It changes nothing in the queue." in reply.text
    assert links(reply) == [URL]
    ((room, giver, dj, amount),) = given.calls
    assert (room, giver, amount) == (party.room.id, "Ann", 500)
    assert dj != (await party.client.people.person(party.client.get_guild(party.guild.id).me))  # pyright: ignore[reportOptionalMemberAccess]
    assert given.languages == ["en-US"], "in which the giver is told"
    given.currency = "jpy"
    await party.ann.slash("tip", dj=party.ben, amount=500, in_=party.chat)
    assert given.calls[-1][3] == 500, "yen have no cents"


async def test_refusals_have_words(party: Party, given: FakeTips) -> None:
    for error, words in (
        (BadTipError(LEAST, MOST, "eur"), "A tip is from 1.00 EUR to 500.00 EUR."),
        (CannotBeTippedError(), "cannot be given a tip"),
    ):
        given.refused = error
        reply = await party.ann.slash("tip", dj=party.ben, amount=5, in_=party.chat)
        assert words in reply.text
        assert not links(reply)


async def test_a_dj_sees_what_they_got_and_goes_to_stripe(party: Party, given: FakeTips) -> None:
    nothing = await party.guild.owner.slash("tips", in_=party.chat)
    assert "tell Stripe where to pay" in nothing.text
    (button,) = [item for row in nothing.components for item in row["components"]]
    assert links(await party.guild.owner.press(nothing, custom_id=button["custom_id"])) == [URL]
    assert not (await party.ann.slash("tips", in_=party.chat)).components, "who is no DJ sees no button"
    given.stated = Statement(
        ready=True, started=True, sums=[("eur", 1_350)],
        latest=[tip(500, TipState.PAID, refunded=100), tip(900, TipState.DISPUTED)],
    )  # fmt: skip
    page = await party.guild.owner.slash("tips", in_=party.chat)
    assert page.ephemeral
    assert "Yours so far, after fees and refunds: 13.50 EUR" in page.text
    assert "• <t:1800000000:d> 5.00 EUR from An\\*n · 1.00 EUR of it paid back" in page.text
    assert "9.00 EUR from An\\*n · disputed" in page.text


async def test_the_room_says_thanks(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(panels, "GAP", 0.1)
    await play(party, "Aria", "Blues")
    before = [entry.id for entry in party.room.entries.values()]
    party.bus.publish(TipGiven(room=party.room.id, giver="An*n", dj="Dee", amount=500, currency="eur"))
    await shown(party, "💚 **An\\*n** gave **Dee** a tip of 5.00 EUR. Thank you!", "Blues")
    assert [entry.id for entry in party.room.entries.values()] == before
