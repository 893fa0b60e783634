"""Where Stripe tells what happened: proved, kept, answered; what it means is worked out afterwards."""

import asyncio
import time
from collections.abc import Callable, Sequence

import structlog
from aiohttp import web

from billing.events import NoEventError, read_event
from billing.metrics import ALERTS, WEBHOOKS
from billing.signatures import BadSignatureError, verify
from core.errors import StoreUnavailableError
from core.ports.payments import Deliveries
from core.records.payments import Delivery
from core.tracing import span

LARGEST = 1 << 20
"""Bytes of a body."""
PATIENCE = 5.0
"""Seconds that reading a body may take."""
KEEPING = 5.0
"""Seconds that keeping it may take: Stripe brings it again."""
QUIET = 10.0
"""Seconds between two lines in the log about refused deliveries: anybody can send those."""

log = structlog.get_logger()


def webhook_app(
    deliveries: Deliveries,
    *,
    secrets: Sequence[str],
    connect_secrets: Sequence[str] = (),
    livemode: bool,
    api_version: str,
    heard: Callable[[Delivery], object] | None = None,
    patience: float = PATIENCE,
    now: Callable[[], float] = time.time,
) -> web.Application:
    """The application to mount where the webhooks lead.

    `secrets` are those of the endpoint for the own account, `connect_secrets` of the one for connected accounts, each
    several while they are rotated. Events of another mode or API version are told; `heard` is called for each that is
    new and of concern, after it was kept. `now` is the time of day (UTC s): signatures are of this minute, whatever
    business time it is.
    """
    webhook = Webhook(deliveries, now, [(secrets, False), (connect_secrets, True)], livemode=livemode)
    webhook.api_version, webhook.patience, webhook.heard = api_version, patience, heard
    app = web.Application()
    app.router.add_post("", webhook.post)
    return app


class Webhook:
    """Takes one delivery: 200 once it is kept, 400 and nothing kept unless it is Stripe's, 503 without a database."""

    api_version = ""
    patience = PATIENCE
    heard: Callable[[Delivery], object] | None = None

    def __init__(
        self,
        deliveries: Deliveries,
        now: Callable[[], float],
        endpoints: Sequence[tuple[Sequence[str], bool]],
        *,
        livemode: bool,
    ) -> None:
        self._deliveries = deliveries
        self._now = now
        self._endpoints = endpoints
        self._livemode = livemode
        self._told = -QUIET

    async def post(self, request: web.Request) -> web.Response:
        """Whatever is wrong with a delivery, no more of it than that is told or logged."""
        with span("webhook", surface="stripe"):
            try:
                delivery = self._read(await self._body(request), request.headers.get("Stripe-Signature", ""))
            except (BadSignatureError, NoEventError) as error:
                return self._refuse(str(error), request.remote)
            except TimeoutError:
                WEBHOOKS.labels("slow").inc()
                return web.Response(status=408)
            return await self._keep(delivery)

    async def _body(self, request: web.Request) -> bytes:
        """The raw bytes; Stripe sends no packed ones. Raises HTTPRequestEntityTooLarge, TimeoutError, NoEventError."""
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise NoEventError("encoding")
        async with asyncio.timeout(self.patience):
            return await request.clone(client_max_size=LARGEST).read()  # an application's own limit is that of its root

    def _read(self, body: bytes, header: str) -> Delivery:
        failed = BadSignatureError("secret")
        for secrets, connected in self._endpoints:
            try:
                verify(body, header, secrets, self._now())
            except BadSignatureError as error:
                failed = error if secrets else failed
            else:
                return read_event(body, livemode=self._livemode, connected=connected)
        raise failed

    async def _keep(self, delivery: Delivery) -> web.Response:
        try:
            async with asyncio.timeout(KEEPING):
                new = await self._deliveries.receive(delivery)
        except (StoreUnavailableError, TimeoutError) as error:
            WEBHOOKS.labels("unavailable").inc()
            log.warning("webhook not kept", stripe_event=delivery.event, error=type(error).__name__)
            return web.Response(status=503)
        outcome = "repeated" if not new else "accepted" if delivery.target else "ignored"
        WEBHOOKS.labels(outcome).inc()
        if new:
            self._tell(delivery)
        return web.Response(status=200)

    def _tell(self, delivery: Delivery) -> None:
        told = log.bind(stripe_event=delivery.event, type=delivery.type)
        if delivery.reason in {"livemode", "account"}:
            ALERTS.labels(delivery.reason).inc()
            told.error("webhook of another endpoint", wrong=delivery.reason)
        elif delivery.api_version != self.api_version:
            ALERTS.labels("api_version").inc()
            told.error("webhook of another API version", version=delivery.api_version, wanted=self.api_version)
        if delivery.target and self.heard:
            self.heard(delivery)

    def _refuse(self, reason: str, remote: str | None) -> web.Response:
        WEBHOOKS.labels("refused").inc()
        if time.monotonic() - self._told >= QUIET:
            self._told = time.monotonic()
            log.warning("webhook refused", reason=reason, remote=remote)
        return web.Response(status=400)
