"""How it stands with a customer: fetched as a whole, written as a whole, with all that follows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import stripe
import structlog

from billing import fetched
from billing.corrections import cancel, double
from billing.dunning import disputed, doubly_paid, effects, paid, refunded
from billing.metrics import ALERTS
from billing.plans import Plans
from billing.standing import (
    ENDED,
    NEVER_AGAIN,
    PAYING,
    TWICE,
    Access,
    access,
    extra,
    is_frozen,
    plan_of_all,
    remembered,
    taken_back,
)
from core.ports.clock import Clock
from core.ports.payments import Ledger, Settle
from core.records.notices import Contact, Effect
from core.records.payments import Account, Claim, Invoice, Paid, Refund, Subscription

RECENT = 20
"""Invoices that a look takes in."""
SUBSCRIPTION = "sub_"
SESSION = "cs_"
CLOSED = {"complete": "done", "expired": "expired"}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Seen:
    """A customer as fetched. `whole`: every subscription that they have is among these."""

    subscriptions: Sequence[Subscription]
    invoices: Sequence[Invoice] = ()
    sessions: Sequence[tuple[str, str]] = ()
    """Checkouts that are over, and what became of them."""
    email: str = ""
    named: frozenset[str] = frozenset()
    """The accounts that their metadata name, which may be edited by hand."""
    pages: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where invoices can be paid: for the payer's eyes alone."""
    gone: bool = False
    """The customer was deleted."""


class Customers:
    """Looks at customers. What is fetched counts, never what an event said."""

    def __init__(self, client: stripe.StripeClient, plans: Plans, clock: Clock, *, grace_days: int) -> None:
        self._client = client
        self._plans = plans
        self._clock = clock
        self._grace_days = grace_days

    async def look(self, claim: Claim) -> Settle:
        """Fetch, outside any transaction; what comes back writes it. Raises stripe.StripeError."""
        seen = await self._fetch(claim.target.key, claim.objects)

        async def settle(ledger: Ledger) -> bool:
            account = await ledger.account(claim.target.key)
            if account is None:
                log.warning("payments of nobody", customer=claim.target.key, subscriptions=len(seen.subscriptions))
                return False
            await self._settle(ledger, account, seen)
            return True

        return settle

    # ---- fetching

    async def _fetch(self, customer: str, spoken_of: Sequence[str]) -> Seen:
        email = await self._email(customer)
        if email is None:
            return Seen((), gone=True)
        # sessions and invoices first, so that what they are for is there, too
        over = [it for one in spoken_of if one.startswith(SESSION) and (it := await self._session(one, customer))]
        bills = await self._client.v1.invoices.list_async({"customer": customer, "limit": RECENT})
        invoices = [fetched.invoice(it) for it in bills.data]
        listed = await self._client.v1.subscriptions.list_async({"customer": customer, "status": "all", "limit": 100})
        every = [it async for it in listed.auto_paging_iter()]
        found = {it.id: fetched.subscription(it) for it in every}
        bought = {it.subscription for it in invoices} | {it for _, _, it in over}
        known = bought | {it for it in spoken_of if it.startswith(SUBSCRIPTION)}
        missing = [it for it in known if it and it not in found]
        more = [it for one in missing if (it := await self._subscription(one)) and it.customer == customer]
        return Seen(
            [*found.values(), *more],
            invoices,
            [(session, state) for session, state, _ in over],
            email,
            frozenset(name for it in every if (name := fetched.account_in(it.metadata)) is not None),
            {it.id: it.hosted_invoice_url for it in bills.data if it.hosted_invoice_url and it.status == "open"},
        )

    async def _email(self, customer: str) -> str | None:
        """Where the customer wants mail, as far as they said; None: they were deleted.

        One that was never there is none of this key's mode or account: that says nothing about what they paid.
        """
        it = await self._client.v1.customers.retrieve_async(customer)
        gone = "deleted" in it and bool(it["deleted"])
        return None if gone else it.email or ""

    async def _subscription(self, key: str) -> Subscription | None:
        """Lists may lag behind what an event speaks of."""
        try:
            return fetched.subscription(await self._client.v1.subscriptions.retrieve_async(key))
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return None
            raise

    async def _session(self, key: str, customer: str) -> tuple[str, str, str | None] | None:
        """Of one that is over its id, what became of it, and what was bought by it."""
        try:
            session = await self._client.v1.checkout.sessions.retrieve_async(key)
        except stripe.InvalidRequestError as error:
            if error.code == "resource_missing":
                return None
            raise
        state = CLOSED.get(session.status or "")
        theirs = fetched.id_of(session.customer) == customer
        return (key, state, fetched.id_of(session.subscription)) if state and theirs else None

    # ---- writing

    async def _settle(self, ledger: Ledger, account: Account, seen: Seen) -> None:
        now = self._clock.now()
        if others := seen.named - {str(account.id)}:
            ALERTS.labels("metadata").inc()
            log.error("metadata name another account", account=account.id, named=sorted(others))
        past = await ledger.paid(account)
        before, bills = {it.id: it for it in past.subscriptions}, {it.id: it for it in past.invoices}
        here = {it.id: remembered(before.get(it.id), it, now, self._grace_days) for it in seen.subscriptions}
        here |= self._vanished(before, here, now)
        billed = [it for it in seen.invoices if it != bills.get(it.id)]
        await ledger.put(*(it for it in here.values() if it != before.get(it.id)), *billed)
        await ledger.close_attempts(seen.sessions)
        if seen.email:
            await ledger.effects(Contact(account.person, email=seen.email))
        bills |= {it.id: it for it in billed}
        known = replace(past, subscriptions=[*(before | here).values()], invoices=[*bills.values()])
        applied = [
            await self._apply(ledger, known, before.get(it.id), it, now, seen.pages.get(it.latest_invoice or ""))
            for it in known.subscriptions
        ]
        known = replace(known, subscriptions=applied)
        await self._apply_money(ledger, known, billed, now)
        await self._end_extra(ledger, known, now)

    def _vanished(self, before: dict[str, Subscription], here: Collection[str], now: int) -> dict[str, Subscription]:
        """What Stripe has no more, as after its customer was deleted, has ended."""
        left = [it for key, it in before.items() if key not in here and it.status not in NEVER_AGAIN]
        return {it.id: replace(it, status=ENDED, ended_at=now) for it in left}

    async def _apply(
        self, ledger: Ledger, known: Paid, before: Subscription | None, it: Subscription, now: int, page: str | None
    ) -> Subscription:
        """The grant that a subscription gives, and what its payer is told; the subscription as it is kept."""
        account, back = known.account, taken_back(it, known)
        if back and it.revoked_for not in {back, TWICE}:
            it = replace(it, revoked_for=back)
            await ledger.put(it)
        if back and it.status not in NEVER_AGAIN:
            await ledger.effects(cancel(it.id, back))
        given = access(it, self._plans.priced, self._plans.above, back, now)
        if given.alert:
            _alert(given.alert, it)
        await _grant(ledger, account, it, given, now)
        plan = given.plan or self._plan(it)
        if plan is not None and it.revoked_for != TWICE:
            await ledger.effects(*effects(account, before, it, plan, now, url=page))
        return it

    async def _apply_money(self, ledger: Ledger, known: Paid, billed: Sequence[Invoice], now: int) -> None:
        """Receipts for invoices that are not as they were, refunds and disputes."""
        account, subscriptions = known.account, {it.id: it for it in known.subscriptions}
        if is_frozen(known.disputes) is (account.frozen_at is None):
            await ledger.freeze(account, now if account.frozen_at is None else None)
        for bill in billed:
            bought = subscriptions.get(bill.subscription or "")
            if bought and (plan := self._plan(bought)):
                await ledger.effects(*paid(account, bill, plan, now))
        charges = {it.id: it for it in known.charges}
        for back in known.refunds:
            bought = subscriptions.get(charges[back.charge].subscription or "")
            await ledger.effects(*self._refunded(account, bought, back, now))
        for one in known.disputes:
            await ledger.effects(*disputed(account, one, now))

    def _refunded(self, account: Account, it: Subscription | None, back: Refund, now: int) -> Sequence[Effect]:
        if it is None or it.revoked_for != TWICE:
            return refunded(account, back, now)
        return [doubly_paid(account, it, self._plan(it) or "", back)] if back.status == "succeeded" else []

    async def _end_extra(self, ledger: Ledger, known: Paid, now: int) -> None:
        """One subject is paid for once: what was bought too much is canceled and paid back."""
        kept, surplus = extra(known, self._plans.priced, self._plans.above)
        if kept is None:  # whatever was too much is not any more, unless it has ended by now
            twice = [it for it in (*known.subscriptions, *known.others) if it.revoked_for == TWICE]
            await ledger.put(*(replace(it, revoked_for=None) for it in twice if it.status in PAYING))
            return
        for it in surplus:
            ALERTS.labels("double").inc()
            log.error("paid for twice", subject=known.account.subject, subscription=it.id, kept=kept.id)
            await ledger.put(replace(it, revoked_for=TWICE))
            await ledger.effects(double(it.id, kept, now))

    def _plan(self, it: Subscription) -> str | None:
        return plan_of_all(it.prices, self._plans.priced, self._plans.above)


async def _grant(ledger: Ledger, account: Account, it: Subscription, given: Access, now: int) -> None:
    if given.plan is not None:  # what has begun has begun, also where our clock is slower than Stripe's
        begun = min(it.starts_at, now)
        await ledger.grant(it.id, account.subject, given.plan, starts_at=begun, until=given.until)
    elif not given.kept:
        await ledger.revoke(it.id, given.until)


def _alert(kind: str, it: Subscription) -> None:
    ALERTS.labels(kind).inc()
    log.error("subscription not understood", unknown=kind, subscription=it.id, status=it.status, prices=it.prices)
