"""`/bot<token>/<method>` and `/file/bot<token>/<path>`."""

import asyncio
import inspect
import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from tests.simulators.telegram.asking import Receiving
from tests.simulators.telegram.errors import ApiError
from tests.simulators.telegram.faults import Fault
from tests.simulators.telegram.parameters import checked, given
from tests.simulators.telegram.sending import Sending

if TYPE_CHECKING:
    from tests.simulators.telegram.simulator import TelegramSimulator


ELSEWHERE = re.compile(r"stripe\.(?:com|network)|https?://[^\s\\]+/premium\b", re.IGNORECASE)
"""Digital goods are sold for Stars exclusively: core.telegram.org/bots/payments-stars.

By `repr`, a backslash is where a line ends.
"""


class Call(NamedTuple):
    """One call of a method as it was answered; `at` is monotonic."""

    at: float
    method: str
    parameters: dict[str, Any]
    code: int


class Server:
    """Tokens, faults and errors around the methods."""

    def __init__(self, telegram: "TelegramSimulator") -> None:
        self._telegram = telegram
        tables = (
            Sending(telegram).table(),
            telegram.asking.table(),
            Receiving(telegram).table(),
            telegram.payments.table(),
        )
        self.methods = {name: entry for table in tables for name, entry in table.items()}
        self._by_lower = {name.lower(): name for name in self.methods}

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/bot{token}/{method}", self.call)
        app.router.add_get("/file/bot{token}/{path:.*}", self.file)
        return app

    async def call(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self._telegram.token:
            return _json(ApiError(401, "Unauthorized").body, 401)
        name = self._by_lower.get(request.match_info["method"].lower())
        if name is None:
            self._telegram.fail(f"no such method: {request.match_info['method']}")
            return _json(ApiError(404, "Not Found").body, 404)
        parameters = await given(request)
        if ELSEWHERE.search(repr(parameters)):
            self._telegram.fail(f"{name}: another way to pay than Stars is not to be shown in Telegram {parameters}")
        fault = self._telegram.faults.strike(name, _number(parameters.get("chat_id")))
        if fault is None:
            return await self._answer(name, parameters)
        return await self._struck(request, name, parameters, fault)

    async def _struck(
        self, request: web.Request, name: str, parameters: dict[str, Any], fault: Fault
    ) -> web.StreamResponse:
        await asyncio.sleep(fault.delay)
        answer = await self._answer(name, parameters) if fault.after or not (fault.code or fault.drop) else None
        if fault.drop and request.transport is not None:
            request.transport.abort()
        if answer is not None and not fault.code:
            return answer
        self._note(name, parameters, fault.code)
        if fault.code == 502:
            return web.Response(status=502, text="<html>502 Bad Gateway</html>", content_type="text/html")
        more = {"retry_after": fault.retry_after} if fault.retry_after is not None else None
        error = ApiError(fault.code or 500, fault.description or "Internal Server Error", parameters=more)
        return _json(error.body, fault.code or 500)

    async def _answer(self, name: str, values: dict[str, Any]) -> web.StreamResponse:
        spec, handler = self.methods[name]
        parameters = values
        try:
            parameters = checked(name, spec, values)
            result = handler(parameters)
            if inspect.isawaitable(result):
                result = await result
        except ApiError as error:
            if error.mistake:
                self._telegram.fail(f"{name}: {error} {parameters}")
            self._note(name, parameters, error.code)
            return _json(error.body, error.code)
        self._note(name, parameters, 200)
        return _json({"ok": True, "result": result}, 200)

    def _note(self, name: str, parameters: dict[str, Any], code: int) -> None:
        self._telegram.calls.append(Call(time.monotonic(), name, parameters, code))

    async def file(self, request: web.Request) -> web.StreamResponse:
        if request.match_info["token"] != self._telegram.token:
            return _json(ApiError(401, "Unauthorized").body, 401)
        found = self._telegram.files.at(request.match_info["path"])
        if found is None:
            return _json(ApiError(404, "Not Found").body, 404)
        self._telegram.files.downloads.append(found.id)
        return web.Response(body=found.data, content_type="application/octet-stream")


def _json(body: dict[str, Any], status: int) -> web.Response:
    return web.json_response(body, status=status)


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.lstrip("-").isdecimal() else None
