"""The HTTP side: keys, versions, idempotency, faults and errors around the endpoints."""

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

from aiohttp import web
from stripe import api_version

from tests.simulators.stripe.calls import Call, Recorded, Route
from tests.simulators.stripe.errors import ApiError, invalid
from tests.simulators.stripe.faults import Fault
from tests.simulators.stripe.forms import decoded
from tests.simulators.stripe.idempotency import Keys
from tests.simulators.stripe.pages import Pages
from tests.simulators.stripe.parameters import checked, specification

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator

KEPT_HEADERS = {"authorization", "idempotency-key", "stripe-account", "stripe-version", "content-type", "user-agent"}
ID = web.RequestKey("id", str)


class Server:
    """`/v1/…`."""

    def __init__(self, sim: "StripeSimulator", routes: dict[str, Route]) -> None:
        self._sim = sim
        self._routes = routes
        self._keys = Keys()

    def app(self) -> web.Application:
        app = web.Application(client_max_size=4 * 1024 * 1024)
        for name in self._routes:
            method, path = name.split(" ")
            app.router.add_route(method, path, self.call)
        Pages(self._sim).add_to(app)
        app.router.add_route("*", "/v1/{rest:.*}", self.unknown)
        app.router.add_route("*", "/v2/{rest:.*}", self.unknown)
        return app

    async def unknown(self, request: web.Request) -> web.StreamResponse:
        told = f"Unrecognized request URL ({request.method}: {request.path})."
        self._sim.failures.append(told)
        return self._reply(request, 404, {"error": {"type": "invalid_request_error", "message": told}})

    async def call(self, request: web.Request) -> web.StreamResponse:
        route = self._routes[_endpoint(request)]
        body = await request.text()
        request[ID] = self._sim.objects.new_id("req")
        fault = self._sim.faults.strike(f"{request.method} {request.path}")
        replayed = False
        if fault is not None and not fault.after:
            await asyncio.sleep(fault.delay)
            if fault.status or fault.drop:
                return self._struck(request, body, fault)
        status, answer = 0, {}
        try:
            status, answer, replayed = await self._executed(request, route, body, fault)
        except ApiError as error:
            status, answer = error.status, error.body
        if fault is not None and fault.after and (fault.drop or fault.status == 502):
            return self._struck(request, body, fault)
        self._note(request, body, status, replayed=replayed)
        return self._reply(request, status, answer, fault, replayed=replayed)

    async def _executed(
        self, request: web.Request, route: Route, body: str, fault: Fault | None
    ) -> tuple[int, Any, bool]:
        """Status, body, whether it is an old answer. Raises ApiError."""
        self._authorised(request)
        account = request.headers.get("Stripe-Account")
        given = decoded(request.query_string if request.method in {"GET", "DELETE"} and not body else body)
        params = checked(specification(route.params), given)
        key = request.headers.get("Idempotency-Key") if request.method == "POST" else None
        if key is not None:
            old = self._keys.begin(account, key, (request.path, given), self._sim.now())
            if old is not None:
                return (*old, True)
        self._sim.begin_request(request[ID], key)
        status, answer, stored = self._run(route, Call(params, dict(request.match_info), account))
        if fault is not None and fault.after:
            await asyncio.sleep(fault.delay)  # its key is in progress
            if fault.status:
                status, answer = fault.status, _error_of(fault.status)
        if key is not None and stored:
            self._keys.end(account, key, status, answer)
        elif key is not None:
            self._keys.forget(account, key)
        return status, answer, False

    def _run(self, route: Route, call: Call) -> tuple[int, dict[str, Any], bool]:
        try:
            self._sim.catch_up()
            if call.account is not None:
                self._sim.objects.get("account", call.account)
            expand = call.params.pop("expand", [])
            return 200, self._sim.expander.expanded(route.handler(call), expand), True
        except ApiError as error:
            return error.status, error.body, error.stored
        finally:
            self._sim.end_request()

    def _authorised(self, request: web.Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise ApiError(401, "invalid_request_error", "You did not provide an API key.", stored=False)
        if key not in self._sim.keys:
            shown = key[:8] + "*" * 8 + key[-4:]
            raise ApiError(401, "invalid_request_error", f"Invalid API Key provided: {shown}", stored=False)
        version = request.headers.get("Stripe-Version", api_version)
        if version != api_version:
            raise invalid(f"Invalid Stripe API version: {version}", stored=False)
        kind = request.content_type
        if request.method == "POST" and request.can_read_body and kind != "application/x-www-form-urlencoded":
            raise invalid(f"Invalid request (check that your POST content type is form-encoded): {kind}", stored=False)

    def _struck(self, request: web.Request, body: str, fault: Fault) -> web.StreamResponse:
        self._note(request, body, fault.status)
        if fault.drop:
            assert request.transport is not None
            request.transport.abort()
            return web.Response(status=500)
        if fault.status == 502:
            return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
        return self._reply(request, fault.status, _error_of(fault.status), fault)

    def _reply(
        self,
        request: web.Request,
        status: int,
        body: dict[str, Any],
        fault: Fault | None = None,
        *,
        replayed: bool = False,
    ) -> web.StreamResponse:
        headers = {"Request-Id": request.get(ID, "req_unknown"), "Stripe-Version": api_version}
        if replayed:
            headers["Idempotent-Replayed"] = "true"
        if fault is not None and fault.should_retry is not None:
            headers["Stripe-Should-Retry"] = str(fault.should_retry).lower()
        data = json.dumps(body, indent=2).encode()
        if fault is not None and fault.truncate:
            return _Truncated(data, status, headers)
        return web.Response(body=data, status=status, headers=headers, content_type="application/json")

    def _note(self, request: web.Request, body: str, status: int, *, replayed: bool = False) -> None:
        try:
            params = decoded(body or request.query_string)
        except ApiError:
            params = {}
        headers = {name.lower(): value for name, value in request.headers.items() if name.lower() in KEPT_HEADERS}
        self._sim.requests.append(
            Recorded(
                time.monotonic(),
                _endpoint(request),
                request.method,
                request.path,
                request.query_string,
                body,
                params,
                headers,
                status,
                replayed,
            )
        )


class _Truncated(web.StreamResponse):
    """Promises the whole body, sends half of it and cuts the connection."""

    def __init__(self, data: bytes, status: int, headers: dict[str, str]) -> None:
        super().__init__(status=status, headers=headers | {"Content-Type": "application/json"})
        self.content_length = len(data)
        self._half = data[: len(data) // 2]

    async def write_eof(self, data: bytes = b"") -> None:
        await self.write(self._half)
        assert self._req is not None
        if self._req.transport is not None:
            self._req.transport.close()


def _endpoint(request: web.Request) -> str:
    resource = request.match_info.route.resource
    assert resource is not None
    return f"{request.method} {resource.canonical}"


def _error_of(status: int) -> dict[str, Any]:
    if status == 429:
        told = "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits."
        return {"error": {"type": "invalid_request_error", "code": "rate_limit", "message": told}}
    told = "Something went wrong on Stripe's end."
    return {"error": {"type": "api_error" if status >= 500 else "invalid_request_error", "message": told}}
