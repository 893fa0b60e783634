"""Posts: each one command of the Jukebox. They work as plain forms and as HTMX fragments."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from gettext import NullTranslations

from aiohttp import web
from multidict import MultiDict

from core.errors import ChorusError, NoSuchEntryError, NoSuchRoomError, NothingFoundError
from core.ports.places import RoomRef
from core.types import Actor, CommandId, EntryId
from web import words
from web.guard import page
from web.languages import translations
from web.pages import QUERY_LENGTH, Pages
from web.site import VISITOR, Site, actor, is_partial, locale_of, visitor_of

SAID_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Press:
    """One post: who, where, the form's fields, and the command id that makes a repeat recognisable."""

    ref: RoomRef
    actor: Actor
    fields: MultiDict[str]
    command_id: CommandId | None
    words: NullTranslations

    @property
    def entry(self) -> EntryId:
        """The entry that the form is about. Raises NoSuchEntryError."""
        text = self.fields.get("entry", "")
        if not (text.isascii() and text.isdecimal()) or len(text) > 18:  # noqa: PLR2004 - what a 64-bit integer holds for sure
            raise NoSuchEntryError(EntryId(0))
        return EntryId(int(text))


Action = Callable[[Press], Awaitable[str]]
"""Does it; the sentence to show, or nothing when the page itself shows it."""


class Actions:
    """Handlers for POST."""

    def __init__(self, site: Site, pages: Pages) -> None:
        self._site, self._pages, self._jukebox = site, pages, site.jukebox

    def routes(self) -> list[web.RouteDef]:
        """Where each form goes."""
        actions: dict[str, Action] = {
            "add": self.add,
            "vote": self.vote,
            "skip": self.skip,
            "remove": self.remove,
            "pause": self.pause,
            "resume": self.resume,
        }
        return [
            *(web.post(f"/r/{{room}}/{name}", self._handler(action)) for name, action in actions.items()),
            web.post("/r/{room}/name", self.name),
        ]

    async def add(self, press: Press) -> str:
        """Queue what `q` names: words, a link, or the reference of a search result."""
        query = press.fields.get("q", "").strip()[:QUERY_LENGTH]
        if not query:
            raise NothingFoundError("")
        result = await self._jukebox.play(press.ref.room, press.actor, query, command_id=press.command_id)
        return words.queued(result, press.words)

    async def vote(self, press: Press) -> str:
        """Vote for `entry` by `value`: 1, -1, or 0 to withdraw."""
        value = {"1": 1, "-1": -1}.get(press.fields.get("value", ""), 0)
        await self._jukebox.vote(press.ref.room, press.actor, press.entry, value, command_id=press.command_id)
        return ""

    async def skip(self, press: Press) -> str:
        """Skip `entry` (what the page showed), or ask the others."""
        entry = press.entry if "entry" in press.fields else None
        result = await self._jukebox.skip(press.ref.room, press.actor, entry=entry, command_id=press.command_id)
        if not result.done:
            young = press.words.gettext("Noted. It counts once you have listened for ten seconds.")
            return "" if result.votes else young
        return press.words.gettext("“%(title)s” was skipped.") % {"title": result.title}

    async def remove(self, press: Press) -> str:
        """Take `entry` out of the queue."""
        result = await self._jukebox.remove(press.ref.room, press.actor, press.entry, command_id=press.command_id)
        return press.words.gettext("“%(title)s” is out of the queue.") % {"title": result.title}

    async def pause(self, press: Press) -> str:
        """Hold the music."""
        await self._jukebox.pause(press.ref.room, press.actor, command_id=press.command_id)
        return ""

    async def resume(self, press: Press) -> str:
        """Let the music go on."""
        await self._jukebox.resume(press.ref.room, press.actor, command_id=press.command_id)
        return ""

    async def name(self, request: web.Request) -> web.StreamResponse:
        """Go by another name from now on; a name without a visible character leaves things as they are."""
        ref, form = await self._site.ref(request), await request.post()
        try:
            visitor = visitor_of(request).named(str(form.get("name", "")))
        except ValueError:
            visitor = visitor_of(request)
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
                text = await action(press)
            except NoSuchRoomError:
                raise
            except ChorusError as error:
                return await self._refuse(request, press, error)
            return self._answer(request, press, text)

        return handle

    async def _press(self, request: web.Request) -> Press:
        """What the form says; whoever sends one is there."""
        ref, guest = await self._site.ref(request), await self._site.guest(request)
        form = [(name, value) for name, value in (await request.post()).items() if isinstance(value, str)]
        fields: MultiDict[str] = MultiDict(form)
        fields.extend(request.query)
        await self._site.presences.act(ref, guest)
        command_id = _command_id(visitor_of(request).id, request.path, fields)
        return Press(ref, actor(ref, guest), fields, command_id, translations(locale_of(request)))

    def _answer(self, request: web.Request, press: Press, text: str) -> web.StreamResponse:
        if not is_partial(request):
            response = _back(press.ref)
            if text:
                response.set_cookie("said", text, max_age=SAID_SECONDS, httponly=True, samesite="Lax", path="/")
            return response
        if not text:
            return web.Response(status=204)
        return page(self._site.drawing.part("_notice.html", locale_of(request), text=text, wrong=False))

    async def _refuse(self, request: web.Request, press: Press, error: ChorusError) -> web.StreamResponse:
        text, status = words.refusal(error, press.words), words.status(error)
        if is_partial(request):
            return page(
                self._site.drawing.part("_notice.html", locale_of(request), text=text, wrong=True), status=status
            )
        scene = await self._site.scenes.take(press.ref, press.actor.person)
        return await self._pages.show(request, scene, text=text, wrong=True, status=status)


def _back(ref: RoomRef) -> web.Response:
    return web.Response(status=303, headers={"Location": f"/r/{ref.room}"})


def _command_id(visitor: str, path: str, fields: MultiDict[str]) -> CommandId | None:
    """The form's token, bound to its visitor and to what the form says: an old page's next press is a new command."""
    token = fields.get("command")
    if not token:
        return None
    said = sorted((name, value) for name, value in fields.items() if name != "csrf")
    return CommandId("form:" + hashlib.sha256(repr((visitor, path, said)).encode()).hexdigest()[:32])
