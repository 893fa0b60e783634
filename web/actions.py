"""Posts: each one command of the Jukebox. They work as plain forms and as HTMX fragments."""

from collections.abc import Awaitable, Callable
from contextlib import suppress

from aiohttp import web
from multidict import MultiDict

from core.enums import Surface
from core.errors import ChorusError, NoSuchRoomError
from core.ports.places import RoomRef
from web import refusals
from web.controls import Controls
from web.guard import page
from web.languages import translations
from web.pages import Pages
from web.press import Action, Press, Said, command_id
from web.queueing import Queueing
from web.site import VISITOR, Site, is_partial, locale_of, visitor_of

SAID_SECONDS = 20


class Actions:
    """Handlers for POST."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site, self._pages = site, pages

    def routes(self) -> list[web.RouteDef]:
        """Where each form goes."""
        actions = Queueing(self._site.jukebox).actions() | Controls(self._site.jukebox).actions()
        return [
            *(web.post(f"/r/{{room}}/{name}", self._handler(action)) for name, action in actions.items()),
            web.post("/r/{room}/name", self.name),
        ]

    async def name(self, request: web.Request) -> web.StreamResponse:
        """Go by another name from now on; a name without a visible character leaves things as they are."""
        ref, form, visitor = await self._site.ref(request), await request.post(), visitor_of(request)
        if not visitor.telegram:  # who has a name in Telegram
            with suppress(ValueError):
                visitor = visitor.named(str(form.get("name", "")))
        request[VISITOR] = visitor
        await self._site.places.person(visitor.identity)
        response = self._named(request) if is_partial(request) else _back(ref)
        self._site.visitors.write(response, visitor, secure=self._site.proxies.secure(request))
        return response

    def _named(self, request: web.Request) -> web.Response:
        facts = {"visitor": visitor_of(request), "base": f"/r/{request.match_info['room']}"}
        return page(self._site.drawing.part("_name.html", locale_of(request), **facts))

    def _handler(self, action: Action) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            press = await self._press(request)
            try:
                said = await action(press)
            except NoSuchRoomError:
                raise
            except ChorusError as error:
                return await self._refuse(request, press, error)
            return self._answer(request, press, said)

        return handle

    async def _press(self, request: web.Request) -> Press:
        """What the form says; whoever sends one is there."""
        ref, guest = await self._site.ref(request), await self._site.guest(request)
        form = [(name, value) for name, value in (await request.post()).items() if isinstance(value, str)]
        fields: MultiDict[str] = MultiDict(form)
        fields.extend(request.query)
        actor = await self._site.actor(ref, guest)
        if actor.surface is Surface.WEB:
            await self._site.presences.act(ref, guest)
        command = command_id(visitor_of(request).id, request.path, fields)
        return Press(ref, actor, fields, command, translations(locale_of(request)))

    def _answer(self, request: web.Request, press: Press, said: Said) -> web.StreamResponse:
        if not is_partial(request):
            response = _back(press.ref)
            news = {"said": said.text, "undo": "1" if said.undo else ""}
            for name, value in news.items():
                if value:
                    response.set_cookie(name, value, max_age=SAID_SECONDS, httponly=True, samesite="Lax", path="/")
            return response
        if not said.text:
            return web.Response(status=204)
        facts = {"text": said.text, "wrong": False, "undo": said.undo, "base": f"/r/{press.room}"}
        return page(self._site.drawing.part("_notice.html", locale_of(request), **facts))

    async def _refuse(self, request: web.Request, press: Press, error: ChorusError) -> web.StreamResponse:
        text, status = refusals.refusal(error, press.words), refusals.status(error)
        if is_partial(request):
            facts = {"text": text, "wrong": True, "undo": False, "base": f"/r/{press.room}"}
            return page(self._site.drawing.part("_notice.html", locale_of(request), **facts), status=status)
        scene = await self._site.scenes.take(press.ref, press.actor)
        return await self._pages.show(request, scene, press.actor, text=text, wrong=True, status=status)


def _back(ref: RoomRef) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/r/{ref.room}"})
