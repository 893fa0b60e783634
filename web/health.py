"""For those who run it: alive, ready, counted."""

import asyncio
import hmac
from collections.abc import Awaitable

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from web.site import Check, Site

PATIENCE = 2.0


class Health:
    """Handlers for probes and scrapers."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> list[web.RouteDef]:
        """Where they ask."""
        return [web.get("/livez", self.live), web.get("/readyz", self.ready), web.get("/metrics", self.metrics)]

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The event loop turns."""
        return web.json_response({"live": True})

    async def ready(self, request: web.Request) -> web.StreamResponse:
        """Whether everything that has to work does; 503 and what is wrong otherwise."""
        answers = await asyncio.gather(*(_answer(check()) for check in self._checks().values()))
        wrong = {name: answer for name, answer in zip(self._checks(), answers, strict=True) if answer}
        checks = {name: wrong.get(name, "ok") for name in self._checks()}
        return web.json_response({"ready": not wrong, "checks": checks}, status=503 if wrong else 200)

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        """Prometheus' text format, for this machine or whoever has the token."""
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        token = self._site.metrics_token
        if not (
            token and hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())
        ) and not self._site.proxies.direct(request):
            raise web.HTTPForbidden(text="Metrics answer this machine, or METRICS_TOKEN as a bearer token.")
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _checks(self) -> dict[str, Check]:
        return {"database": self._database, **self._site.checks}

    async def _database(self) -> str | None:
        await self._site.places.lobby()
        return None


async def _answer(check: Awaitable[str | None]) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await check
    except TimeoutError:
        return "no answer"
    except Exception as error:  # noqa: BLE001 - whatever is wrong, this is not ready
        return type(error).__name__
