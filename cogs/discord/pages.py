"""Pages of what has been: history, favourites, audit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from gettext import NullTranslations

import discord

from cogs import chosen
from cogs.text import length, safe
from core.records.rows import Audit, Audited, Played
from core.types import Track

SIZE = 10
COLOUR = 0x6C5CE7
VALUE = 100
"""Discord's longest value of a choice."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """A page with its choices (label, value), and where the pages beside it begin (None: there is none)."""

    kind: str
    embed: discord.Embed
    options: tuple[tuple[str, str], ...] = ()
    back: int | None = None
    on: int | None = None


def history(plays: Sequence[Played], before: int | None, texts: NullTranslations) -> Shelf:
    """What played, latest first; `plays` holds one more than is shown if there is more."""
    shown = plays[:SIZE]
    lines = [_play(one, texts) for one in shown]
    embed = _embed(texts.gettext("Played"), lines, texts.gettext("Nothing has played yet."))
    entries = {str(one.play.entry): one.play.title for one in shown}
    options = tuple((title, entry) for entry, title in entries.items())
    on = shown[-1].id if len(plays) > SIZE else None
    return Shelf("history", embed, options, None if before is None else 0, on)


def _play(one: Played, texts: NullTranslations) -> str:
    text = texts.gettext("**%(title)s** · heard for %(heard)s · %(when)s")
    when = f"<t:{one.play.ended_at // 1000}:R>"
    return text % {"title": _title(one), "heard": length(one.play.heard), "when": when}


def _title(one: Played) -> str:
    """A song of a station is told with its artist: it has no link that would say more."""
    play = one.play
    return safe(f"{play.artist} – {play.title}" if play.station and play.artist else play.title, 60)


def favourites(tracks: Sequence[Track], offset: int, texts: NullTranslations) -> Shelf:
    """One's stars, latest first; `tracks` holds one more than is shown if there is more."""
    shown = tracks[:SIZE]
    lines = [
        f"`{number}.` **{safe(one.title, 60)}** · {length(one.length)}" for number, one in enumerate(shown, offset + 1)
    ]
    empty = texts.gettext("No favourites yet. /favourite keeps what plays.")
    embed = _embed(texts.gettext("Favourites"), lines, empty)
    options = tuple((one.title, one.ref) for one in shown if len(one.ref) <= VALUE)
    back = None if offset == 0 else max(0, offset - SIZE)
    return Shelf("favourites", embed, options, back, offset + SIZE if len(tracks) > SIZE else None)


def audit(rows: Sequence[Audited], before: int | None, who: Callable[[Audit], str], texts: NullTranslations) -> Shelf:
    """What was changed by whom, latest first; `rows` holds one more than is shown if there is more."""
    shown = rows[:SIZE]
    lines = [chosen.audit(row.audit, who(row.audit), texts) for row in shown]
    embed = _embed(texts.gettext("Audit"), lines, texts.gettext("Nothing has been changed yet."))
    on = shown[-1].id if len(rows) > SIZE else None
    return Shelf("audit", embed, (), None if before is None else 0, on)


def _embed(title: str, lines: Sequence[str], empty: str) -> discord.Embed:
    return discord.Embed(colour=COLOUR, title=title, description="\n".join(lines) or empty)
