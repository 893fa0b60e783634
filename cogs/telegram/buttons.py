"""What pressing a button does. Its data says all, so it works after a restart and on old messages."""

from collections.abc import Awaitable, Callable

from cogs import words
from cogs.answers import skipped
from cogs.telegram import controls, drawing, editing, entries, guide, premium, shelf, stewardship
from cogs.telegram.keyboards import keyboard, tag
from cogs.telegram.markup import html
from cogs.telegram.surface import Call
from cogs.yes import agree
from core.enums import Loop
from core.errors import NoSuchEntryError, NoSuchRoomError
from core.types import EntryId

Act = Callable[[Call, int], Awaitable[None]]


async def press(call: Call, action: str, room: str, number: int) -> None:
    """Do what a button says. Raises NoSuchRoomError for one of a room that this chat does not show (any more)."""
    if room != tag(call.room):
        raise NoSuchRoomError
    kind, _, rest = action.partition(".")
    act = _ACTS.get(action)
    if kind == "yes":
        await agree(call, rest, number)
    elif act is not None:
        await act(call, number)
    else:
        raise NoSuchEntryError(EntryId(number))


async def _skip(call: Call, entry: int) -> None:
    result = await call.jukebox.skip(call.room, call.actor, entry=EntryId(entry), command_id=call.id)
    await call.say(await skipped(call, result))


def _about_what_plays(command: Callable[[Call, EntryId], Awaitable[None]]) -> Act:
    """A command about what the person saw playing."""
    return lambda call, entry: command(call, EntryId(entry))


def _vote(value: int) -> Act:
    """Pressed again, it takes the vote back."""

    async def vote(call: Call, number: int) -> None:
        entry = EntryId(number)
        wanted = 0 if await _my_vote(call, entry) == value else value
        voted = await call.jukebox.vote(call.room, call.actor, entry, wanted, command_id=call.id)
        await call.say(words.voted(voted, call.words))

    return vote


async def _my_vote(call: Call, entry: EntryId) -> int:
    view = await call.jukebox.view(call.room, call.actor.person, size=entries.FAR)
    shown = [*view.upcoming, *([view.current] if view.current else [])]
    return next((one.my_vote for one in shown if one.id == entry), 0)


async def _favourite(call: Call, entry: int) -> None:
    result = await call.jukebox.favourite(call.room, call.actor, EntryId(entry), command_id=call.id)
    await call.say(words.favoured(result, call.words))


async def _shuffle(call: Call, _: int) -> None:
    await editing.shuffle(call)


async def _undo(call: Call, _: int) -> None:
    await editing.undo(call)


async def _loop(call: Call, _: int) -> None:
    """Nothing, the queue, the track, nothing."""
    wanted = {Loop.OFF: Loop.QUEUE, Loop.QUEUE: Loop.TRACK, Loop.TRACK: Loop.OFF}[call.view.loop]
    await call.jukebox.loop(call.room, call.actor, wanted, command_id=call.id)
    await call.say(words.looped(wanted, call.words))


async def _page(call: Call, page: int) -> None:
    page = min(page, drawing.pages(call.view) - 1)
    view = await call.jukebox.view(call.room, call.actor.person, page=page, size=drawing.PAGE)
    drawn = drawing.queue(view, page, call.words)
    await turn(call, drawn)


async def turn(call: Call, drawn: drawing.Drawing) -> None:
    """Show another page in the message whose button was pressed, if the chat's budget allows it."""
    message, query = call.spot.message, call.spot.query
    if message is None or query is None:
        await call.say(drawn.text, drawn.rows)
        return
    text = html(drawn.text, call.spot.language, call.surface.ports.clock.now())
    shown = await call.surface.outbox.edit(call.spot.chat.id, message.message_id, text, keyboard(drawn.rows, call.room))
    await query.answer(None if shown else call.words.gettext("That was quick. Try again in a moment."))


def _turns(page: Callable[[Call, int], Awaitable[drawing.Drawing]]) -> Act:
    """Another page in the same message."""

    async def act(call: Call, number: int) -> None:
        await turn(call, await page(call, number))

    return act


async def _again(call: Call, entry: int) -> None:
    await shelf.play_again(call, EntryId(entry))


_ACTS: dict[str, Act] = {
    "page": _page,
    "plays": _turns(shelf.history_page),
    "again": _again,
    "stars": _turns(shelf.favourites_page),
    "star": shelf.play_favourite,
    "starred": shelf.play_favourites,
    "mine": guide.mine,
    "seek": controls.seek_chapter,
    "audit": _turns(stewardship.audit_page),
    "skip": _skip,
    "pause": _about_what_plays(controls.pause),
    "resume": _about_what_plays(controls.resume),
    "previous": _about_what_plays(controls.previous),
    "up": _vote(1),
    "down": _vote(-1),
    "favourite": _favourite,
    "shuffle": _shuffle,
    "loop": _loop,
    "undo": _undo,
    "buy": premium.buy,
}
