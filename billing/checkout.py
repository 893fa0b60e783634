"""The way to Stripe's Checkout: one open attempt for a place, one customer for each who pays for it."""

import secrets
from collections.abc import Awaitable, Callable

import stripe
import structlog
from stripe.params.checkout import SessionCreateParams

from billing.asking import asking
from core.ports.clock import Clock
from core.ports.purchases import Attempts, Purchases
from core.purchases import PaidAlreadyError, PaymentsUnavailableError
from core.records.grants import Subject
from core.records.payments import Account
from core.records.purchases import Attempt
from core.records.shop import Offer
from core.types import Actor

APP = "chorus"
"""What our objects at Stripe carry as `metadata.app`."""
LIFE = 35 * 60_000
"""ms that a session is open."""
SHORTEST = 30 * 60_000
"""ms that Stripe takes at least, by its own clock."""
TRIES = 4
CUSTOMER_GONE = ("resource_missing", "customer")
"""Code and parameter of Stripe's error when a customer was deleted."""
CONFLICT = 409
"""Status of Stripe's answer while the same is asked for by somebody else, who will get it."""

Look = Callable[[str], Awaitable[bool]]
"""Has the state of a customer looked at, and waits a moment for it; False: it takes longer."""

log = structlog.get_logger()


class Checkout:
    """`page` is the page's address, to which payers come back."""

    def __init__(
        self,
        client: stripe.StripeClient,
        attempts: Attempts,
        purchases: Purchases,
        clock: Clock,
        look: Look,
        *,
        livemode: bool,
        page: str,
        trial_days: int = 0,
        tax: bool = False,
    ) -> None:
        self._client = client
        self._attempts = attempts
        self._purchases = purchases
        self._clock = clock
        self._look = look
        self._livemode = livemode
        self._page = page
        self._trial_days = trial_days
        self._tax = tax

    async def url(self, actor: Actor, account: Account, offer: Offer) -> str:
        """Where the offer is paid: the open attempt's address, or a new one's.

        Raises PaidAlreadyError when the open one has just been paid, PaymentsUnavailableError.
        """
        for _ in range(TRIES):
            attempt = await self._attempts.open(account.subject)
            if attempt is None:
                attempt = await self._attempts.begin(self._new(actor, account, offer))
            elif (attempt.account, attempt.price) != (account.id, offer.price):
                await self._give_up(attempt)
                continue
            if attempt is not None and (url := await self._address(attempt)) is not None:
                return url
        raise PaymentsUnavailableError

    async def arrived(self, attempt: Attempt) -> bool:
        """Somebody came back: what is paid is looked at now, whatever the address says; False: it takes longer."""
        account = await self._account(attempt)
        return account.customer is not None and await self._look(account.customer)

    async def drop(self, subject: Subject) -> None:
        """Whatever checkout is open for a subject is over. Raises PaidAlreadyError, PaymentsUnavailableError."""
        if (attempt := await self._attempts.open(subject)) is not None:
            await self._give_up(attempt)

    def _new(self, actor: Actor, account: Account, offer: Offer) -> Attempt:
        now = self._clock.now()
        return Attempt(
            id=f"attempt_{secrets.token_hex(16)}",
            subject=account.subject,
            person=actor.person,
            account=account.id,
            plan=offer.plan,
            price=offer.price,
            trial_days=self._trial_days,
            created_at=now,
            expires_at=now + LIFE,
        )

    async def _address(self, attempt: Attempt) -> str | None:
        """The address of an open attempt; None: it is over. Raises PaidAlreadyError."""
        session = await self._session(attempt)
        if session is None:
            return None
        if session.status == "complete":
            await self._paid(attempt)
        if session.status != "open" or session.url is None:
            await self._attempts.close(attempt.id, "expired")
            return None
        return session.url

    async def _session(self, attempt: Attempt) -> stripe.checkout.Session | None:
        """The session of an attempt, made if it is not known to be there; None: it cannot be made."""
        if attempt.ref is not None:
            return await self._made(attempt, attempt.ref)
        if attempt.expires_at < self._clock.now() + SHORTEST:
            await self._attempts.close(attempt.id, "expired")
            return None
        return await self._make(attempt)

    async def _made(self, attempt: Attempt, ref: str) -> stripe.checkout.Session | None:
        """A session that was made before; None: not with this key's mode or account."""
        with asking("session"):
            try:
                return await self._client.v1.checkout.sessions.retrieve_async(ref)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
        await self._attempts.close(attempt.id, "expired")
        return None

    async def _make(self, attempt: Attempt) -> stripe.checkout.Session | None:
        """The same attempt asked for twice is one session: its id is the idempotency key."""
        customer = await self._customer(attempt)
        try:
            session = await self._client.v1.checkout.sessions.create_async(
                self._params(attempt, customer), {"idempotency_key": attempt.id}
            )
        except (stripe.InvalidRequestError, stripe.IdempotencyError, stripe.APIError) as error:
            if error.http_status == CONFLICT:
                raise PaymentsUnavailableError from None
            await self._attempts.close(attempt.id, "failed")  # a key that failed is answered alike for a day
            log.warning("no checkout", attempt=attempt.id, error=type(error).__name__, code=error.code)
            if isinstance(error, stripe.IdempotencyError):
                return None
            if isinstance(error, stripe.InvalidRequestError) and (error.code, error.param) == CUSTOMER_GONE:
                await self._purchases.unbind(attempt.account, customer)
                return None
            raise PaymentsUnavailableError from None
        except stripe.StripeError:
            with asking("checkout"):
                raise
        if session.livemode is not self._livemode:
            log.error("session of the other mode", attempt=attempt.id)
            raise PaymentsUnavailableError
        await self._attempts.name(attempt.id, session.id)
        return session

    def _params(self, attempt: Attempt, customer: str) -> SessionCreateParams:
        marks = _marks(attempt)
        params: SessionCreateParams = {
            "mode": "subscription",
            "customer": customer,
            "client_reference_id": attempt.id,
            "line_items": [{"price": attempt.price, "quantity": 1}],
            "metadata": marks,
            "subscription_data": {"metadata": marks, "billing_mode": {"type": "flexible"}},
            "allow_promotion_codes": True,
            "expires_at": attempt.expires_at // 1000,
            "success_url": f"{self._page}/premium/back?of={{CHECKOUT_SESSION_ID}}",
            "cancel_url": f"{self._page}/premium/back?of={attempt.id}",
        }
        if attempt.trial_days and "subscription_data" in params:
            params["subscription_data"]["trial_period_days"] = attempt.trial_days
            params["subscription_data"]["trial_settings"] = {"end_behavior": {"missing_payment_method": "cancel"}}
        if self._tax:
            params["automatic_tax"] = {"enabled": True}
            params["customer_update"] = {"address": "auto", "name": "auto"}
        return params

    async def _customer(self, attempt: Attempt) -> str:
        """The payer's customer for this place: made and bound before anything can be paid."""
        account = await self._account(attempt)
        if account.customer is not None:
            return account.customer
        with asking("customer"):
            made = await self._client.v1.customers.create_async(
                {"metadata": {"app": APP, "account": str(account.id)}}, {"idempotency_key": f"customer:{attempt.id}"}
            )
        if made.livemode is not self._livemode:
            log.error("customer of the other mode", account=account.id)
            raise PaymentsUnavailableError
        await self._purchases.bind(account.id, made.id)
        return (await self._account(attempt)).customer or made.id

    async def _account(self, attempt: Attempt) -> Account:
        return await self._purchases.account(attempt.subject, attempt.person, livemode=self._livemode)

    async def _give_up(self, attempt: Attempt) -> None:
        """An open attempt for something else, or of somebody else, is over. Raises PaidAlreadyError."""
        session = await self._session(attempt)
        if session is None:
            return
        if session.status == "open":
            try:
                session = await self._client.v1.checkout.sessions.expire_async(session.id)
            except stripe.InvalidRequestError:  # it is being paid at this moment, or has run out
                with asking("session"):
                    session = await self._client.v1.checkout.sessions.retrieve_async(session.id)
            except stripe.StripeError:
                with asking("expiry"):
                    raise
        if session.status == "complete":
            await self._paid(attempt)
        if session.status == "open":  # it cannot be ended while its payment is under way
            raise PaymentsUnavailableError
        await self._attempts.close(attempt.id, "expired")

    async def _paid(self, attempt: Attempt) -> None:
        """Raises PaidAlreadyError, once what was paid has been looked at."""
        if await self.arrived(attempt):  # else it stays open, so that nobody begins another meanwhile
            await self._attempts.close(attempt.id, "done")
        raise PaidAlreadyError(attempt.plan)


def _marks(attempt: Attempt) -> dict[str, str]:
    """For the operator's eyes: whom a payment is for is known by its customer alone."""
    return {"app": APP, "account": str(attempt.account), "attempt": attempt.id}
