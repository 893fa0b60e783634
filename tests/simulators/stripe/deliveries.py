"""Webhooks: events signed and posted until they are accepted, in whatever disorder a test asks for."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.simulators.stripe.shapes import Json

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

FIRST_RETRY = 0.05
LAST_RETRY = 0.5
AT_ONCE = 20


@dataclass
class Script:
    """What happens to the deliveries of an event.

    copies: how often it is delivered (duplicates); delay: seconds before; drop: it never arrives and counts as
    undelivered; forge: signed with a secret that nobody knows; reserialise: the body is altered after signing (the same
    JSON, other bytes); connect: overrides where it goes (True: to Connect endpoints); tries: given up after so many.
    """

    types: str = "*"
    times: int | None = None
    copies: int = 1
    delay: float = 0.0
    drop: bool = False
    forge: bool = False
    reserialise: bool = False
    connect: bool | None = None
    tries: int = 1000


@dataclass
class Endpoint:
    """Where events go. `secrets`: the newest first; several while one is rolled."""

    id: str
    url: str
    secrets: list[str]
    types: list[str] = field(default_factory=lambda: ["*"])
    connect: bool = False
    enabled: bool = True

    def wants(self, event: Json, connect: bool) -> bool:
        return self.enabled and self.connect is connect and any(fnmatchcase(event["type"], one) for one in self.types)


@dataclass(frozen=True)
class Delivered:
    """One post of one event: `status` is 0 if nobody answered, `at` monotonic."""

    at: float
    event: str
    type: str
    endpoint: str
    status: int
    seconds: float


class Deliveries:
    """The endpoints, and the posts to them."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim
        self.endpoints: list[Endpoint] = []
        self.scripts: list[Script] = []
        self.plan: Callable[[Json], Script | None] | None = None
        """Decides for each event instead of `scripts`; None for an ordinary delivery."""
        self.signed_at: Callable[[], float] = time.time
        """The `t` of signatures: real time, which is what a server's clock shows."""
        self.log: list[Delivered] = []
        self.held: list[Json] | None = None
        self._failed: set[str] = set()
        self._open: dict[str, int] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._session: aiohttp.ClientSession | None = None

    # ---- what tests say

    def script(self, types: str = "*", **more: Any) -> Script:
        """The next events of these types (a glob) meet it; see `Script`."""
        script = Script(types, **more)
        self.scripts.append(script)
        return script

    def hold(self) -> None:
        """Keep what happens from now on until `release`."""
        self.held = [] if self.held is None else self.held

    async def release(self, order: Callable[[list[Json]], list[Json]] | None = None, *, copies: int = 1) -> None:
        """Deliver what was held one after the other, in this order (`reversed_events`, a shuffle), each to its end."""
        held, self.held = self.held or [], None
        for event in order(held) if order else held:
            for _ in range(copies):
                await asyncio.gather(*self._posts(event, Script()))

    async def settled(self, within: float = 30.0) -> None:
        """Wait until nothing is under way. Raises TimeoutError."""
        async with asyncio.timeout(within):
            while self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    async def send(self, event: Json, **more: Any) -> list[int]:
        """Deliver an event (again) now, once, and say what the endpoints answered; `more` as in `Script`."""
        script = Script(tries=1, **more)
        return list(await asyncio.gather(*self._posts(event, script)))

    def succeeded(self, id_: str) -> bool:
        """Has every endpoint accepted this event, so far?"""
        return id_ not in self._failed and not self._open.get(id_)

    def signed(
        self, event: Json | bytes, *secrets: str, at: float | None = None, connect: bool = False
    ) -> tuple[bytes, dict[str, str]]:
        """The body and headers of a delivery, for tests that post themselves."""
        body = event if isinstance(event, bytes) else json.dumps(event, indent=2).encode()
        moment = int(self.signed_at() if at is None else at)
        known = secrets or (self._sim.connect_secret if connect else self._sim.secret,)
        parts = [f"t={moment}", *(f"v1={signature(body, secret, moment)}" for secret in known)]
        user_agent = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
        headers = {
            "Stripe-Signature": ",".join(parts),
            "User-Agent": user_agent,
            "Accept": "*/*; q=0.5, application/xml",
        }
        return body, headers | {"Content-Type": "application/json; charset=utf-8"}

    # ---- the posts

    def dispatch(self, event: Json) -> None:
        """Something happened."""
        if self.held is not None:
            self.held.append(event)
            return
        script = self._script(event)
        for post in self._posts(event, script):
            task = asyncio.ensure_future(post)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _script(self, event: Json) -> Script:
        if self.plan is not None:
            return self.plan(event) or Script()
        for script in self.scripts:
            if fnmatchcase(event["type"], script.types) and script.times != 0:
                script.times = None if script.times is None else script.times - 1
                return script
        return Script()

    def _posts(self, event: Json, script: Script) -> list[Any]:
        connect = bool(event.get("account")) if script.connect is None else script.connect
        wanting = [one for one in self.endpoints if one.wants(event, connect)]
        event["pending_webhooks"] = len(wanting)
        if script.drop and wanting:
            self._failed.add(event["id"])
        if script.drop:
            return []
        self._failed.discard(event["id"])
        return [self._until_accepted(event, endpoint, script) for endpoint in wanting for _ in range(script.copies)]

    async def _until_accepted(self, event: Json, endpoint: Endpoint, script: Script) -> int:
        id_ = event["id"]
        self._open[id_] = self._open.get(id_, 0) + 1
        wait, status = FIRST_RETRY, 0
        await asyncio.sleep(script.delay)
        for tried in range(script.tries):
            if tried:
                await asyncio.sleep(wait)
                wait = min(wait * 2, LAST_RETRY)
            status = await self._post(event, endpoint, script)
            if 200 <= status < 300 or script.forge or script.reserialise:
                break
        self._open[id_] -= 1
        event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        if not 200 <= status < 300:
            self._failed.add(id_)
        return status

    async def _post(self, event: Json, endpoint: Endpoint, script: Script) -> int:
        secrets = ["whsec_" + "0" * 32] if script.forge else endpoint.secrets
        body, headers = self.signed(event | {"pending_webhooks": 1}, *secrets)
        if script.reserialise:
            body = json.dumps(json.loads(body), separators=(",", ":")).encode()
        began, status = time.monotonic(), 0
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20))
        async with self._gate:
            try:
                async with self._session.post(
                    endpoint.url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    status = answer.status
            except (aiohttp.ClientError, TimeoutError, OSError):
                status = 0
        self.log.append(Delivered(began, event["id"], event["type"], endpoint.id, status, time.monotonic() - began))
        return status

    async def stop(self) -> None:
        """Nothing more is delivered."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()


def signature(body: bytes, secret: str, at: int) -> str:
    """Scheme v1: HMAC-SHA256 over `t.body`, in hex."""
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()


def reversed_events(events: list[Json]) -> list[Json]:
    """The last one first."""
    return events[::-1]
