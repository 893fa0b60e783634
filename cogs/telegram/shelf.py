"""What people come back to: /favourite /favourites /history /again /export /import."""

from collections.abc import Sequence

from cogs import words
from cogs.telegram import entries
from cogs.telegram.answers import added, tell
from cogs.telegram.drawing import Drawing
from cogs.telegram.keyboards import Button
from cogs.telegram.surface import Call
from cogs.text import length, safe
from core.errors import NothingFoundError
from core.records.rows import Played
from core.types import EntryId, Track

SIZE = 8
PER_ROW = 4


async def favourite(call: Call) -> None:
    """Keep a track among one's favourites, or let it go; the one that plays if none is named."""
    entry = await entries.meant(call, call.arguments) if call.arguments else None
    await tell(call, await call.jukebox.favourite(call.room, call.actor, entry, command_id=call.id), words.favoured)


async def favourites(call: Call) -> None:
    """One's favourites: look at them, play them."""
    drawn = await favourites_page(call, 0)
    await call.say(drawn.text, drawn.rows)


async def favourites_page(call: Call, offset: int) -> Drawing:
    """One's stars from `offset` on."""
    tracks = await call.jukebox.favourites(call.actor.person, offset=offset, size=SIZE + 1)
    shown = tracks[:SIZE]
    lines = [_line(number, track) for number, track in enumerate(shown, offset + 1)]
    text = "\n".join(lines) or call.words.gettext("No favourites yet. /favourite keeps what plays.")
    plays = [Button(f"▶️ {number}", "star", number - 1) for number, _ in enumerate(shown, offset + 1)]
    back = [Button("◀️", "stars", max(0, offset - SIZE))] if offset else []
    on = [Button("▶️", "stars", offset + SIZE)] if len(tracks) > SIZE else []
    every = [Button(call.words.gettext("Play all"), "starred")] if shown else []
    return Drawing(text, (*_rows(plays), (*back, *every, *on)))


def _line(number: int, track: Track) -> str:
    return f"{number}. **{safe(track.title, 60)}** · {length(track.length)}"


def _rows(buttons: Sequence[Button]) -> tuple[tuple[Button, ...], ...]:
    return tuple(tuple(buttons[at : at + PER_ROW]) for at in range(0, len(buttons), PER_ROW))


async def play_favourite(call: Call, offset: int) -> None:
    """The favourite that stands there now."""
    found = await call.jukebox.favourites(call.actor.person, offset=offset, size=1)
    if not found:
        raise NothingFoundError("")
    await added(call, await call.jukebox.add(call.room, call.actor, found, command_id=call.id))


async def play_favourites(call: Call, _: int) -> None:
    """All of them."""
    await added(call, await call.jukebox.play_favourites(call.room, call.actor, command_id=call.id))


async def history(call: Call) -> None:
    """What has played here."""
    drawn = await history_page(call, 0)
    await call.say(drawn.text, drawn.rows)


async def history_page(call: Call, before: int) -> Drawing:
    """Plays before the one with that row id, latest first; 0: all."""
    plays = await call.jukebox.history(call.room, before=before or None, size=SIZE + 1)
    shown = plays[:SIZE]
    lines = [_play(number, one, call) for number, one in enumerate(shown, 1)]
    text = "\n".join(lines) or call.words.gettext("Nothing has played yet.")
    again = [Button(f"▶️ {number}", "again", one.play.entry) for number, one in enumerate(shown, 1)]
    first = [Button("◀️", "plays", 0)] if before else []
    on = [Button("▶️", "plays", shown[-1].id)] if len(plays) > SIZE else []
    return Drawing(text, tuple(row for row in (*_rows(again), (*first, *on)) if row))


def _play(number: int, one: Played, call: Call) -> str:
    text = call.words.gettext("**%(title)s** · heard for %(heard)s · %(when)s")
    when = f"<t:{one.play.ended_at // 1000}:R>"
    return f"{number}. {text % {'title': safe(one.play.title, 60), 'heard': length(one.play.heard), 'when': when}}"


async def again(call: Call) -> None:
    """Play something again that has played here; the latest if nothing is named."""
    await play_again(call, await entries.played(call, call.arguments))


async def play_again(call: Call, entry: EntryId | None) -> None:
    """Queue a play of the history once more."""
    await added(call, await call.jukebox.again(call.room, call.actor, entry, command_id=call.id))


async def export(call: Call) -> None:
    """The queue as a file: m3u8 for players, json for /import with everything."""
    kind = "json" if call.arguments.lower() == "json" else "m3u8"
    result = await call.jukebox.export(call.room, call.actor, kind)
    text = call.words.ngettext("%(count)d track.", "%(count)d tracks.", result.count) % {"count": result.count}
    await call.surface.outbox.send_file(call.spot.chat.id, result.filename, result.content, text, call.spot.message)


async def import_(call: Call) -> None:
    """Add the tracks of a list: /import as the answer to the file, or in the line below it."""
    filename, content = await call.surface.files.list_of(call.spot.message)
    result = await call.jukebox.import_tracks(call.room, call.actor, filename, content, command_id=call.id)
    await tell(call, result, words.imported)
