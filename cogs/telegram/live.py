"""/live: the room's sound in the chat's live stream. Its key is given in private, once, and never shown."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from telegram import Chat
from telegram.constants import ChatType
from telegram.error import TelegramError

from cogs import pushing
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from core.errors import ForbiddenError, NoSuchPushError
from core.numbers import signed
from core.ports.pushes import Push

SCHEMES = ("rtmp://", "rtmps://")


async def live(call: Call) -> None:
    """Where the room is sent and how that is going; start, on, off, forget."""
    action, _, rest = call.arguments.partition(" ")
    if any(scheme in call.arguments for scheme in SCHEMES):
        await _given(call)
    elif action in {"on", "off", "forget"}:
        await _change(call, action, rest.strip())
    elif action == "start":
        await _ask(call)
    else:
        pushes = await call.surface.ports.live.pushes(call.room, call.actor)
        states = call.surface.ports.push_states.pushes(call.room) if call.surface.ports.push_states else {}
        await call.say(pushing.listed(pushes, states, call.words))


async def _ask(call: Call) -> None:
    """The way to where the key may be written."""
    await call.surface.ports.live.pushes(call.room, call.actor)  # those who may not are told so here
    _, me = call.words.gettext, call.surface.bot.username
    where = Button(_("Write to me privately"), url=f"https://t.me/{me}?start=live_{call.spot.chat.id}")
    text = _("Start a live stream in the chat, with another app, and give me its server address and key in private.")
    await call.say(text, ((where,),))


async def guide(call: Call, chat: int) -> None:
    """What to write, for somebody who came by the button."""
    text = call.words.gettext(
        "Send me both in one line, the key after the address: /live %(chat)d rtmps://server/s/KEY"
    )
    await call.say(text % {"chat": chat})


async def _given(call: Call) -> None:
    """An address with its key: the message goes at once, wherever it was written."""
    message = call.spot.message
    if message is not None:
        with contextlib.suppress(TelegramError):
            await call.surface.bot.delete_message(call.spot.chat.id, message.message_id)
    if call.spot.chat.type != ChatType.PRIVATE:
        text = call.words.gettext(
            "That key could be read by everybody here. Make a new one, and give it to me in private."
        )
        await call.spot.send(text)
        return
    words = call.arguments.split()
    target = await _target(call, next((chat for word in words if (chat := signed(word))), None))
    address = next(word for word in words if word.startswith(SCHEMES))
    push = await call.surface.ports.live.push(target.room, target.actor, address, picture="picture" in words)
    await call.say(pushing.started(push, call.words))


async def _target(call: Call, chat: int | None) -> Call:
    """The call as it would be in that chat, if the person is one of its administrators. Raises ForbiddenError."""
    if chat is None or chat == call.spot.chat.id:
        return call
    there, people = Chat(chat, ChatType.SUPERGROUP), call.surface.people
    if not await people.is_admin(call.who, there):
        raise ForbiddenError("configure", "admin")
    ref = await people.room(there.id, (await call.surface.bot.get_chat(there.id)).title or "")
    return replace(call, ref=ref, actor=await people.actor(call.who, there, ref))


async def _change(call: Call, action: str, which: str) -> None:
    surface, push = call.surface, _meant(await call.surface.ports.live.pushes(call.room, call.actor), which)
    if action == "forget":
        await surface.ports.live.forget(call.room, call.actor, push.id)
        await call.say(pushing.forgotten(call.words))
        return
    done = await surface.ports.live.switch(call.room, call.actor, push.id, on=action == "on")
    await call.say(pushing.switched(done, on=action == "on", words=call.words))


def _meant(pushes: Sequence[Push], which: str) -> Push:
    """By its number in the list, the first if none is named. Raises NoSuchPushError."""
    number = int(which) if which.isascii() and which.isdecimal() and len(which) < 4 else 1  # noqa: PLR2004 - three digits
    if not 0 < number <= len(pushes):
        raise NoSuchPushError(which)
    return pushes[number - 1]
