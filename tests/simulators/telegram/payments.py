"""Telegram Stars: invoices, pre-checkout, payments, subscriptions of 30 days, refunds and the bot's transactions.

Sources: core.telegram.org/bots/api, "Payments" and "Telegram Stars"; core.telegram.org/bots/payments-stars. An invoice
link may be opened by whoever has it, any number of times. The bot has ten seconds to answer a pre-checkout; then there
is a charge, which is told by a service message in the payer's private chat, and listed by `getStarTransactions`.
"""

import asyncio
import itertools
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.simulators.telegram.errors import NotPossibleError, bad, fate

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulators.telegram.people import Person
    from tests.simulators.telegram.simulator import TelegramSimulator

Json = dict[str, Any]
CURRENCY = "XTR"
PERIOD = 30 * 24 * 3600
DEAREST = 10_000
"""Stars that a subscription may cost."""
PATIENCE = 10.0
"""Seconds in which a pre-checkout has to be answered."""
LINK = "https://t.me/$"
INVOICE = (
    "title!:str description!:str payload!:str provider_token:str currency!:str prices!:json max_tip_amount:int "
    "suggested_tip_amounts:json provider_data:str photo_url:str photo_size:int photo_width:int photo_height:int "
    "need_name:bool need_phone_number:bool need_email:bool need_shipping_address:bool is_flexible:bool "
    "send_phone_number_to_provider:bool send_email_to_provider:bool business_connection_id:str "
)
_queries = itertools.count(6_000_000_000_000)


@dataclass
class Invoice:
    """What a link leads to."""

    title: str
    description: str
    payload: str
    amount: int
    period: int | None


@dataclass
class Charge:
    """A payment; its `id` is that of its transaction, too."""

    id: str
    payer: "Person"
    invoice: Invoice
    at: int
    expires: int | None
    refunded: bool = False


@dataclass
class Subscription:
    """What is charged again every 30 days, unless it was canceled; its first charge names it."""

    payer: "Person"
    invoice: Invoice
    charges: list[Charge] = field(default_factory=list[Charge])
    canceled: bool = False


@dataclass(frozen=True)
class Payment:
    """What came of paying: a charge, or why there is none."""

    charge: Charge | None
    error: str = ""
    subscription: Subscription | None = None


class Payments:
    """All invoices and payments of the bot. `now` (seconds) may be moved by tests."""

    def __init__(self, telegram: "TelegramSimulator") -> None:
        self._telegram = telegram
        self.now: Callable[[], float] = time.time
        self.patience = PATIENCE
        self.invoices: dict[str, Invoice] = {}
        self.charges: dict[str, Charge] = {}
        self.subscriptions: list[Subscription] = []
        self.transactions: list[Json] = []
        self._answers: dict[str, Json] = {}
        self._asked: set[str] = set()

    def table(self) -> dict[str, tuple[str, Any]]:
        """Method → parameters, handler."""
        charge = "user_id!:int telegram_payment_charge_id!:str "
        return {
            "createInvoiceLink": (INVOICE + "subscription_period:int", self.create_link),
            "answerPreCheckoutQuery": ("pre_checkout_query_id!:str ok!:bool error_message:str", self.answer),
            "refundStarPayment": (charge, self.refund),
            "editUserStarSubscription": (charge + "is_canceled!:bool", self.edit),
            "getStarTransactions": ("offset:int limit:int", self.list_transactions),
            "getMyStarBalance": ("", lambda _: {"amount": self.balance}),
        }

    @property
    def balance(self) -> int:
        """What the bot has earned."""
        return sum(one["amount"] * (1 if "source" in one else -1) for one in self.transactions)

    # ---- what people do

    async def pay(self, payer: "Person", link: str, *, stars: int | None = None, told: bool = True) -> Payment:
        """Open an invoice link and confirm; `stars`: a forged amount; `told`: the bot hears of the payment."""
        invoice = self._invoice(link)
        refused = await self._pre_check(payer, invoice, invoice.amount if stars is None else stars)
        if refused is not None:
            return Payment(None, refused)
        return self._charge(payer, invoice, told=told)

    def _invoice(self, link: str) -> Invoice:
        if link not in self.invoices:
            raise NotPossibleError(f"no invoice at {link}")
        return self.invoices[link]

    async def _pre_check(self, payer: "Person", invoice: Invoice, amount: int) -> str | None:
        """Why the bot does not want the payment; no answer in time is a refusal too."""
        query = str(next(_queries))
        self._asked.add(query)
        content = {"id": query, "from": payer.json(), "currency": CURRENCY, "total_amount": amount}
        self._telegram.updates.put("pre_checkout_query", content | {"invoice_payload": invoice.payload})
        deadline = time.monotonic() + self.patience
        while query not in self._answers:
            if time.monotonic() > deadline:
                self._asked.discard(query)
                return "BOT_PRECHECKOUT_TIMEOUT"
            await asyncio.sleep(0.005)
        answer = self._answers[query]
        return None if answer["ok"] else str(answer["error_message"])

    def _charge(self, payer: "Person", invoice: Invoice, *, told: bool) -> Payment:
        if invoice.period is None:
            return Payment(self._take(payer, invoice, None, told=told))
        subscription = Subscription(payer, invoice)
        self.subscriptions.append(subscription)
        return Payment(self._take(payer, invoice, subscription, told=told), subscription=subscription)

    def _take(self, payer: "Person", invoice: Invoice, subscription: Subscription | None, *, told: bool) -> Charge:
        at = int(self.now())
        expires = at + invoice.period if invoice.period else None
        charge = Charge(f"stx{secrets.token_urlsafe(24)}", payer, invoice, at, expires)
        self.charges[charge.id] = charge
        partner = {"type": "user", "transaction_type": "invoice_payment", "user": payer.json()}
        partner |= {"invoice_payload": invoice.payload}
        partner |= {"subscription_period": invoice.period} if invoice.period else {}
        self.transactions.append({"id": charge.id, "amount": invoice.amount, "date": at, "source": partner})
        first = subscription is not None and not subscription.charges
        if subscription is not None:
            subscription.charges.append(charge)
        if told:
            self.tell(charge, first=first)
        return charge

    def tell(self, charge: Charge, *, first: bool = False) -> None:
        """The service message about a payment (once more)."""
        invoice = charge.invoice
        paid: Json = {
            "currency": CURRENCY, "total_amount": invoice.amount, "invoice_payload": invoice.payload,
            "telegram_payment_charge_id": charge.id, "provider_payment_charge_id": f"{charge.payer.id}_0",
        }  # fmt: skip
        if charge.expires is not None:
            paid |= {"subscription_expiration_date": charge.expires, "is_recurring": True}
            paid |= {"is_first_recurring": True} if first else {}
        charge.payer.post(successful_payment=paid, date=charge.at)

    def renew(self, subscription: Subscription, *, told: bool = True) -> Charge:
        """Another 30 days are paid; nobody is asked before."""
        if subscription.canceled:
            raise NotPossibleError("it was canceled")
        return self._take(subscription.payer, subscription.invoice, subscription, told=told)

    def cancel(self, subscription: Subscription) -> None:
        """The payer wants no more of it; what was paid stays paid."""
        subscription.canceled = True
        self.tell_state(subscription, "canceled")

    def fail(self, subscription: Subscription) -> None:
        """The payer had not enough Stars for the next 30 days."""
        self.tell_state(subscription, "failed")

    def tell_state(self, subscription: Subscription, state: str) -> None:
        """Bot API 10.2, BotSubscriptionUpdated."""
        content = {"user": subscription.payer.json(), "invoice_payload": subscription.invoice.payload, "state": state}
        self._telegram.updates.put("subscription", content)

    # ---- methods

    def create_link(self, p: Json) -> Any:
        invoice = _checked(p)
        slug = f"{LINK}{secrets.token_urlsafe(12)}"
        self.invoices[slug] = invoice
        return slug

    def answer(self, p: Json) -> Any:
        query = p["pre_checkout_query_id"]
        if query not in self._asked:
            raise fate("query is too old and response timeout expired or query ID is invalid")
        if not p["ok"] and not p.get("error_message"):
            raise bad("error_message must be specified")
        self._asked.discard(query)
        self._answers[query] = p
        return True

    def refund(self, p: Json) -> Any:
        charge = self._of(p)
        if charge.refunded:
            raise fate("CHARGE_ALREADY_REFUNDED")
        charge.refunded = True
        partner = {"type": "user", "transaction_type": "invoice_payment", "user": charge.payer.json()}
        partner |= {"invoice_payload": charge.invoice.payload}
        amount = charge.invoice.amount
        self.transactions.append({"id": charge.id, "amount": amount, "date": int(self.now()), "receiver": partner})
        told = {"currency": CURRENCY, "total_amount": amount, "invoice_payload": charge.invoice.payload}
        charge.payer.post(date=int(self.now()), refunded_payment=told | {"telegram_payment_charge_id": charge.id})
        return True

    def edit(self, p: Json) -> Any:
        charge = self._of(p)
        for subscription in self.subscriptions:
            if charge is subscription.charges[0]:
                subscription.canceled = p["is_canceled"]
                return True
        raise fate("CHARGE_ID_INVALID")

    def _of(self, p: Json) -> Charge:
        charge = self.charges.get(p["telegram_payment_charge_id"])
        if charge is None or charge.payer.id != p["user_id"]:
            raise fate("CHARGE_NOT_FOUND")
        return charge

    def list_transactions(self, p: Json) -> Any:
        """In chronological order."""
        offset, limit = p.get("offset", 0), p.get("limit", 100)
        if not 1 <= limit <= 100 or offset < 0:
            raise bad("limit or offset is out of range")
        return {"transactions": self.transactions[offset : offset + limit]}


def _checked(p: Json) -> Invoice:
    """Telegram's rules for Stars. Raises ApiError."""
    prices = p["prices"]
    for name, most in (("title", 32), ("description", 255)):
        if not 1 <= len(p[name]) <= most:
            raise bad(f"INVOICE_{name.upper()}_INVALID")
    if not 1 <= len(p["payload"].encode()) <= 128:
        raise bad("INVOICE_PAYLOAD_INVALID")
    if p["currency"] != CURRENCY or p.get("provider_token") or len(prices) != 1 or p.get("is_flexible"):
        raise bad("STARS_INVOICE_INVALID")
    amount, period = prices[0]["amount"], p.get("subscription_period")
    if not prices[0].get("label") or not isinstance(amount, int) or not 1 <= amount <= (DEAREST if period else 100_000):
        raise bad("STARS_INVOICE_INVALID")
    if period is not None and period != PERIOD:
        raise bad("SUBSCRIPTION_PERIOD_INVALID")
    return Invoice(p["title"], p["description"], p["payload"], amount, period)
