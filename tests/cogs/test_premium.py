"""/premium on Discord: what is shown to whom, and what the buttons do; there is none where nothing is sold."""

from dataclasses import replace
from typing import Any

import pytest

from core.enums import GrantSource, Surface
from core.purchases import NotForSaleError, PaymentRefusedError
from core.records.shop import Outcome, Reason, Standing, Subscription, Trouble, Used
from core.types import Actor, Limits, PersonId, PlaceId
from tests.cogs.conftest import Party
from tests.fake_shop import ELITE, MINE, PRO, URL, FakeShop
from tests.waiting import until


def stand(subscription: Subscription | None = None, **more: Any) -> Standing:
    facts: dict[str, Any] = {"reasons": (), "offers": (PRO, ELITE), "trial_days": 0} | more
    return Standing(PlaceId(""), Limits("free", queue=100, entries_per_person=10), subscription=subscription, **facts)


@pytest.fixture
async def shop(party: Party) -> FakeShop:
    """The party's bot, started again with a shop."""
    await party.stop()
    party.shop = shop = FakeShop(stand())
    await party.start()
    await party.discord.ready("premium")
    return shop


def ids(reply: Any) -> list[str]:
    """What the components of an answer do."""
    items = [item for row in reply.components for item in row["components"]]
    return [item.get("custom_id", item.get("url", "")).split(":")[1] for item in items]


def find(reply: Any, act: str) -> str:
    items = [item for row in reply.components for item in row["components"]]
    return next(item["custom_id"] for item in items if f":premium.{act}:" in item.get("custom_id", ""))


async def test_without_a_shop_there_is_no_such_command(party: Party) -> None:
    assert "premium" not in {command.name for command in party.client.tree.get_commands()}


async def test_an_admin_buys(party: Party, shop: FakeShop) -> None:
    shop.stand = stand(trial_days=7)
    page = await party.guild.owner.slash("premium", in_=party.chat)
    assert page.ephemeral
    assert "The plan here: **Free**" in page.text
    assert "The first 7 days are free." in page.text
    (menu,) = [item for row in page.components for item in row["components"] if "options" in item]
    assert [it["label"] for it in menu["options"]] == ["Pro · 4.99 EUR a month", "Elite · 99.90 EUR a year"]
    paid = await party.guild.owner.press(page, custom_id=find(page, "buy"), values=["price_Pro"])
    assert paid.ephemeral
    assert [item["url"] for row in paid.components for item in row["components"]] == [URL]
    assert shop.calls == [("buy", f"discord:{party.guild.id}", True, "price_Pro")]


async def test_others_see_the_plan_and_no_button(party: Party, shop: FakeShop) -> None:
    page = await party.ann.slash("premium", in_=party.chat)
    assert "**Free**" in page.text
    assert not page.components
    shop.stand = stand(replace(MINE, mine=False))
    assert not (await party.ann.slash("premium", in_=party.chat)).components


async def test_a_refusal_has_words(party: Party, shop: FakeShop) -> None:
    page = await party.guild.owner.slash("premium", in_=party.chat)
    for error, words in ((NotForSaleError(), "not for sale"), (PaymentRefusedError(), "Your bank refused")):
        shop.refused = error
        reply = await party.guild.owner.press(page, custom_id=find(page, "buy"), values=["price_Pro"])
        assert words in reply.text


@pytest.mark.parametrize(
    ("subscription", "said", "acts"),
    [
        (MINE, "is paid until <t:1900000000:D>", ["change", "portal", "pause", "cancel"]),
        (replace(MINE, ends_at=MINE.until), "was canceled and ends <t:1900000000:D>", ["portal", "undo"]),
        (replace(MINE, paused=True), "is paused", ["portal", "resume", "cancel"]),
        (
            replace(MINE, next_plan="elite", next_price="price_Elite"),
            "Pro until <t:1900000000:D>, then Elite",
            ["portal", "undo", "cancel"],
        ),
        (
            replace(MINE, trouble=Trouble.PAST_DUE, grace_until=1_890_000_000_000),
            "A payment failed. The plan goes on until <t:1890000000:D>",
            ["portal", "cancel"],
        ),
        (replace(MINE, pending_plan="elite"), "The change to Elite waits for its payment", None),
    ],
)
async def test_the_payer_sees_what_there_is_to_do(
    party: Party, shop: FakeShop, subscription: Subscription, said: str, acts: list[str] | None
) -> None:
    shop.stand = stand(subscription)
    page = await party.ben.slash("premium", in_=party.chat)
    assert said in page.text
    assert ("is paid until" in page.text) is (subscription == replace(MINE, pending_plan=subscription.pending_plan))
    if acts is not None:
        assert [it.removeprefix("premium.") for it in ids(page) if it.startswith("premium.")] == acts


async def test_an_upgrade_is_quoted_then_confirmed_as_quoted(party: Party, shop: FakeShop) -> None:
    shop.stand, shop.outcome = stand(MINE), Outcome("elite", 0)
    page = await party.ben.slash("premium", in_=party.chat)
    quote = await party.ben.press(page, custom_id=find(page, "change"), values=["price_Elite"])
    assert "**Elite** at once: 7.00 EUR now" in quote.text
    done = await party.ben.press(quote, custom_id=find(quote, "confirm"))
    assert "Done: **Elite** from now on." in done.text
    assert shop.calls == [("change", "price_Elite", 1_800_000_000)]
    shop.outcome = Outcome("elite", 0, done=False, pay_at=URL)
    waits = await party.ben.press(quote, custom_id=find(quote, "confirm"))
    assert "waits for its payment" in waits.text
    assert [item["url"] for row in waits.components for item in row["components"]] == [URL]


async def test_the_other_buttons(party: Party, shop: FakeShop) -> None:
    shop.stand = stand(MINE)
    page = await party.ben.slash("premium", in_=party.chat)
    assert (
        "Canceled: **Pro** stays until <t:1900000000:D>"
        in (await party.ben.press(page, custom_id=find(page, "cancel"))).text
    )
    assert "rests from now on" in (await party.ben.press(page, custom_id=find(page, "pause"))).text
    assert (await party.ben.press(page, custom_id=find(page, "portal"))).ephemeral
    shop.stand = stand(replace(MINE, paused=True))
    page = await party.ben.slash("premium", in_=party.chat)
    assert "goes on" in (await party.ben.press(page, custom_id=find(page, "resume"))).text
    shop.stand = stand(replace(MINE, ends_at=MINE.until))
    page = await party.ben.slash("premium", in_=party.chat)
    assert "Taken back" in (await party.ben.press(page, custom_id=find(page, "undo"))).text
    assert [call[0] for call in shop.calls] == ["cancel", "pause", "portal", "resume", "undo"]


async def test_a_plan_is_brought_from_another_place(party: Party, shop: FakeShop) -> None:
    shop.stand = stand(elsewhere=(("sub_9", PlaceId("discord:9"), "pro"),))
    page = await party.guild.owner.slash("premium", in_=party.chat)
    reply = await party.guild.owner.press(page, custom_id=find(page, "bring"), values=["sub_9"])
    assert "counts here from now on" in reply.text
    assert shop.calls == [("transfer", f"discord:{party.guild.id}", "sub_9")]


async def test_why_the_plan_is_had_and_what_was_used(party: Party, shop: FakeShop) -> None:
    shop.stand = stand(
        reasons=(Reason(GrantSource.OPERATOR, "pro", None), Reason(GrantSource.STRIPE, "free", 1_900_000_000_000)),
        used=(Used("plays", 7, 100, 0), Used("uploads", 5_000_000, None, 0)),
        skus=(("elite", 77),),
    )
    page = await party.guild.owner.slash("premium", in_=party.chat)
    for line in (
        "• Pro: a gift, without end",
        "• Free: a subscription, until <t:1900000000:D>",
        "Tracks played: 7 of 100",
        "Megabytes uploaded: 5",
    ):
        assert line in page.text
    assert "77" in [str(item.get("sku_id")) for row in page.components for item in row["components"]]


async def test_the_shop_hears_when_the_bot_is_put_out(party: Party, shop: FakeShop) -> None:
    await party.guild.owner.slash("premium", in_=party.chat)
    await party.guild.remove_bot()
    await until(lambda: shop.calls == [("left", f"discord:{party.guild.id}")], what="the shop heard")


async def test_who_manages_the_guild_is_asked_of_discord(party: Party, shop: FakeShop) -> None:
    place = PlaceId(f"discord:{party.guild.id}")
    for member in (party.guild.owner, party.ann):
        await member.slash("premium", in_=party.chat)
    who = [PersonId(f"discord-{member.id}") for member in (party.guild.owner, party.ann)]
    told = [await party.client.manages(Actor(one, "", place, Surface.WEB)) for one in (*who, PersonId("stranger"))]
    assert told == [True, False, None]
    assert await party.client.manages(Actor(who[0], "", PlaceId("web:lobby"), Surface.WEB)) is None
