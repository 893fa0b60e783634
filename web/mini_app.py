"""The room's page inside Telegram: who opens it there is who they are in the chat."""

from aiohttp import web

from core.ports.codes import Codes
from core.types import RoomId
from web.guard import page
from web.init_data import AGE, InitDataError, verified
from web.pages import Pages
from web.site import VISITOR, Site, locale_of, visitor_of
from web.visitors import Visitor

CLAIM = "mini app"


class MiniApp:
    """`/app` is what @BotFather is told; `codes` remember what has been used to sign in."""

    def __init__(self, site: Site, pages: Pages, codes: Codes, token: str) -> None:
        self._site, self._pages, self._codes, self._token = site, pages, codes, token

    def routes(self) -> list[web.RouteDef]:
        """Where it is."""
        return [
            web.get("/app", self.enter),
            web.get("/app/{room}", self.door),
            web.post("/app/{room}", self.sign_in),
        ]

    async def enter(self, request: web.Request) -> web.StreamResponse:
        """On to the room that the link names (`startapp`), or the Lobby; browsers take the fragment along."""
        named = request.query.get("tgWebAppStartParam", "")
        ref = await self._site.places.entrance(RoomId(named)) if named else None
        room = RoomId(named) if ref is not None else (await self._site.places.lobby()).room
        raise web.HTTPFound(f"/app/{room}")

    async def door(self, request: web.Request) -> web.StreamResponse:
        """A page whose script sends what Telegram put into the address's fragment; pages of the queue for who did."""
        if visitor_of(request).telegram and "page" in request.query:
            return await self._pages.room(request)
        ref = await self._site.ref(request)
        facts = {"room": request.match_info["room"], "name": ref.name}
        return page(self._site.drawing.part("app.html", locale_of(request), **facts))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """The room, for the Telegram user who opened it. Raises InitDataError."""
        form = await request.post()
        said = verified(str(form.get("initData", "")), self._token, self._site.clock.now())
        visitor = Visitor.from_telegram(said.user, said.name, said.at)
        fresh = await self._codes.claim(CLAIM, said.token, until=said.at + AGE)
        if not fresh and visitor_of(request).id != visitor.id:  # who signed in by it may load the page again
            raise InitDataError("used")
        request[VISITOR] = visitor
        return await self._pages.room(request)
