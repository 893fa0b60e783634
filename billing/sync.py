"""Keeps what we know equal to what Stripe has: whatever was heard of is looked at, until nothing is left to look at."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Mapping

import stripe
import structlog

from billing.metrics import ALERTS, SYNCS
from core.errors import StoreUnavailableError
from core.ports.payments import Ledger, Settle, Targets
from core.records.payments import Claim, Target, TargetKind

Look = Callable[[Claim], Awaitable[Settle]]
"""Fetches the state of a target outside any transaction; what it returns writes that within one. Raises
stripe.StripeError.
"""

WORKERS = 4
PAUSE = 2.0
"""Seconds between two looks for work, unless somebody says that there is some."""
PATIENCE = 90.0
"""Seconds that fetching may take: less than the lease."""
FIRST, LONGEST = 1.0, 600.0
"""Seconds until another try, doubled each time; half of it is chance."""
TRIES = 8
"""How often what is nobody's passing trouble is tried."""
FAREWELL = 2.0
"""Seconds that giving a claim back at the end may take."""
ASKED = 3.0
"""Seconds that somebody who looks at a page waits for a look."""
_BUSY = 429
_BROKEN = 500

log = structlog.get_logger()


class Sync:
    """Workers over the targets, of which each has one at a time in all processes; `looks` says how each kind is."""

    def __init__(self, targets: Targets, looks: Mapping[TargetKind, Look], *, workers: int = WORKERS) -> None:
        self._targets = targets
        self._looks = looks
        self._workers = workers
        self._woken = asyncio.Event()
        self._done = asyncio.Condition()

    def wake(self, _: object = None) -> None:
        """There is something to look at."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for number in range(self._workers):
                group.create_task(self._work(), name=f"sync-{number}")

    async def look(self, target: Target, patience: float = ASKED) -> bool:
        """Have a target looked at now, and wait for it; False: it takes longer. Raises StoreUnavailableError."""
        await self._targets.mark(target)
        self.wake()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience), self._done:
                while not await self._targets.settled(target):
                    with contextlib.suppress(TimeoutError):  # another process may be the one who looks
                        async with asyncio.timeout(0.2):
                            await self._done.wait()
                return True
        return False

    async def step(self) -> bool:
        """Look at one target; False when none waits. Raises StoreUnavailableError."""
        claim = await self._targets.claim(list(TargetKind))
        if claim is None:
            return False
        outcome = await self._try(claim)
        SYNCS.labels(claim.target.kind.value, outcome).inc()
        async with self._done:
            self._done.notify_all()
        return True

    async def _work(self) -> None:
        while True:
            try:
                if await self.step():
                    continue
            except Exception as error:
                expected = isinstance(error, StoreUnavailableError)
                log.warning("payments not synced", error=type(error).__name__, exc_info=not expected)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PAUSE):
                    await self._woken.wait()
            self._woken.clear()

    async def _try(self, claim: Claim) -> str:
        try:
            async with asyncio.timeout(PATIENCE):
                settle = await self._looks.get(claim.target.kind, _nobodys)(claim)
            return "done" if await self._targets.finish(claim, settle) else "late"
        except StoreUnavailableError:
            raise
        except asyncio.CancelledError:
            with contextlib.suppress(StoreUnavailableError, TimeoutError):  # whoever comes next need not wait
                async with asyncio.timeout(FAREWELL):
                    await self._targets.retry(claim, "stopped", after=0)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, others wait behind it
            return await self._failed(claim, error)

    async def _failed(self, claim: Claim, error: Exception) -> str:
        told = log.bind(kind=claim.target.kind.value, target=claim.target.key, attempt=claim.attempts)
        reason = _told(error)
        if claim.attempts >= TRIES and not _passes(error):
            ALERTS.labels("dead").inc()
            told.error("payments given up", error=reason, exc_info=not isinstance(error, stripe.StripeError))
            await self._targets.give_up(claim, reason)
            return "dead"
        pause = min(LONGEST, FIRST * 2 ** min(claim.attempts - 1, 16)) * random.uniform(0.5, 1)  # noqa: S311 - no secret
        told.warning("payments not looked at", error=reason, pause=round(pause, 1))
        await self._targets.retry(claim, reason, after=pause)
        return "retry"


async def _nobodys(_: Claim) -> Settle:
    """Of a kind that nobody here looks at, as tips where they are off."""

    async def settle(_: Ledger) -> bool:
        return False

    return settle


def _passes(error: Exception) -> bool:
    """Whether it is Stripe's or the network's trouble, which ends by itself, however long it takes."""
    if isinstance(error, TimeoutError | stripe.APIConnectionError | stripe.RateLimitError):
        return True
    status = error.http_status if isinstance(error, stripe.StripeError) else None
    return status is not None and (status == _BUSY or status >= _BROKEN)


def _told(error: Exception) -> str:
    """What is kept of an error: never its message, which may quote what people wrote."""
    if isinstance(error, stripe.StripeError):
        parts = (type(error).__name__, error.http_status, error.code, error.request_id)
        return " ".join(str(part) for part in parts if part)
    return type(error).__name__
