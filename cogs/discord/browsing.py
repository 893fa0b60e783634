"""Turning the pages of history, favourites and audit, and playing what is on them."""

from collections.abc import Awaitable, Callable

from cogs import words
from cogs.discord.answers import added
from cogs.discord.pages import Shelf
from cogs.discord.rows import shelf_row
from cogs.discord.shelf import favourites_page, history_page
from cogs.discord.stewardship import audit_page
from cogs.discord.surface import Call
from core.errors import NothingFoundError
from core.types import EntryId

Act = Callable[[Call, int], Awaitable[None]]


async def _history(call: Call, before: int) -> None:
    await _turn(call, await history_page(call, before or None))


async def _favourites(call: Call, offset: int) -> None:
    await _turn(call, await favourites_page(call, offset))


async def _audit(call: Call, before: int) -> None:
    await _turn(call, await audit_page(call, before or None))


async def _turn(call: Call, shelf: Shelf) -> None:
    row = shelf_row(shelf, call.room, call.words)
    await call.interaction.response.edit_message(embed=shelf.embed, view=row)


async def _again(call: Call, _: int) -> None:
    """A play of the history, chosen in its menu."""
    call.check_voice()
    entry = EntryId(int(_chosen(call)))
    result = await call.jukebox.again(call.room, call.actor, entry, command_id=call.id)
    await added(call, result, words.queued(result, call.words))


async def _play(call: Call, _: int) -> None:
    """One favourite, chosen in the menu."""
    call.check_voice()
    wanted = _chosen(call)
    if not call.surface.ports.resolver.local(wanted):
        await call.interaction.response.defer(ephemeral=True, thinking=True)
    result = await call.jukebox.play(call.room, call.actor, wanted, command_id=call.id)
    await added(call, result, words.queued(result, call.words))


async def _play_all(call: Call, _: int) -> None:
    call.check_voice()
    result = await call.jukebox.play_favourites(call.room, call.actor, command_id=call.id)
    await added(call, result, words.queued(result, call.words))


def _chosen(call: Call) -> str:
    """What was chosen in the menu. Raises NothingFoundError."""
    values = (call.interaction.data or {}).get("values") or []
    if not values:
        raise NothingFoundError("")
    return str(values[0])


TURNS: dict[str, Act] = {
    "history": _history,
    "history.on": _history,
    "history.play": _again,
    "favourites": _favourites,
    "favourites.on": _favourites,
    "favourites.play": _play,
    "favourites.all": _play_all,
    "audit": _audit,
    "audit.on": _audit,
}
