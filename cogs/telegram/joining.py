"""The commands that join: /link CODE and /unlink for the chat, /me for one's own accounts."""

from dataclasses import replace

from telegram.constants import ChatType

from cogs.telegram.surface import Call
from cogs.text import safe
from core.enums import Surface
from core.errors import ForbiddenError
from core.types import Actor, Identity


def _as_admin(call: Call) -> Actor:
    """Administrators of the chat speak for it, whatever room it shares."""
    return replace(call.actor, admin=call.actor.dj)


async def link(call: Call) -> None:
    """Share the room of a server: the code comes from its admins."""
    _ = call.words.gettext
    if not call.arguments:
        await call.say(_("An admin of the server gets a code from me there by /link. Send it here: /link CODE."))
        return
    await call.surface.ports.joining.join(_as_admin(call), call.arguments)
    ref = await call.surface.panels.ref(call.actor.place)
    call.surface.panels.know(call.actor.place, ref)
    text = _("This chat shares the room of **%(name)s** now: one queue, heard in its voice channel too.")
    await call.say(text % {"name": safe(ref.name)})
    call.surface.panels.wake(ref.room)


async def unlink(call: Call) -> None:
    """A room of one's own again."""
    await call.surface.ports.joining.part(_as_admin(call))
    ref = await call.surface.panels.ref(call.actor.place)
    call.surface.panels.know(call.actor.place, ref)
    await call.say(call.words.gettext("This chat has a room of its own again; what its people asked for came along."))
    call.surface.panels.wake(ref.room)


async def me(call: Call) -> None:
    """/me link: a code for one's other account; /me CODE: that account is mine; /me unlink: no longer."""
    _, wanted = call.words.gettext, call.arguments.lower()
    if call.who.is_chat:
        raise ForbiddenError("link", "person")
    identity = Identity(Surface.TELEGRAM, str(call.who.id), call.who.name)
    if wanted == "unlink":
        await call.surface.ports.joining.forget(identity)
        await call.say(_("This account is somebody of its own again."))
    elif wanted == "link" and call.spot.chat.type == ChatType.PRIVATE:
        code = await call.surface.ports.joining.introduce(identity)
        await call.say(_("Your code is `%(code)s`: on Discord, send /me with it within ten minutes.") % {"code": code})
    elif not wanted or wanted == "link":
        text = _("Write to me privately: /me link gives a code for your other account, /me CODE takes one from there.")
        await call.say(text)
    else:
        other = await call.surface.ports.joining.recognise(call.actor.person, identity, call.arguments)
        text = _("You and **%(name)s** are one person now: one vote, one turn.")
        await call.say(text % {"name": safe(other.name, 32)})
