"""Tips: to whom money goes and how much, under refusals, disorder and accounts that close; each effect once."""

import asyncio
from dataclasses import asdict, replace
from typing import Any

import pytest
from sqlalchemy import insert

from billing.connect import Connect
from billing.tip_payments import THANKS, TipPayments
from billing.tips import Terms, Tips
from core.enums import Surface
from core.errors import ForbiddenError
from core.money import money
from core.purchases import PaymentsUnavailableError, PurchasesFrozenError
from core.records.notices import Channel
from core.records.payments import TargetKind
from core.records.tips import Payment, Tip, TipState
from core.tips import (
    LEAST,
    MOST,
    PER_HOUR,
    REFUND,
    BadTipError,
    CannotBeTippedError,
    TooManyTipsError,
    check,
    settled,
    units,
)
from core.types import LOBBY, Actor, Identity, PersonId, PlaceId, RoomId
from db.engine import Database
from db.models import audit, entries, grants, payees, tips, votes
from db.outbox import SqlOutbox
from db.rooms import SqlRooms
from db.tips import SqlTips
from tests.billing.installation import Installation
from tests.db.commands import Recorder

PLACE = PlaceId("web:lobby")
FEE = 10


class Floor:
    """A room where tips are on, its DJ and a guest."""

    def __init__(self, there: Installation) -> None:
        self.there = there
        self.sim = there.sim
        self.book = SqlTips(there.database)
        rooms = SqlRooms(there.database, Recorder(), there.clock)
        terms = Terms("eur", FEE, livemode=False, page="https://music.example.org")
        self.connect, outbox = Connect(there.client), SqlOutbox(there.database, there.clock)
        self.tips = Tips(there.client, self.connect, self.book, rooms, there.clock, terms, there.targets.mark, outbox)
        self.payments = TipPayments(there.client, self.connect, self.book, there.clock, there.targets.mark)
        there.sync._looks |= {  # pyright: ignore[reportOperatorIssue] - as the composition does
            TargetKind.PAYMENT_INTENT: self.payments.look,
            TargetKind.CONNECT_ACCOUNT: self.connect.look,
        }
        there.jobs.register(REFUND, self.payments.refund)
        there.jobs.register(THANKS, self.thank)
        self.thanked: list[Any] = []

    async def thank(self, letter: Any) -> None:
        self.thanked.append(letter.data)

    async def person(self, name: str, *, dj: bool = False) -> Actor:
        person = await self.there.places.person(Identity(Surface.DISCORD, name, name))
        return Actor(person, name, PLACE, Surface.DISCORD, dj=dj)

    async def dj(self, name: str = "Dee") -> tuple[Actor, str]:
        """A DJ who can be paid, and their account."""
        actor = await self.person(name, dj=True)
        url = await self.tips.onboard(LOBBY, actor)
        account = self.sim.connect.links[url]["account"]
        self.sim.connect.onboard(account, url=url)
        await self.there.settle()
        return actor, account

    async def gives(self, giver: Actor, dj: Actor, amount: int = 500) -> str:
        url = await self.tips.give(LOBBY, giver, dj.person, amount)
        self.sim.checkout.pay(url)
        await self.there.settle()
        return url

    async def all(self) -> list[Tip]:
        return list(await self.there.rows(tips))

    def sessions(self) -> int:
        return len(self.sim.objects.every("checkout.session"))


@pytest.fixture
async def floor(shop: Installation) -> Floor:
    shop.sim.webhook(shop.url, connect=True)
    return Floor(shop)


@pytest.mark.parametrize("amount", [0, -1, 10**18, "5.00", "500", 5.0, float("nan"), True, None, LEAST - 1, MOST + 1])
async def test_what_is_no_amount_never_reaches_stripe(amount: Any) -> None:
    # 27: 0, -1, 1e18, "5.00", NaN
    with pytest.raises(BadTipError):
        check(amount, "eur", FEE)


def test_the_fee_is_less_than_the_tip_and_currencies_have_their_units() -> None:
    # 27: zero-decimal x 100, fee >= amount
    assert [check(amount, "eur", FEE) for amount in (100, 109, 110, MOST)] == [10, 10, 11, 5_000]
    assert check(LEAST, "eur", 0) == 0
    with pytest.raises(BadTipError):
        check(LEAST, "eur", 100)
    assert (units(5, "eur"), units(500, "jpy"), units(5, "krw")) == (500, 500, 5)
    assert (units(5, "ugx"), units(5, "isk"), units(5, "kwd")) == (500, 500, 5_000), "as Stripe counts them"
    assert (money(500, "ugx"), money(500, "kwd"), money(500, "jpy")) == ("5.00 UGX", "0.500 KWD", "500 JPY")
    with pytest.raises(BadTipError):
        check(units(5, "jpy"), "jpy", FEE)


async def test_a_tip_goes_to_the_dj_less_the_fee_and_is_told_once(floor: Floor) -> None:
    dj, account = await floor.dj()
    ann = await floor.person("Ann")
    assert (await floor.tips.statement(dj)).ready
    await floor.gives(ann, dj)
    (intent,) = floor.sim.objects.every("payment_intent")
    assert (intent["amount"], intent["application_fee_amount"]) == (500, 50)
    assert intent["transfer_data"]["destination"] == account
    (tip,) = await floor.all()
    assert (tip.state, tip.amount, tip.fee, tip.currency, tip.payment_intent) == ("paid", 500, 50, "eur", intent["id"])
    for _ in range(2):  # the same again, by other events
        floor.sim.events.emit("payment_intent.succeeded", intent)
        await floor.there.settle()
    assert floor.thanked == [{"room": LOBBY, "giver": "Ann", "dj": "Dee", "amount": 500, "currency": "eur"}]
    (receipt,) = await floor.there.told("tip_paid")
    (got,) = await floor.there.told("tip_received")
    assert (receipt.person, receipt.data["name"], receipt.data["amount"]) == (ann.person, "Dee", 500)
    assert (got.person, got.data["name"]) == (dj.person, "Ann")
    statement = await floor.tips.statement(dj)
    assert (statement.sums, [it.amount for it in statement.latest]) == ([("eur", 450)], [500])
    assert (await floor.tips.statement(ann)).sums == []


async def test_a_tip_moves_no_entry_gives_no_vote_and_no_plan(floor: Floor) -> None:
    dj, _ = await floor.dj()
    before = [await floor.there.rows(table) for table in (entries, votes, grants)]
    await floor.gives(await floor.person("Ann"), dj)
    assert [await floor.there.rows(table) for table in (entries, votes, grants)] == before


async def test_a_button_that_is_pressed_twenty_times_is_one_session(floor: Floor) -> None:
    # 29, of tips
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    urls = await asyncio.gather(*(floor.tips.give(LOBBY, ann, dj.person, 500) for _ in range(20)))
    assert len(set(urls)) == floor.sessions() == len(await floor.all()) == 1
    floor.sim.checkout.pay(urls[0])
    await floor.there.settle()
    assert await floor.tips.give(LOBBY, ann, dj.person, 500) != urls[0], "another one, once that is paid"
    assert await floor.tips.give(LOBBY, ann, dj.person, 600) not in urls


async def test_who_cannot_be_tipped(floor: Floor) -> None:
    # 28: restricted before the session is made
    dj, account = await floor.dj()
    ann, ben = await floor.person("Ann"), await floor.person("Ben", dj=True)
    with pytest.raises(CannotBeTippedError):
        await floor.tips.give(LOBBY, ann, ben.person, 500)  # never set it up
    await floor.tips.onboard(LOBBY, ben)
    with pytest.raises(CannotBeTippedError):
        await floor.tips.give(LOBBY, ann, ben.person, 500)  # has not finished
    with pytest.raises(CannotBeTippedError):
        await floor.tips.give(LOBBY, dj, dj.person, 500)  # themselves
    with pytest.raises(ForbiddenError):
        await floor.tips.onboard(LOBBY, ann)
    floor.sim.deliveries.script("account.*", drop=True)
    floor.sim.connect.restrict(account)
    with pytest.raises(CannotBeTippedError):
        await floor.tips.give(LOBBY, ann, dj.person, 500)
    await floor.there.settle()
    assert not (await floor.tips.statement(dj)).ready, "that is known though no event came"
    assert (floor.sessions(), await floor.all()) == (0, [])


@pytest.mark.parametrize("how", ["restrict", "deauthorise"])
async def test_a_tip_to_an_account_that_closed_meanwhile_is_paid_back(floor: Floor, how: str) -> None:
    # 28: between create and pay
    dj, account = await floor.dj()
    ann = await floor.person("Ann")
    url = await floor.tips.give(LOBBY, ann, dj.person, 500)
    floor.sim.checkout.pay(url)
    if how == "restrict":
        floor.sim.connect.restrict(account)
    else:
        floor.sim.connect.deauthorise(account)
    for _ in range(3):
        await floor.there.settle()
    (refund,) = floor.sim.objects.every("refund")
    assert refund["amount"] == 500
    (transfer,) = floor.sim.objects.every("transfer")
    assert transfer["amount_reversed"] == 500
    (tip,) = await floor.all()
    assert (tip.state, tip.refunded) == ("refunded", 500)
    told = await floor.there.told("tip_refunded")
    assert {it.person for it in told} == {ann.person, dj.person}, "the DJ is told"
    assert (floor.thanked, await floor.there.told("tip_received")) == ([], [])
    assert (await floor.tips.statement(dj)).sums == [("eur", 0)]
    if how == "deauthorise":
        assert await floor.tips.onboard(LOBBY, dj), "they may come back"
        (payee,) = await floor.there.rows(payees)
        assert payee.account != account


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", 499), ("currency", "usd"), ("fee", 51), ("destination", "acct_other"), ("livemode", True)],
)
def test_what_was_paid_otherwise_than_agreed_is_held(field: str, value: Any) -> None:
    # 27: currency != expected, mismatch on return
    tip = Tip("t", RoomId("r"), PLACE, PersonId("a"), "A", PersonId("d"), "D", "acct", False, 500, 50, "eur", 1)
    paid = Payment("pi", "succeeded", 500, "eur", livemode=False, destination="acct", fee=50)
    assert settled(tip, paid, 5).state is TipState.PAID
    held = settled(tip, replace(paid, **{field: value}), 5)
    assert (held.state, held.reason) == (TipState.HELD, field)
    assert settled(held, paid, 6).state is TipState.PAID, "what was fetched last decides"


async def test_a_changed_payment_is_held_and_nobody_is_thanked(floor: Floor) -> None:
    # 27: mismatch on return, through the webhook
    dj, _ = await floor.dj()
    url = await floor.tips.give(LOBBY, await floor.person("Ann"), dj.person, 500)
    floor.sim.checkout.pay(url)
    (intent,) = floor.sim.objects.every("payment_intent")
    intent["application_fee_amount"] = 499
    await floor.there.settle()
    (tip,) = await floor.all()
    assert (tip.state, tip.reason, floor.thanked) == ("held", "fee", [])


async def test_a_payment_that_only_says_that_it_is_a_tip_is_none(floor: Floor) -> None:
    dj, account = await floor.dj()
    ann = await floor.person("Ann")
    url = await floor.tips.give(LOBBY, ann, dj.person, 500)
    (waiting,) = await floor.all()
    forged = floor.sim.payments.intent(
        500, "eur", None, metadata={"kind": "tip", "tip": waiting.id}, transfer_data={"destination": account},
        application_fee_amount=50,
    )  # fmt: skip
    forged["status"], forged["amount_received"] = "succeeded", 500
    floor.sim.events.emit("payment_intent.succeeded", forged)
    await floor.there.settle()
    assert [it.state for it in await floor.all()] == ["open"]
    floor.sim.checkout.pay(url)
    await floor.there.settle()
    assert [it.state for it in await floor.all()] == ["paid"]


async def test_parts_paid_back_add_up_and_the_dj_keeps_the_rest(floor: Floor) -> None:
    # 25, of tips
    dj, _ = await floor.dj()
    await floor.gives(await floor.person("Ann"), dj)
    (charge,) = floor.sim.objects.every("charge")
    floor.sim.refunds.make(charge, 100)
    await floor.there.settle()
    (tip,) = await floor.all()
    assert (tip.state, tip.refunded, (await floor.tips.statement(dj)).sums) == ("paid", 100, [("eur", 360)])
    floor.sim.refunds.make(charge, 400)
    await floor.there.settle()
    (tip,) = await floor.all()
    assert (tip.state, tip.refunded, (await floor.tips.statement(dj)).sums) == ("refunded", 500, [("eur", 0)])
    assert len(await floor.there.told("tip_refunded")) == 2
    assert floor.thanked, "thanks were said when it came"


async def test_the_operator_pays_a_tip_back_once(floor: Floor) -> None:
    dj, _ = await floor.dj()
    await floor.gives(await floor.person("Ann"), dj)
    (tip,) = await floor.all()
    book = SqlTips(floor.there.database)
    assert await book.pay_back(tip.id, floor.there.clock.now())
    assert not await book.pay_back(tip.id, floor.there.clock.now()), "it is on its way"
    assert not await book.pay_back("no such tip", floor.there.clock.now())
    for _ in range(3):
        await floor.there.settle()
    (refund,) = floor.sim.objects.every("refund")
    (fee,) = floor.sim.objects.every("application_fee")
    assert (refund["amount"], fee["amount_refunded"]) == (500, 50)
    assert [it.state for it in await floor.all()] == ["refunded"]
    assert "tip.refunded" in {row.action for row in await floor.there.rows(audit)}


async def test_a_disputed_tip_stops_its_giver(floor: Floor) -> None:
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    await floor.gives(ann, dj)
    (charge,) = floor.sim.objects.every("charge")
    dispute = floor.sim.disputes.open(charge)
    await floor.there.settle()
    assert [it.state for it in await floor.all()] == ["disputed"]
    with pytest.raises(PurchasesFrozenError):
        await floor.tips.give(LOBBY, ann, dj.person, 500)
    floor.sim.disputes.close(dispute, "lost")
    await floor.there.settle()
    assert [it.state for it in await floor.all()] == ["disputed"]
    with pytest.raises(PurchasesFrozenError):
        await floor.tips.give(LOBBY, ann, dj.person, 500)


@pytest.mark.parametrize(("inquiry", "end"), [(False, "won"), (True, "warning_closed")])
async def test_a_dispute_that_came_to_nothing_stops_nobody(floor: Floor, inquiry: bool, end: str) -> None:
    # 26, of tips: the charge says for ever that it was disputed
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    await floor.gives(ann, dj)
    (charge,) = floor.sim.objects.every("charge")
    dispute = floor.sim.disputes.open(charge, inquiry=inquiry)
    await floor.there.settle()
    floor.sim.disputes.close(dispute, end)
    await floor.there.settle()
    assert charge["disputed"]
    assert [it.state for it in await floor.all()] == ["paid"]
    assert await floor.tips.give(LOBBY, ann, dj.person, 500)
    assert len(floor.thanked) == len(await floor.there.told("tip_received")) == 1, "nobody is thanked again"


async def test_a_refund_that_fails_leaves_the_tip_paid_and_can_be_tried_again(floor: Floor) -> None:
    # 25, of tips: `refund.failed`
    dj, _ = await floor.dj()
    await floor.gives(await floor.person("Ann"), dj)
    (tip,) = await floor.all()
    for attempt in (1, 2):
        floor.there.clock.time += 1
        assert await floor.book.pay_back(tip.id, floor.there.clock.now())
        await floor.there.settle()
        assert [(it.state, it.refunded) for it in await floor.all()] == [("refunded", 500)]
        refunds = floor.sim.objects.every("refund")
        assert len(refunds) == attempt
        if attempt == 1:
            floor.sim.refunds.fail(refunds[0])
            await floor.there.settle()
            assert [(it.state, it.refunded) for it in await floor.all()] == [("paid", 0)], "the giver has nothing yet"


async def test_what_is_a_djs_is_summed_over_every_tip(floor: Floor) -> None:
    dj, account = await floor.dj()
    one = Tip("", LOBBY, PLACE, PersonId("a"), "A", dj.person, "Dee", account, False, 100, 10, "eur", 1)
    async with floor.there.database.write() as connection:
        for number in range(1_100):
            row = replace(one, id=f"t{number}", state=TipState.PAID, created_at=number)
            await connection.execute(insert(tips), asdict(row))
        held = replace(one, id="held", state=TipState.HELD, amount=900)
        part = replace(one, id="part", state=TipState.PAID, amount=999, fee=99, refunded=333, currency="usd")
        await connection.execute(insert(tips), [asdict(held), asdict(part)])
    statement = await floor.tips.statement(dj)
    assert statement.sums == [("eur", 1_100 * 90), ("usd", 900 * 666 // 999)]
    assert [it.id for it in statement.latest[:2]] == ["t1099", "t1098"]
    assert len(statement.latest) == 10


async def test_so_many_in_an_hour_and_no_more(floor: Floor) -> None:
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    for number in range(PER_HOUR):
        await floor.tips.give(LOBBY, ann, dj.person, LEAST + number)
    with pytest.raises(TooManyTipsError):
        await floor.tips.give(LOBBY, ann, dj.person, MOST)
    assert await floor.tips.give(LOBBY, ann, dj.person, LEAST), "one that waits is no other one"
    floor.there.clock.time += 3_600_001
    assert await floor.tips.give(LOBBY, ann, dj.person, MOST)


async def test_a_tip_of_which_nothing_was_heard_is_found(floor: Floor) -> None:
    # 14, of tips: events were never generated
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    floor.sim.events.never += ["payment_intent.*", "checkout.session.*", "charge.*"]
    await floor.gives(ann, dj)
    await floor.tips.give(LOBBY, ann, dj.person, 700)
    assert [it.state for it in await floor.all()] == ["open", "open"]
    floor.sim.advance(hours=2)
    await floor.payments.sweep()
    await floor.there.settle()
    assert {it.amount: it.state for it in await floor.all()} == {500: "paid", 700: "expired"}
    assert len(floor.thanked) == 1


async def test_a_tip_of_the_other_mode_keeps_no_other_from_being_found(floor: Floor) -> None:
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    floor.sim.events.never += ["payment_intent.*", "checkout.session.*", "charge.*"]
    await floor.gives(ann, dj)
    await floor.tips.give(LOBBY, ann, dj.person, 700)
    (newer,) = [it for it in await floor.all() if it.amount == 700]
    await floor.book.offer(newer.id, "cs_live_of_another_key")
    floor.sim.advance(hours=2)
    await floor.payments.sweep()
    await floor.there.settle()
    assert {it.amount: it.state for it in await floor.all()} == {500: "paid", 700: "expired"}


async def test_a_tip_begun_while_stripe_was_away_can_be_given_when_it_is_back(floor: Floor) -> None:
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    floor.sim.faults.on("POST /v1/checkout/sessions", status=500, times=99)
    with pytest.raises(PaymentsUnavailableError):
        await floor.tips.give(LOBBY, ann, dj.person, 500)
    floor.sim.faults.clear()
    floor.sim.advance(minutes=10)
    await floor.gives(ann, dj)
    assert sorted(it.state for it in await floor.all()) == ["expired", "paid"]


async def test_people_are_told_in_the_language_that_they_spoke(floor: Floor) -> None:
    dj = await floor.person("Dee", dj=True)
    url = await floor.tips.onboard(LOBBY, dj, "es-ES")
    floor.sim.connect.onboard(floor.sim.connect.links[url]["account"], url=url)
    await floor.there.settle()
    ann = await floor.person("Ann")
    floor.sim.checkout.pay(await floor.tips.give(LOBBY, ann, dj.person, 500, "de"))
    await floor.there.settle()
    outbox = SqlOutbox(floor.there.database, floor.there.clock)
    letters = [await outbox.claim(Channel.DISCORD, repeatable=None) for _ in range(2)]
    told = {it.kind: it.language for it in letters if it is not None}
    assert told == {"tip_received": "es-ES", "tip_paid": "de"}


async def test_a_crash_before_the_session_was_noted_loses_no_tip(floor: Floor, store: Database) -> None:
    dj, _ = await floor.dj()
    ann = await floor.person("Ann")
    offer = floor.book.offer

    async def crash(tip: str, session: str) -> None:
        raise RuntimeError

    floor.book.offer = crash
    with pytest.raises(RuntimeError):
        await floor.tips.give(LOBBY, ann, dj.person, 500)
    floor.book.offer = offer
    await floor.gives(ann, dj)
    assert floor.sessions() == 1, "the same one again"
    assert [it.state for it in await floor.all()] == ["paid"]
