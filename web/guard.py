"""What stands before every page: who asks, forged posts, too many of them; and what every answer carries."""

import secrets
import time
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

from core.errors import ChorusError, RateLimitedError
from web import refusals
from web.languages import translations
from web.metrics import REQUESTS
from web.site import NONCE, VISITOR, Site, is_partial, locale_of, visitor_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FORM_BYTES = 16 * 1024
GONE = 499
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self'; media-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {ancestors}"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_TELEGRAM = "https://web.telegram.org"
"""The one page of others that may show one of ours: the Mini App, in a frame."""
_ELSEWHERE = {"cross-site", "same-site"}


class Guard:
    """Middleware and signal of the page's own routes; sub-applications are left as they are."""

    def __init__(self, app: web.Application, site: Site) -> None:
        self._app, self._site = app, site
        app.middlewares.append(self._middleware)
        app.on_response_prepare.append(self._prepare)

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not self._ours(request):
            return await handler(request)
        request[VISITOR] = self._site.visitors.read(request)
        request[NONCE] = secrets.token_urlsafe(16)
        response = await self._answer(request, handler)
        REQUESTS.labels(request.method, _route(request), response.status).inc()
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.method == "POST":
                await self._admit(request)
            return await handler(request)
        except ChorusError as error:
            return self._refuse(request, error)
        except ConnectionResetError:  # gone before the first byte
            return web.Response(status=GONE)
        except web.HTTPNotFound:
            gettext = translations(locale_of(request)).gettext
            return self._page(request, 404, gettext("There is nothing here."))

    async def _admit(self, request: web.Request) -> None:
        """Raises HTTPForbidden for a form that is not ours, HTTPRequestEntityTooLarge, RateLimitedError."""
        if (request.content_length or 0) > FORM_BYTES:
            raise web.HTTPRequestEntityTooLarge(FORM_BYTES, request.content_length or 0)
        if request.headers.get("Sec-Fetch-Site") in _ELSEWHERE:
            raise web.HTTPForbidden(text="Forms of other sites are not accepted.")
        if _is_app(request):
            _require_own_origin(request)
            await self._site.limits.count_post(visitor_of(request).id, self._site.proxies.client(request))
            return
        form = await request.post()
        token = request.headers.get("X-CSRF-Token") or str(form.get("csrf", ""))
        if self._site.visitors.forged(visitor_of(request), token):
            raise web.HTTPForbidden(text="This form is too old: load the page again.")
        await self._site.limits.count_post(visitor_of(request).id, self._site.proxies.client(request))

    def _refuse(self, request: web.Request, error: ChorusError) -> web.Response:
        catalogue = translations(locale_of(request))
        response = self._page(request, refusals.status(error), refusals.refusal(error, catalogue))
        if isinstance(error, RateLimitedError):
            response.headers["Retry-After"] = str(round(error.retry_after))
        return response

    def _page(self, request: web.Request, status: int, text: str) -> web.Response:
        locale = locale_of(request)
        template = "_notice.html" if is_partial(request) else "message.html"
        facts = {"text": text, "wrong": True, "nonce": request[NONCE]}
        return page(self._site.drawing.part(template, locale, **facts), status=status)

    async def _prepare(self, request: web.Request, response: web.StreamResponse) -> None:
        if not self._ours(request):
            return
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        framed = _is_app(request)
        if framed:
            del response.headers["X-Frame-Options"]
        ancestors = _TELEGRAM if framed else "'none'"
        policy = _POLICY.format(nonce=request.get(NONCE, ""), ancestors=ancestors)
        response.headers["Content-Security-Policy"] = policy
        if self._site.proxies.secure(request):
            response.headers["Strict-Transport-Security"] = "max-age=31536000"

    def _ours(self, request: web.Request) -> bool:
        return request.match_info.apps[-1] is self._app


def _is_app(request: web.Request) -> bool:
    return request.path.startswith("/app/")


def _require_own_origin(request: web.Request) -> None:
    """What signs in needs no token: it is signed itself, and only our own page may send it. Raises HTTPForbidden."""
    origin = request.headers.get("Origin")
    if "Sec-Fetch-Site" not in request.headers and origin is not None and urlsplit(origin).netloc != request.host:
        raise web.HTTPForbidden(text="Forms of other sites are not accepted.")


def page(html: str, *, status: int = 200) -> web.Response:
    """HTML for one person only."""
    response = web.Response(text=html, status=status, content_type="text/html")
    response.headers.update({"Cache-Control": "private, no-cache", "Vary": "Accept-Language, Cookie, HX-Request"})
    response.enable_compression()
    return response


def command_token() -> str:
    """What makes a repeated post recognisable; made anew for each page."""
    return f"{int(time.time()):x}-{secrets.token_urlsafe(9)}"


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "none"
