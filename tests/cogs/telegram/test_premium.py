"""Plans for Stars, from /premium to the grant and back: case 34 of the fault table."""

import asyncio
import itertools
from dataclasses import dataclass

import pytest

from billing.entitlements import Entitlements
from billing.plans import Plans
from billing.stars import LIFE, SLACK, StarShop
from cogs.telegram.commands import BY_NAME
from cogs.telegram.people import Speaker
from cogs.telegram.till import TelegramTill
from core.enums import GrantSource
from core.errors import StoreUnavailableError, UnplayableError
from core.ports.rates import Rate
from core.records.grants import Grant, Subject
from core.records.notices import Contact, Effect, Notice, NoticeKind
from core.records.shop import Sale, Standing, Used
from core.records.stars import PERIOD, StarOutcome, StarPayment, StarReceipt
from core.types import Actor, Limits, PlaceId
from db.chats import SqlChats
from db.engine import Database
from db.entitlements import SqlEntitlements
from db.grants import SqlGrants
from db.stars import SqlStarBook
from tests.cogs.telegram.conftest import Party
from tests.db.commands import MovedClock
from tests.fakes import track
from tests.simulators.telegram import Person
from tests.simulators.telegram.payments import Payment
from tests.waiting import until

FREE, PRO, ELITE = (Limits(name, queue=size) for name, size in (("free", 1), ("pro", 2), ("elite", 3)))
DAY = 86_400_000


@dataclass
class Till:
    """A party whose group may buy Pro for 250 Stars and Elite for 500."""

    party: Party
    database: Database
    clock: MovedClock
    entitlements: Entitlements
    stars: StarShop
    outbox: "FakeOutbox"

    async def plan(self) -> str:
        await self.entitlements.refresh()
        return self.entitlements.limits(PlaceId(f"telegram:{self.party.group.id}")).plan

    async def becomes(self, plan: str) -> None:
        async def has() -> bool:
            return await self.plan() == plan

        await until(has, what=plan)

    async def grants(self) -> list[Grant]:
        return [one for one in await SqlGrants(self.database, self.clock).all() if one.source is GrantSource.STARS]

    async def invoice(self, payer: Person, plan: str = "Pro") -> str:
        """The link that an administrator gets."""
        reply = await payer.say("/premium", self.party.group)
        before = len(self.party.group.said)
        await payer.press(reply, plan)
        await until(lambda: len(self.party.group.said) > before, what="an invoice")
        return self.party.group.live.button("Pay")["url"]

    async def pay(self, payer: Person, link: str, **more: object) -> Payment:
        return await self.party.telegram.payments.pay(payer, link, **more)  # pyright: ignore[reportArgumentType] - as given

    def told(self, person: Person) -> str:
        """What the bot said last in private."""
        return next((one.text for one in reversed(person.private.messages.values()) if one.by_bot), "")


USED = [Used("plays", 7, 100, 0), Used("listening", 120_000, None, 0), Used("uploads", 5_000_000, None, 0)]


class FakeStand:
    def __init__(self, entitlements: Entitlements) -> None:
        self._entitlements = entitlements

    async def of(self, actor: Actor) -> Standing:
        await self._entitlements.refresh()
        return Standing(actor.place, self._entitlements.limits(actor.place), (), None, (), 0, used=USED)


class FakeOutbox:
    """Writes down what is to be told."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []

    async def put(self, *effects: Effect) -> None:
        self.effects += effects


SALES = {"pro": Sale("pro", stars=250), "elite": Sale("elite", stars=500)}
PLANS = Plans({"free": FREE, "pro": PRO, "elite": ELITE}, "free", SALES)


def selling(database: Database, clock: MovedClock, outbox: "FakeOutbox | None" = None) -> StarShop:
    stand = FakeStand(Entitlements(SqlEntitlements(database), PLANS, clock))
    return StarShop(SqlStarBook(database, clock), PLANS, stand, clock, (outbox or FakeOutbox()).put)


@pytest.fixture
async def till(database: Database, party: Party) -> Till:
    clock, outbox = MovedClock(), FakeOutbox()
    entitlements, stars = Entitlements(SqlEntitlements(database), PLANS, clock), selling(database, clock, outbox)
    party.telegram.payments.now = lambda: clock.time / 1000
    await party.stop()
    party.stars = stars
    await party.start()
    return Till(party, database, clock, entitlements, stars, outbox)


async def test_a_chat_buys_a_plan_and_renews_it_until_it_is_canceled(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    reply = await party.ann.say("/premium", party.group)
    assert "Free" in reply.text
    assert "Pro: 250 ⭐" in reply.text
    for used in ("Tracks played: 7 of 100", "Minutes heard on the web: 2", "Megabytes uploaded: 5"):
        assert used in reply.text
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    await until(lambda: "Pro is on until" in till.told(party.ann))
    await until(lambda: "Ann brought Pro to this chat" in party.group.said[-1])
    assert payment.charge is not None
    assert payment.subscription is not None
    [grant] = await till.grants()
    assert (grant.ref, grant.subject) == (payment.charge.id, f"telegram:{party.group.id}")
    assert grant.valid_until == till.clock.time + PERIOD + SLACK
    again = await party.ben.say("/premium", party.group)
    assert "⭐" not in again.text, "it is paid"
    till.clock.time += PERIOD - DAY
    payments.renew(payment.subscription)
    end = till.clock.time + PERIOD
    await until(lambda: "Pro goes on until" in till.told(party.ann))
    till.clock.time += 2 * DAY
    assert await till.plan() == "pro"
    payments.cancel(payment.subscription)

    async def trimmed() -> bool:
        return max(one.valid_until or 0 for one in await till.grants()) == end

    await until(trimmed, what="it ends to the minute")
    payments.tell_state(payment.subscription, "canceled")
    till.clock.time = end - 1
    assert await till.plan() == "pro"
    till.clock.time = end
    assert await till.plan() == "free"
    assert await trimmed(), "told twice, it ends no earlier"


async def test_who_has_too_few_stars_is_told_once_and_keeps_what_was_paid(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    assert payment.subscription is not None
    for _ in range(2):
        payments.fail(payment.subscription)
    await until(lambda: "too few Stars for Pro" in till.told(party.ann))
    end = till.clock.time + PERIOD
    assert [one.valid_until for one in await till.grants()] == [end]
    till.clock.time = end
    assert await till.plan() == "free"
    assert sum("too few Stars" in one.text for one in party.ann.private.messages.values()) == 1
    again = await till.pay(party.ann, await till.invoice(party.ann))
    assert again.charge is not None
    await till.becomes("pro")


async def test_34_a_duplicate_payment_is_one_grant_and_a_refund_comes_once(till: Till) -> None:
    """34: duplicate `successful_payment`; refunded twice."""
    party, payments = till.party, till.party.telegram.payments
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    assert payment.charge is not None
    await till.becomes("pro")
    for _ in range(3):
        payments.tell(payment.charge, first=True)
    desk = TelegramTill(party.client.bot)
    await desk.refund(party.ann.id, payment.charge.id)
    await desk.refund(party.ann.id, payment.charge.id)
    await till.becomes("free")
    assert payment.subscription is not None
    assert payment.subscription.canceled, "it is not paid again"
    await until(lambda: "You have your 250 ⭐ back" in till.told(party.ann))
    payments.tell(payment.charge, first=True)
    await party.ann.say("/paysupport")
    assert await till.plan() == "free", "told late, it comes not back"
    assert len(await till.grants()) == 1
    assert len([one for one in payments.transactions if "receiver" in one]) == 1


async def test_34_of_many_who_hear_of_a_payment_at_once_one_grants_it(till: Till) -> None:
    """34: the same payment in several processes, and two different ones of one invoice's race."""
    party = till.party
    link = await till.invoice(party.ann)
    payment = StarPayment("stx-1", party.telegram.payments.invoices[link].payload, 250, till.clock.time)
    processes = [selling(till.database, till.clock) for _ in range(10)]
    receipts = await asyncio.gather(*(one.paid(payment) for one in processes))
    assert sorted(one.outcome for one in receipts) == [StarOutcome.KNOWN] * 9 + [StarOutcome.NEW]
    assert len(await till.grants()) == 1


async def test_34_a_forwarded_invoice_is_refused(till: Till) -> None:
    """34: another payer, another amount, too late, twice; nobody pays."""
    party, payments = till.party, till.party.telegram.payments
    link = await till.invoice(party.ann)
    forwarded = await till.pay(party.ben, link)
    assert "somebody else’s invoice" in forwarded.error
    forged = await till.pay(party.ann, link, stars=1)
    assert "not valid any more" in forged.error
    till.clock.time += LIFE
    late = await till.pay(party.ann, link)
    assert "not valid any more" in late.error
    payments.invoices[link].payload = "chorus:made-up"
    assert "not valid any more" in (await till.pay(party.ann, link)).error
    assert payments.transactions == []
    assert await till.grants() == []
    fresh = await till.invoice(party.ann)
    assert (await till.pay(party.ann, fresh)).charge is not None
    await till.becomes("pro")
    assert "paid for here already" in (await till.pay(party.ann, fresh)).error
    assert len(payments.transactions) == 1


async def test_34_whoever_is_answered_late_pays_nothing(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    """34: the bot cannot look in time."""
    party, payments = till.party, till.party.telegram.payments
    link = await till.invoice(party.ann)
    monkeypatch.setattr("cogs.telegram.payments.IN_TIME", 0.2)
    slow = party.telegram.faults.on("getChatMember", delay=1.0)
    refused = await till.pay(party.ann, link)
    assert "cannot be looked at right now" in refused.error
    assert slow.struck == 1
    payments.patience = 0.2
    dead = party.telegram.faults.on("answerPreCheckoutQuery", 502)
    assert (await till.pay(party.ann, link)).error == "BOT_PRECHECKOUT_TIMEOUT"
    assert dead.struck == 1
    assert payments.transactions == []


async def test_a_pre_checkout_waits_for_nothing_that_its_payer_does(till: Till) -> None:
    party = till.party
    link = await till.invoice(party.ann)
    party.resolver.gate.clear()
    party.resolver.remote["https://slow.example.org/"] = UnplayableError("not_found")
    party.ann.post("/play https://slow.example.org/")
    await until(lambda: "https://slow.example.org/" in party.resolver.asked)
    payment = await asyncio.wait_for(till.pay(party.ann, link), 5)
    party.resolver.gate.set()
    assert payment.charge is not None


async def test_only_who_runs_the_chat_now_buys_for_it(till: Till) -> None:
    party = till.party
    reply = await party.ben.say("/premium", party.group)
    toast = await party.ben.press(reply, "Pro")
    assert "Only the administrators" in toast.text
    party.ann.promote(party.group, party.ben)
    link = await till.invoice(party.ben)
    party.ann.demote(party.group, party.ben)
    assert "Only the administrators" in (await till.pay(party.ben, link)).error
    mine = await till.invoice(party.ann)
    party.ann.kick(party.group, party.telegram.bot)
    assert "belongs to another chat" in (await till.pay(party.ann, mine)).error
    assert party.telegram.payments.transactions == []


async def test_of_two_who_pay_at_once_one_gets_the_stars_back(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    party.ann.promote(party.group, party.ben)
    links = [await till.invoice(party.ann), await till.invoice(party.ben, "Elite")]
    first = await till.pay(party.ann, links[0], told=False)
    second = await till.pay(party.ben, links[1], told=False)
    assert first.charge is not None
    assert second.charge is not None
    payments.tell(first.charge, first=True)
    await till.becomes("pro")
    payments.tell(second.charge, first=True)
    await until(lambda: second.charge is not None and second.charge.refunded, what="the Stars are back")
    await until(lambda: "You have your 500 ⭐ back" in till.told(party.ben))
    assert second.subscription is not None
    assert second.subscription.canceled
    assert await till.plan() == "pro"
    await TelegramTill(party.client.bot).refund(party.ann.id, first.charge.id)
    await till.becomes("free")
    assert await selling(till.database, till.clock).reconcile(TelegramTill(party.client.bot)) == 0
    assert len(await till.grants()) == 1, "what went back is not granted when the list is read from its first line"


async def test_what_cannot_be_given_back_keeps_no_other_payment_waiting(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    party.ann.promote(party.group, party.ben)
    links = [await till.invoice(party.ann), await till.invoice(party.ben, "Elite")]
    other = party.telegram.group("Others", party.cyd)
    reply = await party.cyd.say("/premium", other)
    await party.cyd.press(reply, "Pro")
    await until(lambda: other.shows("Only Cyd can pay"), what="an invoice")
    paid = [await till.pay(payer, link, told=False) for payer, link in zip((party.ann, party.ben), links, strict=True)]
    last = await till.pay(party.cyd, other.live.button("Pay")["url"], told=False)
    broke = party.telegram.faults.on("refundStarPayment", 400, "Bad Request: BALANCE_TOO_LOW")
    desk = TelegramTill(party.client.bot)
    assert await till.stars.reconcile(desk) == 2
    assert broke.struck == 1
    assert last.charge is not None
    assert last.charge.id in {one.ref for one in await till.grants()}, "what came after it counts"
    assert paid[1].charge is not None
    assert not paid[1].charge.refunded
    assert await till.stars.reconcile(desk) == 1
    assert paid[1].charge.refunded, "it is tried again"
    assert await till.stars.reconcile(desk) == 0
    assert payments.balance == 500


async def test_what_goes_on_by_itself_is_not_paid_by_hand_beside_that(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    link = await till.invoice(party.ann)
    payment = await till.pay(party.ann, link)
    await till.becomes("pro")
    till.clock.time += PERIOD - DAY
    assert "paid for here already" in (await till.pay(party.ann, link)).error
    assert payment.subscription is not None
    payments.cancel(payment.subscription)

    async def canceled() -> bool:
        return not await SqlStarBook(till.database, till.clock).renewed(Subject(f"telegram:{party.group.id}"))

    await until(canceled, what="that it ends")
    again = await till.pay(party.ann, link)
    assert again.charge is not None, "what was canceled may be begun anew before it ends"
    till.clock.time += PERIOD
    assert (await till.pay(party.ann, link)).charge is not None, "so may what should have gone on, and did not"


async def test_what_is_learnt_late_does_not_bring_back_what_was_canceled(till: Till) -> None:
    party, payments, group = till.party, till.party.telegram.payments, Subject(f"telegram:{till.party.group.id}")
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    assert payment.subscription is not None
    for told in (False, True):
        till.clock.time += PERIOD - DAY
        payments.renew(payment.subscription, told=told)
    await until(lambda: "Pro goes on until" in till.told(party.ann))
    await till.stars.renewing(payment.subscription.invoice.payload, on=False)
    assert await till.stars.reconcile(TelegramTill(party.client.bot)) == 1
    assert len(await till.grants()) == 3
    assert not await SqlStarBook(till.database, till.clock).renewed(group), "it ends, as was told last"
    [attempt] = await till.stars.payments(await party.client.surface.people.person(Speaker(party.ann.id, "Ann")))
    assert attempt.charge == payment.subscription.charges[-1].id


async def test_a_payer_is_told_when_the_bot_is_put_out(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    party.ann.language = "de"
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    assert [it.language for it in till.outbox.effects if isinstance(it, Contact)] == ["de"]
    party.ann.kick(party.group, party.telegram.bot)
    await until(lambda: [it for it in till.outbox.effects if isinstance(it, Notice)], what="a notice")
    (told,) = [it for it in till.outbox.effects if isinstance(it, Notice)]
    assert (told.kind, told.place) == (NoticeKind.PLACE_GONE, f"telegram:{party.group.id}")
    assert told.person == await party.client.surface.people.person(Speaker(party.ann.id, party.ann.first_name))
    assert await till.plan() == "pro", "what was paid stays paid"
    assert payment.subscription is not None
    payments.cancel(payment.subscription)
    await till.stars.renewing(payment.subscription.invoice.payload, on=False)
    till.outbox.effects.clear()
    await till.stars.left(PlaceId(f"telegram:{party.group.id}"))
    assert not till.outbox.effects, "it ends anyway"


async def test_what_no_update_told_is_found_in_telegrams_list(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    payment = await till.pay(party.ann, await till.invoice(party.ann), told=False)
    assert await till.plan() == "free"
    desk = TelegramTill(party.client.bot)
    assert await till.stars.reconcile(desk) == 1
    assert await till.plan() == "pro"
    assert await till.stars.reconcile(desk) == 0
    [told] = [it for it in till.outbox.effects if isinstance(it, Notice)]
    assert (told.kind, told.data["amount"], told.data["currency"]) == (NoticeKind.PAID, 250, "xtr"), "the payer is told"
    assert payment.subscription is not None
    for _ in range(101):
        payments.renew(payment.subscription, told=False)
    assert await till.stars.reconcile(desk) == 101
    assert payment.charge is not None
    for charge in list(payments.charges.values()):
        await party.client.bot.refund_star_payment(party.ann.id, charge.id)
    await till.stars.reconcile(desk)
    assert await till.plan() == "free"
    again = selling(till.database, till.clock)
    await again.reconcile(desk)
    assert await till.plan() == "free", "a new look from the first line on changes nothing"


async def test_the_list_is_read_again_and_again(till: Till, monkeypatch: pytest.MonkeyPatch) -> None:
    party = till.party
    await party.stop()
    monkeypatch.setattr("cogs.telegram.till.PERIOD", 0.1)
    await party.start()
    payment = await till.pay(party.ann, await till.invoice(party.ann), told=False)
    await till.becomes("pro")
    assert payment.charge is not None
    await party.client.bot.refund_star_payment(party.ann.id, payment.charge.id)
    await till.becomes("free")


async def test_a_payment_is_kept_though_the_database_is_away_for_a_while(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    party = till.party
    link = await till.invoice(party.ann)
    monkeypatch.setattr("cogs.telegram.payments.PAUSES", (0.01,) * 5)
    keep, failures = till.stars.paid, [StoreUnavailableError()] * 3

    async def flaky(payment: StarPayment) -> StarReceipt:
        if failures:
            raise failures.pop()
        return await keep(payment)

    monkeypatch.setattr(till.stars, "paid", flaky)
    await till.pay(party.ann, link)
    await till.becomes("pro")
    assert not failures


async def test_a_plan_moves_with_its_chat_and_is_renewed_there(till: Till) -> None:
    party, payments = till.party, till.party.telegram.payments
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    grown = PlaceId("telegram:-100777")
    await SqlChats(till.database).move(PlaceId(f"telegram:{party.group.id}"), grown)
    assert payment.subscription is not None
    till.clock.time += PERIOD - DAY
    payments.renew(payment.subscription)
    await until(lambda: "Pro goes on until" in till.told(party.ann))
    till.clock.time += 5 * DAY
    await till.entitlements.refresh()
    assert till.entitlements.limits(grown).plan == "pro"
    assert {one.subject for one in await till.grants()} == {Subject(grown)}


async def test_terms_and_support_tell_how_it_is(till: Till) -> None:
    party = till.party
    assert "Telegram Stars for 30 days" in (await party.ben.say("/terms", party.group)).text
    assert "named nobody to ask" in (await party.ben.say("/paysupport", party.group)).text
    payment = await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    assert payment.charge is not None
    assert payment.charge.id not in (await party.ann.say("/paysupport", party.group)).text
    assert "Pro, 250 ⭐, " in (told := (await party.ann.say("/paysupport")).text)
    assert payment.charge.id in told
    assert payment.charge.id not in (await party.ben.say("/paysupport")).text


async def test_a_chat_is_sold_nothing_that_it_has_already(till: Till) -> None:
    party, place = till.party, Subject(f"telegram:{till.party.group.id}")
    reply = await party.ann.say("/premium", party.group)
    await SqlGrants(till.database, till.clock).give(
        GrantSource.OPERATOR, place, "pro", until=till.clock.time + 90 * DAY
    )
    assert await till.plan() == "pro"
    now = await party.ann.say("/premium", party.group)
    assert ("Pro: 250 ⭐" in now.text, "Elite: 500 ⭐" in now.text) == (False, True)
    toast = await party.ann.press(reply, "Pro")
    assert "not for sale" in toast.text
    await till.pay(party.ann, await till.invoice(party.ann, "Elite"))
    await till.becomes("elite")


async def test_a_chat_buys_nothing_for_another(till: Till) -> None:
    party = till.party
    other = party.telegram.group("Others", party.ben)
    theirs = await party.ben.say("/premium", other)
    ours = await party.ann.say("/premium", party.group)
    data = theirs.button("Pro")["callback_data"]
    assert "belongs to another chat" in (await party.ann.press_data(ours, data)).text
    await till.pay(party.ann, await till.invoice(party.ann))
    await till.becomes("pro")
    assert {one.subject for one in await till.grants()} == {Subject(f"telegram:{party.group.id}")}
    assert "⭐" in (await party.ben.say("/premium", other)).text


async def test_where_nothing_is_sold_there_is_no_such_command(party: Party) -> None:
    party.ben.post("/premium", party.group)
    told = (await party.ben.say("/help", party.group)).text
    assert "/premium" not in told
    assert "/paysupport" not in told
    assert not any("premium" in text.lower() for text in party.group.said)
    menus = party.telegram.asking.commands
    await until(lambda: menus, what="menus")
    assert not {"premium", "paysupport"} & {one["command"] for menu in menus.values() for one in menu}
    assert "Nothing is sold here" in (await party.ben.say("/paysupport")).text, "whoever paid before is answered"


async def test_where_plans_are_sold_menus_and_help_say_so(till: Till) -> None:
    assert "/premium" in (await till.party.ben.say("/help", till.party.group)).text
    menus = till.party.telegram.asking.commands

    def told() -> bool:
        return all({"premium", "paysupport"} <= {one["command"] for one in menu} for menu in menus.values())

    await until(told, what="menus")


async def test_no_link_to_a_card_form_leaves_for_telegram(party: Party) -> None:
    """Whoever writes it: the simulator fails any test in which one is shown."""
    party.library.tracks.append(track("See https://checkout.stripe.com/c/pay/cs_1 now"))
    reply = await party.ann.say("/play See", party.group)
    assert "stripe" not in reply.text
    await party.shows("See … now")
    with pytest.raises(Exception, match="another way to pay"):
        await party.client.bot.send_message(party.group.id, "https://billing.stripe.com/p/session/1")
    with pytest.raises(Exception, match="another way to pay"):
        await party.client.bot.send_message(party.group.id, "https://music.example.org/r/abc/premium?key=1")


async def test_no_handler_says_anything_that_leads_to_a_card_form(
    till: Till, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command and every button, where people, tracks, chats and terms are called like one."""
    monkeypatch.setattr("cogs.telegram.outbox.GROUP", Rate(10_000, 1))
    monkeypatch.setattr("cogs.telegram.outbox.PRIVATE", Rate(10_000, 1))
    monkeypatch.setattr("tests.simulators.telegram.chats.FLOOD", 100_000)
    party, form = till.party, "https://checkout.stripe.com/c/pay"
    await party.stop()
    party.terms = party.pay_support = f"Read https://music.example.org/premium?key=1 and {form}"
    party.library.tracks = [track(f"Song {number} {form}") for number in range(8)]
    await party.start()
    eve = party.telegram.user(f"Eve {form}")
    group = party.telegram.group(f"Bar {form}", eve)
    for _ in range(4):
        eve.post("/play Song", group)
    for command, chat, rest in itertools.product(BY_NAME, (group, eve.private), ("", " Song", " 1", f" {form}")):
        eve.post(f"/{command}{rest}", chat)
    pressed: set[str] = set()
    for _ in range(3):
        for chat in (group, eve.private):
            await eve.say("/help", chat, within=60)
            for message in [one for one in chat.messages.values() if one.by_bot]:
                for data in {one["callback_data"] for one in message.buttons if "callback_data" in one} - pressed:
                    pressed.add(data)
                    await eve.press_data(message, data)
    assert len(pressed) > 20
    told = [call.parameters for call in party.telegram.calls if call.method != "getUpdates"]
    assert len(told) > 200
    assert "payment_link_held_back" not in capsys.readouterr().out
