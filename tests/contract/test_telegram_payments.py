"""The simulator's Telegram Stars through python-telegram-bot: invoices, payments, subscriptions, refunds."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram import Bot, LabeledPrice, PreCheckoutQuery, SuccessfulPayment, TransactionPartnerUser, Update
from telegram.error import BadRequest

from tests.contract.test_telegram_simulator import bot_of
from tests.simulators.telegram import Person, TelegramSimulator
from tests.simulators.telegram.payments import PERIOD, Payment

HEARD = [Update.MESSAGE, Update.PRE_CHECKOUT_QUERY, "subscription"]


class Till:
    """A bot that sells."""

    def __init__(self, world: TelegramSimulator, bot: Bot) -> None:
        self.world, self.bot, self.ann = world, bot, world.user("Ann")
        self._offset = 0

    async def update(self) -> Update:
        """The next one, confirmed."""
        updates = await self.bot.get_updates(self._offset, timeout=2, limit=1, allowed_updates=HEARD)
        assert updates, "no update came"
        self._offset = updates[0].update_id + 1
        return updates[0]

    async def link(self, payload: str = "attempt-1", amount: int = 250, **more: Any) -> str:
        more = {"subscription_period": PERIOD, "provider_token": "", **more}
        return await self.bot.create_invoice_link(
            "Pro", "Pro for this chat", payload, currency="XTR", prices=[LabeledPrice("Pro", amount)], **more
        )

    async def sale(self, payer: Person, link: str, *, refusal: str | None = None) -> tuple[PreCheckoutQuery, Payment]:
        """Somebody pays, and the bot says yes, or why not."""
        paying = asyncio.create_task(self.world.payments.pay(payer, link))
        query = (await self.update()).pre_checkout_query
        assert query is not None
        await self.bot.answer_pre_checkout_query(query.id, ok=refusal is None, error_message=refusal)
        return query, await paying

    async def told(self) -> SuccessfulPayment:
        """The next payment that the bot hears of."""
        message = (await self.update()).message
        assert message is not None
        assert message.successful_payment is not None
        return message.successful_payment

    def mistakes(self, *words: str) -> None:
        found, self.world.failures = self.world.failures, []
        assert len(found) == len(words), found
        assert all(word in one for word, one in zip(words, found, strict=True)), found


@pytest.fixture
async def till(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Till]:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    async with TelegramSimulator.start() as world, bot_of(world) as bot:
        yield Till(world, bot)


async def test_a_subscription_is_paid_renewed_and_listed(till: Till) -> None:
    query, payment = await till.sale(till.ann, await till.link())
    assert (query.currency, query.total_amount, query.invoice_payload) == ("XTR", 250, "attempt-1")
    assert query.from_user.id == till.ann.id
    first = await till.told()
    assert payment.charge is not None
    assert payment.subscription is not None
    assert first.telegram_payment_charge_id == payment.charge.id
    assert (first.is_recurring, first.is_first_recurring, first.total_amount) == (True, True, 250)
    paid_at = dt.datetime.fromtimestamp(payment.charge.at, dt.UTC)
    assert first.subscription_expiration_date == paid_at + dt.timedelta(days=30)
    renewal = till.world.payments.renew(payment.subscription)
    again = await till.told()
    assert again.telegram_payment_charge_id == renewal.id != payment.charge.id
    assert (again.is_recurring, again.is_first_recurring) == (True, None)
    ledger = (await till.bot.get_star_transactions()).transactions
    assert [one.id for one in ledger] == [payment.charge.id, renewal.id]
    source = ledger[0].source
    assert isinstance(source, TransactionPartnerUser)
    assert (source.user.id, source.invoice_payload) == (till.ann.id, "attempt-1")
    assert source.subscription_period == dt.timedelta(seconds=PERIOD)
    assert ledger[0].amount == 250
    assert [one.id for one in (await till.bot.get_star_transactions(1, 1)).transactions] == [renewal.id]
    assert (await till.bot.get_my_star_balance()).amount == 500


async def test_whoever_is_refused_or_not_answered_pays_nothing(till: Till) -> None:
    link = await till.link()
    _, payment = await till.sale(till.ann, link, refusal="Not yours")
    assert (payment.charge, payment.error) == (None, "Not yours")
    till.world.payments.patience = 0.05
    late = await till.world.payments.pay(till.ann, link)
    assert (late.charge, late.error) == (None, "BOT_PRECHECKOUT_TIMEOUT")
    query = (await till.update()).pre_checkout_query
    assert query is not None
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await till.bot.answer_pre_checkout_query(query.id, ok=True)
    assert till.world.payments.transactions == []


async def test_a_refund_comes_once_and_is_told(till: Till) -> None:
    _, payment = await till.sale(till.ann, await till.link())
    charge = (await till.told()).telegram_payment_charge_id
    assert await till.bot.refund_star_payment(till.ann.id, charge)
    message = (await till.update()).message
    assert message is not None
    assert message.refunded_payment is not None
    assert message.refunded_payment.telegram_payment_charge_id == charge
    with pytest.raises(BadRequest, match=r"(?i)CHARGE_ALREADY_REFUNDED"):
        await till.bot.refund_star_payment(till.ann.id, charge)
    with pytest.raises(BadRequest, match=r"(?i)CHARGE_NOT_FOUND"):
        await till.bot.refund_star_payment(till.ann.id + 1, charge)
    ledger = (await till.bot.get_star_transactions()).transactions
    assert [(one.id, one.source is None) for one in ledger] == [(charge, False), (charge, True)]
    assert payment.subscription is not None
    assert await till.bot.edit_user_star_subscription(till.ann.id, charge, is_canceled=True)
    assert payment.subscription.canceled


async def test_a_subscription_that_changes_is_told_in_words_that_the_library_does_not_know(till: Till) -> None:
    _, payment = await till.sale(till.ann, await till.link())
    await till.told()
    assert payment.subscription is not None
    till.world.payments.cancel(payment.subscription)
    update = await till.update()
    assert update.api_kwargs["subscription"]["state"] == "canceled"
    assert update.api_kwargs["subscription"]["invoice_payload"] == "attempt-1"
    assert update.effective_user is None


async def test_a_link_to_another_way_to_pay_fails_the_test(till: Till) -> None:
    await till.bot.send_message(till.ann.private.id, "Pay at https://checkout.stripe.com/c/pay/cs_test_1")
    till.mistakes("another way to pay")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"payload": "x" * 129}, "PAYLOAD"),
        ({"payload": "ü" * 65}, "PAYLOAD"),
        ({"amount": 0}, "STARS_INVOICE_INVALID"),
        ({"amount": 10_001}, "STARS_INVOICE_INVALID"),
        ({"provider_token": "1:x"}, "STARS_INVOICE_INVALID"),
        ({"subscription_period": 60}, "PERIOD"),
    ],
)
async def test_an_invoice_that_telegram_refuses_fails_the_test(till: Till, more: dict[str, Any], why: str) -> None:
    with pytest.raises(BadRequest, match=rf"(?i){why}"):
        await till.link(**more)
    till.mistakes(why)
