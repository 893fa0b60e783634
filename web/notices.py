"""What a person was told about plans, and what they choose to be told.

For the visitor themselves at `/notices`, and at `/notices/{ticket}` for whom a link names that they were sent. Mail
programs post to `/unsubscribe/{ticket}/{topic}` (RFC 8058), without our cookies and forms.
"""

from collections.abc import Collection
from typing import Any

from aiohttp import web

from core.errors import ChorusError
from core.numbers import number
from core.records.notices import Letter, Topic
from core.types import Actor, PersonId, PlaceId, RoomId
from web.desk import Desk
from web.guard import page
from web.site import NONCE, Site, locale_of, visitor_of


class Notices:
    """Handlers for both."""

    def __init__(self, site: Site, desk: Desk) -> None:
        self._site, self._desk = site, desk

    def routes(self) -> list[web.RouteDef]:
        """Where each page and form is."""
        return [
            web.get("/notices", self.show),
            web.get("/notices/{ticket}", self.show),
            *(web.post(f"/notices{own}/read", self.read) for own in ("", "/{ticket}")),
            *(web.post(f"/notices{own}/choose", self.choose) for own in ("", "/{ticket}")),
        ]

    async def show(self, request: web.Request) -> web.StreamResponse:
        """What is unread, and the choices."""
        person, places = await self._reader(request)
        visitor = visitor_of(request)
        told = [(it.id, self._told(it, request)) for it in await self._desk.board.unread(person, places)]
        muted = await self._desk.board.muted(person) if person is not None else ()
        facts: dict[str, Any] = {
            "base": request.path,
            "query": f"?{request.query_string}" if request.query_string else "",
            "told": told,
            "topics": [(it.value, it not in muted) for it in Topic] if person is not None else [],
            "csrf": self._site.visitors.csrf(visitor),
            "nonce": request[NONCE],
        }
        response = page(self._site.drawing.part("notices.html", locale_of(request), **facts))
        response.headers["Referrer-Policy"] = "no-referrer"
        self._site.visitors.write(response, visitor, secure=self._site.proxies.secure(request))
        return response

    async def read(self, request: web.Request) -> web.StreamResponse:
        """One was read."""
        person, places = await self._reader(request)
        notice = number(str((await request.post()).get("notice", "")))
        if notice is not None:
            await self._desk.board.read(notice, person, places)
        raise web.HTTPSeeOther(request.rel_url.with_path(request.path.rpartition("/")[0], keep_query=True))

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """From now on they are told what is ticked."""
        person, _ = await self._reader(request)
        if person is None:
            raise web.HTTPNotFound
        wanted = set((await request.post()).getall("topic", []))
        for topic in Topic:
            await self._desk.board.mute(person, topic, on=topic.value not in wanted)
        raise web.HTTPSeeOther(request.rel_url.with_path(request.path.rpartition("/")[0], keep_query=True))

    async def count(self, actor: Actor) -> int:
        """How many the visitor of a room's page has not read."""
        return await self._desk.board.count(actor.person, [actor.place] if actor.admin else ())

    def _told(self, letter: Letter, request: web.Request) -> str:
        return self._desk.told(letter, locale_of(request))

    async def _reader(self, request: web.Request) -> tuple[PersonId | None, Collection[PlaceId]]:
        """Who reads, and the places they look after. Raises HTTPNotFound for a link that does not count."""
        if "ticket" in request.match_info:
            person = self._desk.tickets.person(request.match_info["ticket"])
            if person is None:
                raise web.HTTPNotFound
            return person, ()
        guest = await self._site.known(request)
        if guest is None:
            return None, ()
        room = request.query.get("room", "")
        ref = await self._site.places.entrance(RoomId(room)) if room else None
        member = await self._site.member(ref, guest) if ref is not None else None
        return guest.person, [member.place] if member is not None and member.admin else ()


def unsubscribe_app(desk: Desk) -> web.Application:
    """Where a mail program's button leads: a post by itself ends that topic, a person comes to the choices."""
    app = web.Application(client_max_size=16 * 1024)

    async def end(request: web.Request) -> web.StreamResponse:
        person = desk.tickets.person(request.match_info["ticket"])
        topic = request.match_info["topic"]
        if person is None or topic not in set(Topic):
            raise web.HTTPNotFound
        try:
            await desk.board.mute(person, Topic(topic), on=True)
        except ChorusError:
            raise web.HTTPServiceUnavailable from None
        return web.Response(text="")

    async def look(request: web.Request) -> web.StreamResponse:
        raise web.HTTPSeeOther(f"/notices/{request.match_info['ticket']}")

    app.add_routes([web.post("/{ticket}/{topic}", end), web.get("/{ticket}/{topic}", look)])
    return app
