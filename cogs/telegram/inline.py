"""Inline mode: `@bot title` in any chat; the result's button adds the track to the room where one acted last."""

from gettext import NullTranslations

from telegram import (
    CallbackQuery,
    Chat,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQuery,
    InlineQueryResultArticle,
    InlineQueryResultsButton,
    InputTextMessageContent,
)
from telegram.constants import ChatType

from cogs import words
from cogs.languages import translations
from cogs.telegram import markup
from cogs.telegram.keyboards import LONGEST
from cogs.telegram.people import Speaker, chat_of, place_of
from cogs.telegram.refusals import refusal
from cogs.telegram.stars_only import without_links
from cogs.telegram.surface import Surface
from cogs.text import length, plain
from core.errors import ChorusError
from core.ports.places import RoomRef
from core.records.results import Queued
from core.types import CommandId, Track

RESULTS = 20
CACHED = 5
"""Seconds for which Telegram may answer the same words by itself."""
ADD = "add:"


async def search(surface: Surface, query: InlineQuery) -> None:
    """What the library has like what is typed."""
    texts = translations(query.from_user.language_code or "en")
    try:
        found = await surface.ports.library.search(query.query.strip(), limit=RESULTS)
    except ChorusError:
        found = ()
    results = [_result(track, texts) for track in found if len(f"{ADD}{track.ref}".encode()) <= LONGEST]
    who = Speaker(query.from_user.id, query.from_user.full_name)
    label = texts.gettext("My room: %(name)s") % {"name": _shown((await _room(surface, who))[1], 30)}
    button = InlineQueryResultsButton(label, start_parameter="room")
    await query.answer(results, cache_time=CACHED, is_personal=True, button=button)


def _result(track: Track, texts: NullTranslations) -> InlineQueryResultArticle:
    told = f"{track.artist} – {track.title}" if track.artist else track.title
    add = InlineKeyboardButton(texts.gettext("Add to my room"), callback_data=f"{ADD}{track.ref}")
    return InlineQueryResultArticle(
        id=track.ref[:LONGEST],
        title=_shown(track.title, 100),
        description=" · ".join(_shown(part, 100) for part in (track.artist, length(track.length)) if part),
        input_message_content=InputTextMessageContent(f"🎵 {_shown(told, 200)}"),
        reply_markup=InlineKeyboardMarkup([[add]]),
    )


def _shown(text: str, limit: int) -> str:
    """Other people's text: one title like a link to a payment would keep back all results."""
    return without_links(plain(text, limit))


async def _room(surface: Surface, who: Speaker) -> tuple[int, str]:
    """The chat whose room is somebody's, and its name: where they acted last and still are, else their private one."""
    place = await surface.people.visited(await surface.people.person(who))
    chat = chat_of(place) if place else None
    if chat is None or not await surface.people.is_in(chat, who.id):
        chat = who.id
    return chat, (await _ref(surface, chat, who)).name


async def _ref(surface: Surface, chat: int, who: Speaker) -> RoomRef:
    """The room of a chat; only one's private chat is called as one is."""
    return await surface.people.room(chat, who.name if chat == who.id else "")


async def add(surface: Surface, query: CallbackQuery, update: int) -> None:
    """Queue what an inline result names, in the room of whoever presses."""
    language = query.from_user.language_code or "en"
    texts, now = translations(language), surface.ports.clock.now()
    try:
        name, result = await _add(surface, query, update)
    except ChorusError as error:
        await query.answer(markup.plain(refusal(error, texts), language, now), show_alert=True)
        return
    await query.answer(markup.plain(f"{name}: {words.queued(result, texts)}", language, now))


async def _add(surface: Surface, query: CallbackQuery, update: int) -> tuple[str, Queued]:
    who = Speaker(query.from_user.id, query.from_user.full_name)
    number, _ = await _room(surface, who)
    chat = Chat(number, ChatType.PRIVATE if number == who.id else ChatType.SUPERGROUP)
    ref = await _ref(surface, number, who)
    actor = await surface.people.actor(who, chat, ref)
    wanted, command = (query.data or "").removeprefix(ADD), CommandId(f"telegram:{surface.bot.id}:{update}")
    result = await surface.ports.jukebox.play(ref.room, actor, wanted, command_id=command)
    surface.panels.know(place_of(number), ref)
    await surface.panels.open(place_of(number), None, anew=result.rank == 0)
    return ref.name, result
