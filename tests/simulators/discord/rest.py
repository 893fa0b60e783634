"""The REST API below /api/v10, and the CDN."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from tests.simulators.discord.bodies import Json
from tests.simulators.discord.errors import ApiError, bad_body
from tests.simulators.discord.faults import RestFault
from tests.simulators.discord.ratelimits import RateLimits
from tests.simulators.discord.routes import FILES, Routes

if TYPE_CHECKING:
    from tests.simulators.discord.simulator import DiscordSimulator

BASE = "/api/v10"
BODY: web.RequestKey[Any] = web.RequestKey("body", object)
OPEN = ("/gateway", "/interactions/", "/webhooks/")  # no token in the header
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Request(NamedTuple):
    """One REST request as it was answered; `at` is monotonic, `path` below /api/v10."""

    at: float
    method: str
    path: str
    body: Any
    status: int


def reply(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON with exactly the content type that Discord sends; 204 for None."""
    if body is None:
        return web.Response(status=204, headers=headers)
    text = json.dumps(body).encode()
    return web.Response(body=text, status=status, content_type="application/json", headers=headers)


class Rest:
    """Authorisation, faults, rate limits and errors around the routes."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord
        self._limits = RateLimits()
        self._routes = Routes(discord)

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._serve], client_max_size=32 * 1024 * 1024)
        app.router.add_get("/gateway/", self._discord.gateway.serve)
        app.router.add_get("/cdn/{path:.*}", self._cdn)
        for method, path, handler in self._routes.table():
            app.router.add_route(method, BASE + path, self._answer(handler))
        return app

    def _answer(self, handler: Callable[[web.Request, Json], Any]) -> Handler:
        async def answer(request: web.Request) -> web.StreamResponse:
            body = await self._body(request)
            request[BODY] = body
            return reply(handler(request, body))

        return answer

    async def _body(self, request: web.Request) -> Any:
        """The JSON body, or that of a multipart request, whose files become attachments."""
        if not request.body_exists:
            return {}
        if request.content_type == "application/json":
            return _parsed(await request.text())
        if request.content_type != "multipart/form-data":
            raise bad_body("", f"content type {request.content_type}")
        form = await request.post()
        parts = [form[name] for name in form if name.startswith("files[")]
        files = [part for part in parts if isinstance(part, web.FileField)]
        request[FILES] = [self._discord.upload(f.filename, f.file.read()) for f in files]
        return _parsed(str(form.get("payload_json", "{}")))

    @web.middleware
    async def _serve(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.path.startswith(BASE):
            return await handler(request)
        path = request.path.removeprefix(BASE)
        fault = self._discord.faults.strike(request.method, path)
        response = await self._struck(request, handler, fault) if fault else await self._guarded(request, handler)
        self._note(request, path, response.status)
        return response

    async def _struck(self, request: web.Request, handler: Handler, fault: RestFault) -> web.StreamResponse:
        await asyncio.sleep(fault.delay)
        response = await self._guarded(request, handler) if fault.after or not (fault.status or fault.drop) else None
        if fault.drop and request.transport:
            request.transport.abort()
        if response is None or fault.status:
            response = _fault_response(fault)
        return response

    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix(BASE)
        try:
            self._authorise(request, path)
            headers = self._limits.take(request.method, path)
            response = await handler(request)
        except ApiError as error:
            if error.mistake:
                self._discord.fail(f"{request.method} {path}: {error}")
            return reply(error.body, error.status, error.headers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._discord.fail(f"{request.method} {path}: {error!r} in {request.get(BODY)}")
            return reply({"message": "Invalid Form Body", "code": 50035}, 400)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            self._discord.fail(f"{request.method} {path}: no such route")
            return reply({"message": f"{error.status}: {error.reason}", "code": 0}, error.status)
        response.headers.update(headers)
        return response

    def _authorise(self, request: web.Request, path: str) -> None:
        given = request.headers.get("Authorization")
        if given == f"Bot {self._discord.token}" or (
            given is None and path.startswith(OPEN) and path != "/gateway/bot"
        ):
            return
        raise ApiError(401, 0, "401: Unauthorized", mistake=given is None)

    def _note(self, request: web.Request, path: str, status: int) -> None:
        self._discord.requests.append(Request(time.monotonic(), request.method, path, request.get(BODY), status))

    async def _cdn(self, request: web.Request) -> web.StreamResponse:
        attachment = self._discord.attachments.get(request.path)
        if attachment is None or attachment.expired or request.query.get("hm") != attachment.signature:
            return web.Response(status=404, text="This content is no longer available.")
        headers = {"Accept-Ranges": "bytes", "Content-Type": attachment.content_type}
        part = request.http_range
        if part.start is None and part.stop is None:
            return web.Response(body=attachment.data, headers=headers)
        start, stop, _ = part.indices(len(attachment.data))
        if start >= stop:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(attachment.data)}"})
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(attachment.data)}"
        return web.Response(status=206, body=attachment.data[start:stop], headers=headers)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise ApiError(400, 50109, "The request body contains invalid JSON.", mistake=True) from None


def _fault_response(fault: RestFault) -> web.Response:
    if fault.status != 429:
        return web.Response(status=fault.status or 500, text="upstream connect error", content_type="text/plain")
    headers = {"Retry-After": str(fault.retry_after)} | ({"Via": "1.1 google"} if fault.via else {})
    body = {"message": "You are being rate limited.", "retry_after": fault.retry_after, "global": fault.everywhere}
    return reply(body, 429, headers | ({"X-RateLimit-Global": "true"} if fault.everywhere else {}))
