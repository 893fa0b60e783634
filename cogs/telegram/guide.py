"""The commands that explain: /start /help /listen /lang."""

from dataclasses import replace

from babel.core import Locale, UnknownLocaleError

from cogs.languages import FOLDER
from cogs.telegram import live
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from cogs.text import safe
from core.numbers import signed

LANGUAGES = ("en", *sorted(path.stem for path in FOLDER.glob("*.po")))


async def start(call: Call) -> None:
    """What this is; the payload of a deep link does something at once."""
    if call.arguments == "listen":
        await listen(call)
        return
    if call.arguments.startswith("live_") and (chat := signed(call.arguments.removeprefix("live_"))):
        await live.guide(call, chat)
        return
    if call.arguments == "room":
        await mine(call)
        return
    _, me = call.words.gettext, call.surface.bot.username
    text = _("I play music for everybody here: one queue, fair turns, votes. /play starts something; /help tells more.")
    inline = _("In any other chat, write @%(bot)s and a title.") % {"bot": me}
    add = Button(_("Add me to a group"), url=f"https://t.me/{me}?startgroup=music")
    await call.say(f"{text}\n{safe(inline)}", ((add,),) if call.spot.chat.type == "private" else ())


async def mine(call: Call, _: int = 0) -> None:
    """From now on this chat is where one's tracks from other chats go; acting anywhere else changes it again."""
    await call.surface.people.visit(call.actor)
    text = call.words.gettext("Your tracks from other chats join the queue of %(name)s.")
    await call.say(text % {"name": safe(call.ref.name)})


async def help_(call: Call) -> None:
    """Every command with a line."""
    from cogs.telegram.commands import listed

    lines = [f"/{one.name} · {call.words.gettext(one.description)}" for one in listed(sells=call.surface.sells)]
    await call.say("\n".join(line.replace("_", "\\_") for line in lines))


async def listen(call: Call) -> None:
    """Where the room is heard."""
    _, page = call.words.gettext, call.surface.panels.page(call.room)
    choose = (Button(_("Make this my room"), "mine"),)
    rows = ((Button(_("🎧 Listen"), url=page),), choose) if page else (choose,)
    if page is None:
        text = _("Whoever runs me has set no public address, so the room has no page that you can reach.")
    else:
        text = _("Listen to this room on its page: everybody hears the same at the same time.")
    linked = call.ref.place != call.actor.place
    more = _("It is also heard in the voice channel of **%(name)s**.") % {"name": safe(call.ref.name)} if linked else ""
    await call.say("\n".join(part for part in (text, more) if part), rows)


async def lang(call: Call) -> None:
    """Show or choose the language that this chat is answered in; without a choice it is each person's own."""
    _ = call.words.gettext
    wanted, panels = call.arguments.lower(), call.surface.panels
    known = panels.chat(call.actor.place)
    if wanted not in {*LANGUAGES, "auto"}:
        now = known.language or "auto"
        text = _("The language here is %(now)s. Choose one: /lang %(choices)s.")
        await call.say(text % {"now": now, "choices": ", /lang ".join((*LANGUAGES, "auto"))})
        return
    await panels.remember(replace(known, language=None if wanted == "auto" else wanted))
    panels.wake(call.room)
    await replace(call, spot=replace(call.spot, language=call.spot.language if wanted == "auto" else wanted)).say(
        call.words.gettext("The language here is %(now)s now.") % {"now": _name(wanted)}
    )


def _name(tag: str) -> str:
    """A language by its own name."""
    try:
        return Locale(tag).display_name or tag
    except (UnknownLocaleError, ValueError):
        return tag
