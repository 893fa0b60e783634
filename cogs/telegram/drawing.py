"""How a room looks in a chat: the live message and the pages of the queue, in the words' own notation."""

from collections.abc import Collection
from dataclasses import dataclass
from gettext import NullTranslations

from cogs import names, polls, pushing, sounding, states, words
from cogs.telegram.keyboards import Button, Rows
from cogs.text import length, safe
from core.enums import Guests, Loop, Mode, PauseReason
from core.records.views import EntryView, NowView, RoomView

NEXT = 5
PAGE = 10
ASKED = 5
"""Polls that the live message shows."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A message and its buttons; equal for those that look the same."""

    text: str
    rows: tuple[tuple[Button, ...], ...] = ()


def panel(
    view: RoomView,
    texts: NullTranslations,
    *,
    status: str = "playing",
    note: str = "",
    page: str | None = None,
    pushes: Collection[str] = (),
) -> Drawing:
    """The chat's live message, without buttons to control where the plan has no panel.

    `page` is where the room can be heard, `pushes` how those to live streams do.
    """
    listen = (Button(texts.gettext("🎧 Listen"), url=page),) if page and view.settings.guests is not Guests.OFF else ()
    now = view.current
    if now is None:
        lines = [texts.gettext("Nothing is playing. /play starts something."), note]
        return Drawing("\n".join(line for line in lines if line), (listen,) if listen else ())
    lines = [f"🎵 **{safe(now.track.title, 120)}** · {length(now.track.length)}", safe(now.track.artist)]
    lines += [_asker(now, texts), _state(view, status, texts), *_live(pushes, texts), note]
    blocks = ["\n".join(line for line in lines if line), _next(view, texts), _votes(view, texts), _footer(view, texts)]
    controls = (*_buttons(view, now, texts), *_vote_rows(view), *_yes(view, texts)) if view.limits.panel else ()
    rows = (*controls, listen)
    return Drawing("\n\n".join(block for block in blocks if block), tuple(tuple(row) for row in rows if row))


def _asker(now: NowView, texts: NullTranslations) -> str:
    return texts.gettext("Asked for by %(name)s") % {"name": words.requester(now.person, now.name, texts)}


def _state(view: RoomView, status: str, texts: NullTranslations) -> str:
    """What keeps the room from playing; a chat's own room is heard on its page alone."""
    if view.paused is PauseReason.NOBODY and view.voice_channel is None:
        return texts.gettext("Paused until somebody listens.")
    return states.state(view, status, texts)


def _live(pushes: Collection[str], texts: NullTranslations) -> list[str]:
    """How the live stream does; where it leads is for those who may see /live."""
    line = texts.gettext("📡 Live stream: %(how)s")
    return [line % {"how": how} for how in dict.fromkeys(pushing.told(it, texts) for it in pushes if it != "elsewhere")]


def _next(view: RoomView, texts: NullTranslations) -> str:
    if not view.upcoming:
        return ""
    lines = [_line(entry, texts) for entry in view.upcoming[:NEXT]]
    return "\n".join([f"**{texts.gettext('Up next')}**", *lines])


def _line(entry: EntryView, texts: NullTranslations) -> str:
    score = f" · {entry.why.score:+d}" if entry.why.score else ""
    return f"{entry.rank}. {safe(entry.track.title, 60)} · {words.requester(entry.person, entry.name, texts)}{score}"


def _votes(view: RoomView, texts: NullTranslations) -> str:
    """The running questions; without the time that is left, which would change by itself."""
    told = texts.gettext("%(votes)d of %(needed)d to %(what)s")
    fields = (
        {"votes": it.votes, "needed": max(it.needed, 1), "what": names.question(it.kind, it.argument, texts)}
        for it in view.polls[:ASKED]
    )
    return "\n".join(f"🗳️ {told % one}" for one in fields)


def _footer(view: RoomView, texts: NullTranslations) -> str:
    parts = [
        texts.ngettext("%(count)d waiting", "%(count)d waiting", view.total) % {"count": view.total},
        f"🔊 {view.volume} %",
        *_rules(view, texts),
    ]
    return " · ".join(parts)


def _rules(view: RoomView, texts: NullTranslations) -> list[str]:
    """What is not as usual: the mode, the sound, a locked queue."""
    mode = [] if view.mode is Mode.FAIR else [names.mode(view.mode, texts)]
    return [*mode, *sounding.rules(view, texts), *([texts.gettext("🔒 locked")] if view.closed else [])]


def _buttons(view: RoomView, now: NowView, texts: NullTranslations) -> Rows:
    pause = Button("▶️", "resume", now.id) if view.paused else Button("⏸️", "pause", now.id)
    skip = texts.gettext("Skip")
    for poll in view.polls:
        if poll.kind == "skip":
            skip = texts.gettext("Skip: %(votes)d of %(needed)d") % {"votes": poll.votes, "needed": poll.needed}
    loop = {Loop.OFF: "🔁", Loop.QUEUE: "🔁 ✓", Loop.TRACK: "🔂 ✓"}[view.loop]
    return (
        (Button(f"👍 {now.up}", "up", now.id), Button(f"👎 {now.down}", "down", now.id)),
        (Button(f"⏭️ {skip}", "skip", now.id), pause),
        (
            Button("⏮️", "previous", now.id),
            Button("🔀", "shuffle", now.id),
            Button(loop, "loop", now.id),
            Button("⭐", "favourite", now.id),
        ),
    )


def _vote_rows(view: RoomView) -> Rows:
    """A vote for each of those that come next."""
    return (tuple(Button(f"👍 {entry.rank}.", "up", entry.id) for entry in view.upcoming[:NEXT]),)


def _yes(view: RoomView, texts: NullTranslations) -> Rows:
    """A button for each running question but the skip, which has its own; its number is the poll's end."""
    buttons: list[Button] = []
    for poll in view.polls[:ASKED]:
        if poll.kind != "skip":
            count = f"{poll.votes}/{max(poll.needed, 1)}"
            what = names.question(poll.kind, poll.argument, texts)
            label = texts.gettext("Yes, %(what)s (%(count)s)") % {"what": what, "count": count}
            buttons.append(Button(label, f"yes.{poll.kind}", poll.deadline))
    return tuple((button,) for button in buttons)


def now_playing(view: RoomView, texts: NullTranslations, *, status: str = "playing") -> str:
    """What plays, where in it, what comes next and what is asked."""
    drawn = panel(view, texts, status=status).text
    if view.current is None or view.current.track.length is None:
        return drawn
    return f"{drawn} · ⏱ {length(view.position)} / {length(view.current.track.length)}"


def queue(view: RoomView, page: int, texts: NullTranslations) -> Drawing:
    """A page of the queue; `view` holds its entries."""
    lines = [f"{_line(entry, texts)} · {words.wait(entry.why.wait, texts)}" for entry in view.upcoming]
    if view.current is not None and page == 0:
        now = view.current
        lines.insert(0, f"▶️ **{safe(now.track.title, 60)}** · {words.requester(now.person, now.name, texts)}")
    text = "\n".join(lines) or texts.gettext("Nothing is waiting. /play adds something.")
    running = "\n".join(polls.line(poll, texts) for poll in view.polls[:ASKED]) if page == 0 else ""
    where = texts.gettext("Page %(page)d of %(pages)d") % {"page": page + 1, "pages": pages(view)}
    footer = " · ".join([where, *_rules(view, texts)])
    return Drawing("\n\n".join(part for part in (text, running, footer) if part), turning(view, page, "page"))


def turning(view: RoomView, page: int, action: str) -> tuple[tuple[Button, ...], ...]:
    """The buttons that turn pages; none when there is one page."""
    back = [Button("◀️", action, page - 1)] if page > 0 else []
    on = [Button("▶️", action, page + 1)] if page + 1 < pages(view) else []
    return ((*back, *on),) if back or on else ()


def pages(view: RoomView) -> int:
    """How many pages the queue has, at least one."""
    return max(1, -(-view.total // PAGE))
