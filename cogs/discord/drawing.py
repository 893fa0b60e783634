"""How a room looks in a message: the now-playing panel and the pages of the queue."""

from dataclasses import dataclass
from gettext import NullTranslations
from typing import Any

import discord

from cogs import names, polls, sounding, states, words
from cogs.text import bar, length, safe
from core.enums import Guests, Loop, Mode
from core.records.views import EntryView, NowView, RoomView

NEXT = 5
PAGE = 10
FIELD = 1024
"""The longest value of an embed's field."""
COLOUR = 0x6C5CE7

HASTY = 5
"""Polls that fit under the panel's own buttons: three rows of five."""


@dataclass(frozen=True, slots=True)
class Button:
    """What is pressed; `number` is what it is about, the entry on air if None."""

    action: str
    label: str
    emoji: str
    number: int | None = None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A message: text, or an embed with buttons."""

    content: str | None = None
    embed: discord.Embed | None = None
    buttons: tuple[Button, ...] = ()

    def key(self) -> Any:
        """Equal for drawings that look the same."""
        return self.content, self.embed and self.embed.to_dict(), self.buttons


def panel(
    view: RoomView, texts: NullTranslations, *, status: str = "playing", note: str = "", page: str | None = None
) -> Drawing:
    """The room's live message, its title a link to `page`; plain text where the plan has no panel."""
    if not view.limits.panel:
        return Drawing(content=_plain(view, texts, status, note))
    embed = discord.Embed(colour=_colour(view.current))
    if view.current is None:
        embed.title = texts.gettext("Nothing is playing")
        embed.description = "\n".join(part for part in (note, texts.gettext("/play starts something.")) if part)
        return Drawing(embed=embed)
    embed.title = safe(view.current.track.title, 120)
    embed.url = page if view.settings.guests is not Guests.OFF else None
    embed.description = "\n".join(_current(view, view.current, texts, status, note))
    if view.upcoming:
        embed.add_field(name=texts.gettext("Up next"), value=_lines(view.upcoming[:NEXT], texts), inline=False)
    if view.polls:
        lines = [polls.line(poll, texts) for poll in view.polls[:HASTY]]
        embed.add_field(name=texts.gettext("Votes"), value="\n".join(lines), inline=False)
    embed.set_footer(text=_footer(view, texts))
    return Drawing(embed=embed, buttons=(*_buttons(view, view.current, texts), *_yes(view, texts)))


def _current(view: RoomView, now: NowView, texts: NullTranslations, status: str, note: str) -> list[str]:
    who = texts.gettext("Asked for by %(name)s") % {"name": words.requester(now.person, now.name, texts)}
    station = f"📻 {safe(now.station)}" if now.station else ""
    clock, state = _progress(view, now, texts), states.state(view, status, texts)
    parts = [safe(now.track.artist), station, who, clock, state, note]
    return [part for part in parts if part]


def _progress(view: RoomView, now: NowView, texts: NullTranslations) -> str:
    if now.track.length is None:
        return texts.gettext("🔴 Live")
    clock = f"{bar(view.position / max(1, now.track.length))} {length(view.position)} / {length(now.track.length)}"
    if not view.running:
        return clock
    end = round(view.at + (now.track.length - view.position) / view.rate) // 1000
    return f"{clock} · {texts.gettext('ends')} <t:{end}:R>"


def _footer(view: RoomView, texts: NullTranslations) -> str:
    parts = [
        texts.ngettext("%(count)d waiting", "%(count)d waiting", view.total) % {"count": view.total},
        texts.ngettext("%(count)d listening", "%(count)d listening", view.listeners) % {"count": view.listeners},
        f"🔊 {view.volume} %",
        *_rules(view, texts),
    ]
    return " · ".join(parts)


def _rules(view: RoomView, texts: NullTranslations) -> list[str]:
    """What is not as usual: the mode, the sound, a locked queue."""
    mode = [] if view.mode is Mode.FAIR else [names.mode(view.mode, texts)]
    return [*mode, *sounding.rules(view, texts), *([texts.gettext("🔒 locked")] if view.closed else [])]


def _buttons(view: RoomView, now: NowView, texts: NullTranslations) -> tuple[Button, ...]:
    skip = texts.gettext("Skip")
    for poll in view.polls:
        if poll.kind == "skip":
            skip = texts.gettext("Skip: %(votes)d of %(needed)d") % {"votes": poll.votes, "needed": poll.needed}
    pause = ("resume", texts.gettext("Resume"), "▶️") if view.paused else ("pause", texts.gettext("Pause"), "⏸️")
    loop = texts.gettext("Loop: %(what)s") % {"what": names.loop(view.loop, texts)}
    return (
        Button("up", str(now.up), "👍"),
        Button("down", str(now.down), "👎"),
        Button("skip", skip, "⏭️"),
        Button(*pause),
        Button("favourite", "", "⭐"),
        Button("previous", "", "⏮️"),
        Button("shuffle", "", "🔀"),
        Button("loop", loop if view.loop is not Loop.OFF else "", "🔂" if view.loop is Loop.TRACK else "🔁"),
    )


def _yes(view: RoomView, texts: NullTranslations) -> tuple[Button, ...]:
    """A button for each running poll but the skip, which has its own; its number is the poll's end."""
    buttons: list[Button] = []
    for poll in view.polls[:HASTY]:
        if poll.kind != "skip":
            count = f"{poll.votes}/{max(poll.needed, 1)}"
            what = names.question(poll.kind, poll.argument, texts)
            label = texts.gettext("Yes, %(what)s (%(count)s)") % {"what": what, "count": count}
            buttons.append(Button(f"yes.{poll.kind}", label, "🗳️", poll.deadline))
    return tuple(buttons)


def _colour(now: NowView | None) -> int:
    accent = (now.track.accent or "").removeprefix("#") if now else ""
    try:
        return int(accent, 16) & 0xFFFFFF
    except ValueError:
        return COLOUR


def _lines(entries: tuple[EntryView, ...], texts: NullTranslations) -> str:
    lines = [_line(entry, texts) for entry in entries]
    while len("\n".join(lines)) > FIELD:
        lines.pop()
    return "\n".join(lines)


def _line(entry: EntryView, texts: NullTranslations) -> str:
    score = f" · {entry.why.score:+d}" if entry.why.score else ""
    who = words.requester(entry.person, entry.name, texts)
    when = words.wait(entry.why.wait, texts)
    return f"`{entry.rank}.` **{safe(entry.track.title, 60)}** · {who}{score} · {when}"


def _plain(view: RoomView, texts: NullTranslations, status: str, note: str) -> str:
    if view.current is None:
        return "\n".join(part for part in (note, texts.gettext("Nothing is playing. /play starts something.")) if part)
    text = texts.gettext("Now playing: **%(title)s**, asked for by %(name)s.")
    now = view.current
    lines = [text % {"title": safe(now.track.title), "name": words.requester(now.person, now.name, texts)}]
    lines += [states.state(view, status, texts), note]
    lines += [texts.gettext("Next: %(line)s") % {"line": _line(entry, texts)} for entry in view.upcoming[:1]]
    return "\n".join(line for line in lines if line)


def queue(view: RoomView, page: int, texts: NullTranslations) -> discord.Embed:
    """A page of the queue; `view` holds its entries."""
    embed = discord.Embed(colour=_colour(view.current), title=texts.gettext("Queue"))
    lines = [_line(entry, texts) for entry in view.upcoming]
    if view.current is not None and page == 0:
        now, title = view.current, safe(view.current.track.title, 60)
        lines.insert(0, f"▶️ **{title}** · {words.requester(now.person, now.name, texts)}")
    embed.description = "\n".join(lines) or texts.gettext("Nothing is waiting. /play adds something.")
    where = texts.gettext("Page %(page)d of %(pages)d") % {"page": page + 1, "pages": pages(view)}
    embed.set_footer(text=" · ".join([where, *_rules(view, texts)]))
    return embed


def pages(view: RoomView) -> int:
    """How many pages the queue has, at least one."""
    return max(1, -(-view.total // PAGE))
