"""The plan of a room's place: seen by everybody, bought and changed by whoever comes with a signed key from the chat.

Nothing of this is there for people who come from Telegram, where only Stars buy.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from core.enums import Surface
from core.numbers import number
from core.ports.places import RoomRef
from core.ports.shop import Shop
from core.purchases import NotForSaleError
from core.records.shop import Outcome
from core.types import Actor, PersonId
from web import plan_words as words
from web.guard import page
from web.languages import translations
from web.site import NONCE, Site, locale_of, visitor_of

Change = Callable[[Actor], Awaitable[Outcome]]
LONGEST = 2_000
"""Characters of a field."""


class Premium:
    """`/r/{room}/premium`, and where payers come back to."""

    def __init__(self, site: Site, shop: Shop) -> None:
        self._site, self._shop = site, shop

    def routes(self) -> list[web.RouteDef]:
        """Where it is."""
        return [
            web.get("/r/{room}/premium", self.look),
            web.post("/r/{room}/premium", self.act),
            web.get("/premium/back", self.back),
        ]

    async def look(self, request: web.Request) -> web.StreamResponse:
        """How the place stands. Raises OldLinkError."""
        ref = await self._ref(request)
        return await self._show(request, ref, request.query.get("key", ""))

    async def back(self, request: web.Request) -> web.StreamResponse:
        """On to the room's page; what was paid is known by then, unless the address was made up."""
        place = await self._shop.arrived(request.query.get("of", "")[:LONGEST])
        if place is None:
            raise web.HTTPFound("/")
        ref = await self._site.places.place_room(place, "")
        raise web.HTTPFound(f"/r/{ref.room}/premium")

    async def act(self, request: web.Request) -> web.StreamResponse:
        """What the bearer of a key asks for."""
        ref, form = await self._ref(request), await request.post()
        fields = {name: str(value)[:LONGEST] for name, value in form.items()}
        key, act, price = fields.get("key", ""), fields.get("act", ""), fields.get("price", "")
        actor = self._shop.bearer(key, ref.place)
        if act == "buy":
            return self._leave(request, await self._shop.buy(actor, price, locale_of(request)))
        if act == "portal":
            return self._leave(request, await self._shop.portal(actor, ref.room))
        if act == "quote":
            return await self._show(request, ref, key, quote=await self._shop.quote(actor, price))
        outcome = await self._changed(act, actor, fields)
        text = words.outcome(act, outcome, self._site.clock.now(), translations(locale_of(request)))
        if outcome.pay_at:
            return self._leave(request, outcome.pay_at, text)
        return await self._show(request, ref, key, text=text)

    async def _changed(self, act: str, actor: Actor, fields: dict[str, str]) -> Outcome:
        """Raises NotForSaleError for what there is not."""
        if act == "change":
            return await self._shop.change(actor, fields.get("price", ""), number(fields.get("at", "")))
        if act == "bring":
            return await self._shop.transfer(actor, fields.get("subscription", ""))
        changes: dict[str, Change] = {
            "cancel": self._shop.cancel,
            "pause": self._shop.pause,
            "resume": self._shop.resume,
            "undo": self._shop.undo,
        }
        if act not in changes:
            raise NotForSaleError
        return await changes[act](actor)

    async def _ref(self, request: web.Request) -> RoomRef:
        """The room, unless it is Telegram that asks or is asked about. Raises HTTPNotFound."""
        ref = await self._site.ref(request)
        if visitor_of(request).telegram or ref.place.startswith(f"{Surface.TELEGRAM}:"):
            raise web.HTTPNotFound
        return ref

    async def _show(self, request: web.Request, ref: RoomRef, key: str, **more: Any) -> web.Response:
        stranger = Actor(PersonId(""), "", ref.place, Surface.WEB)
        actor = self._shop.bearer(key, ref.place) if key else stranger
        stand = await self._shop.standing(actor)
        facts = {"ref": ref, "stand": stand, "key": key, "actor": actor}
        return self._page(request, "premium.html", **facts, **({"text": "", "quote": None} | more))

    def _leave(self, request: web.Request, url: str, text: str = "") -> web.Response:
        """On to Stripe by a page of our own: forms may lead nowhere else (see the policy of `guard`)."""
        response = self._page(request, "leave.html", url=url, text=text)
        response.headers["Cache-Control"] = "no-store"
        return response

    def _page(self, request: web.Request, template: str, **facts: Any) -> web.Response:
        locale, visitor = locale_of(request), visitor_of(request)
        facts |= {"catalogue": translations(locale), "worded": words, "nonce": request[NONCE]}
        facts["csrf"] = self._site.visitors.csrf(visitor)
        response = page(self._site.drawing.part(template, locale, **facts))
        self._site.visitors.write(response, visitor, secure=self._site.proxies.secure(request))
        return response
