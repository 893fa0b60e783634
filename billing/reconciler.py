"""Finds what no event told: webhooks that did not arrive, events that were never made, customers of ours without a row.

Three rounds: every ten minutes what Stripe could not deliver, every hour who is about to change, every day everybody.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

import stripe
import structlog

from billing import fetched
from billing.events import OURS, NoEventError, read_event
from billing.metrics import ALERTS, DEAD, DIRTY, DRIFT, LAST_EVENT, OLDEST, ORPHANS, STRANGERS
from billing.standing import NEVER_AGAIN
from core.errors import StoreUnavailableError
from core.ports.clock import Clock
from core.ports.payments import Books, Deliveries, Targets
from core.records.payments import Target, TargetKind

APP = "chorus"
"""What our customers at Stripe carry as `metadata.app`."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
OFTEN, SELDOM, RARELY = 10 * MINUTE, HOUR, DAY
OVERLAP = HOUR
"""How far a round looks back beyond the one before."""
BACK = 30 * DAY
"""How long Stripe keeps events."""
SOON = 48 * HOUR
LONG_AGO = 120 * DAY
"""How old what was paid back or disputed may be that is compared: banks take that long."""
KEPT = 35 * DAY
"""How long events are kept that are done with: beyond Stripe's own memory, so that no repeat is news."""
LOOK = 15.0
"""Seconds between two looks at the clock."""
_TYPES = 20
"""How many types one question may name."""

log = structlog.get_logger()


class Reconciler:
    """Each round only marks what has to be looked at; workers do the rest. One per installation is enough, several
    do no harm. `holds` says whether this process is the one; `more` what else is looked at every hour.
    """

    def __init__(
        self,
        client: stripe.StripeClient,
        deliveries: Deliveries,
        targets: Targets,
        books: Books,
        clock: Clock,
        *,
        livemode: bool,
        wake: Callable[[], object] = lambda: None,
        holds: Callable[[], bool] = lambda: True,
        more: Callable[[], Awaitable[Collection[Target]]] | None = None,
    ) -> None:
        self._client = client
        self._deliveries = deliveries
        self._targets = targets
        self._books = books
        self._clock = clock
        self._livemode = livemode
        self._wake = wake
        self._holds = holds
        self._more = more
        self._asked: int | None = None

    async def run(self) -> None:
        """All rounds at once, then each in its time; until cancelled."""
        rounds = ((OFTEN, self.undelivered), (SELDOM, self.about_to_change), (RARELY, self.everybody))
        due = dict.fromkeys((it for _, it in rounds), 0)
        while True:
            for period, work in rounds:
                if self._holds() and self._clock.now() >= due[work] and await _attempted(work.__name__, work):
                    due[work] = self._clock.now() + period
            await _attempted("backlog", self.measure)
            await asyncio.sleep(LOOK)

    async def undelivered(self) -> int:
        """What Stripe could not deliver goes through the inbox like everything else; how much of it was new."""
        now = self._clock.now()
        since = max(now - BACK, (self._asked or 0) - OVERLAP)
        types, new = sorted(OURS), 0
        for first in range(0, len(types), _TYPES):
            listed = await self._client.v1.events.list_async(
                {
                    "types": types[first : first + _TYPES],
                    "delivery_success": False,
                    "created": {"gte": since // 1000},
                    "limit": 100,
                }
            )
            async for event in listed.auto_paging_iter():
                new += await self._receive(event)
        self._asked = now
        if new:
            log.warning("webhooks had not arrived", new=new)
            self._wake()
        return new

    async def _receive(self, event: stripe.Event) -> bool:
        body = json.dumps(event.to_dict(for_json=True)).encode()
        try:
            delivery = read_event(body, livemode=self._livemode, connected=False)
        except NoEventError as error:
            log.warning("event not understood", stripe_event=event.id, wrong=str(error))
            return False
        return await self._deliveries.receive(delivery)

    async def about_to_change(self) -> int:
        """Look at everybody whose plan ends soon or whose payment is open; how many."""
        now = self._clock.now()
        due = await self._books.due(now, now + SOON, livemode=self._livemode)
        more = await self._more() if self._more else ()
        await self._mark({*more, *(Target(TargetKind.CUSTOMER, it) for it in due)})
        return len(due)

    async def everybody(self) -> int:
        """Compare all subscriptions, refunds and disputes; how many stood otherwise here, which are looked at now."""
        ours = await self._books.customers(livemode=self._livemode)
        customers = await self._differing(ours)
        charges = await self._moved()
        drift = len(customers) + len(charges)
        DRIFT.set(drift)
        if drift:
            ALERTS.labels("drift").inc()
            log.error(
                "payments stood otherwise at Stripe", customers=sorted(customers.values())[:9], charges=charges[:9]
            )
        await self._mark({Target(TargetKind.CUSTOMER, it) for it in customers.values()})
        await self._mark({Target(TargetKind.CHARGE, it) for it in charges})
        await self._mark(await self._books.targets(TargetKind.CONNECT_ACCOUNT))
        await self._strangers(ours)
        await self._books.prune(self._clock.now() - KEPT)
        return drift

    async def _differing(self, ours: Collection[str]) -> Mapping[str, str]:
        """Subscriptions of our customers that are not as they were at the latest look, and whose they are."""
        here = dict(await self._books.subscriptions())
        differing: dict[str, str] = {}
        listed = await self._client.v1.subscriptions.list_async({"status": "all", "limit": 100})
        async for it in listed.auto_paging_iter():
            there, known = fetched.subscription(it), here.pop(it.id, None)
            if there.customer in ours and there != known:
                differing[it.id] = there.customer
        lost = {key: it.customer for key, it in here.items() if it.customer in ours and it.status not in NEVER_AGAIN}
        return differing | lost

    async def _moved(self) -> Sequence[str]:
        """Charges of which refunds or disputes are not as they were at the latest look."""
        known = await self._books.moved()
        since = (self._clock.now() - LONG_AGO) // 1000
        refunds = await self._client.v1.refunds.list_async({"created": {"gte": since}, "limit": 100})
        disputes = await self._client.v1.disputes.list_async({"created": {"gte": since}, "limit": 100})
        moved: set[str] = set()
        async for it in refunds.auto_paging_iter():
            if (charge := fetched.id_of(it.charge)) and known.get(it.id) != fetched.refund(it, charge).status:
                moved.add(charge)
        async for it in disputes.auto_paging_iter():
            if (charge := fetched.id_of(it.charge)) and known.get(it.id) != it.status:
                moved.add(charge)
        return sorted(moved)

    async def _strangers(self, ours: Collection[str]) -> None:
        """Customers who say that they are ours, and are nobody's."""
        listed = await self._client.v1.customers.list_async({"limit": 100})
        unknown = [
            it.id
            async for it in listed.auto_paging_iter()
            if it.id not in ours and it.metadata and "app" in it.metadata and it.metadata["app"] == APP
        ]
        STRANGERS.set(len(unknown))
        if unknown:
            log.error("customers of ours without an account", customers=unknown[:20], count=len(unknown))

    async def measure(self) -> None:
        """The figures of /metrics."""
        backlog = await self._books.backlog()
        OLDEST.set((backlog.oldest or 0) / 1000)
        LAST_EVENT.set(-1 if backlog.last_event is None else (self._clock.now() - backlog.last_event) / 1000)
        DIRTY.set(backlog.dirty)
        DEAD.set(backlog.dead)
        ORPHANS.set(backlog.orphans)

    async def _mark(self, targets: Collection[Target]) -> None:
        if targets:
            await self._targets.mark(*targets)
            self._wake()


async def _attempted(name: str, work: Callable[[], Awaitable[object]]) -> bool:
    try:
        await work()
    except Exception as error:
        expected = isinstance(error, stripe.StripeError | StoreUnavailableError | TimeoutError)
        log.warning("payments not reconciled", round=name, error=type(error).__name__, exc_info=not expected)
        return False
    return True
