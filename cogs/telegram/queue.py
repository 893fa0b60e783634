"""The commands about tracks: /play /next /later /queue /now /vote /why, and music files that people send."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from cogs import polls, reasons, words
from cogs.moments import moment
from cogs.telegram import answers, drawing, entries
from cogs.telegram.files import Sound, sound_of
from cogs.telegram.surface import Call
from cogs.text import length, safe
from core.errors import NoSuchEntryError, NothingFoundError
from core.ports.tracks import Attachment, Episode

UP = {"up", "+", "+1", "👍", "arriba"}
DOWN = {"down", "-", "-1", "👎", "abajo"}
EPISODES = 20
"""Episodes of a podcast that are listed, newest first."""
BACK = {"back", "0", "atrás"}
MOST_WORDS = 5
"""In a time, as in "in 1 h 30 min"."""


async def play(call: Call) -> None:
    """Queue what is named, or the music in the message that is answered to (or that came with the command)."""
    await _play(call, await _wanted(call), first=False)


async def next_(call: Call) -> None:
    """Queue it before everything else that waits; for DJs."""
    await _play(call, await _wanted(call), first=True)


async def later(call: Call) -> None:
    """Queue it for a time: `/later 18:00 title`, `/later in 20 min title`, or as the answer to a file."""
    zone, named = call.view.settings.timezone, call.arguments.split()
    found = next((it for it in _moments(named, zone, call.surface.ports.clock.now())), None)
    if found is None:
        await call.say(call.words.gettext("Write a time such as 18:00, or in 20 min."))
        return
    at, rest = found
    wanted = await _wanted(replace(call, arguments=rest))
    result = await call.jukebox.play(call.room, call.actor, wanted, at=at, command_id=call.id)
    await answers.added(call, result, words.scheduled(result, at, zone, call.words))


def _moments(named: Sequence[str], zone: str, now: int) -> Iterator[tuple[int, str]]:
    """A time in UTC ms and what follows it, the longest way to say a time first."""
    for length_ in range(min(len(named), MOST_WORDS), 0, -1):
        at = moment(" ".join(named[:length_]), zone, now)
        if at is not None:
            yield at, " ".join(named[length_:])


async def play_sound(call: Call, sound: Sound) -> None:
    """Queue a music file that somebody sent to the bot itself."""
    await _play(call, await call.surface.files.attachment(sound), first=False)


async def _play(call: Call, wanted: str | Attachment, *, first: bool) -> None:
    result = await call.jukebox.play(call.room, call.actor, wanted, next=first, command_id=call.id)
    await answers.added(call, result)


async def _wanted(call: Call) -> str | Attachment:
    """What is named or sent. Raises NothingFoundError."""
    message = call.spot.message
    sound = sound_of(message) or sound_of(message.reply_to_message if message else None)
    if sound is not None and not call.arguments:
        return await call.surface.files.attachment(sound)
    if not call.arguments:
        raise NothingFoundError("")
    return call.arguments


async def episodes(call: Call) -> None:
    """What a podcast has to choose from: /episodes LINK; one of them by its number: /episodes LINK 3."""
    link, _, number = call.arguments.partition(" ")
    show = await call.jukebox.episodes(call.room, call.actor, link) if link else None
    if show is None:
        await call.say(call.words.gettext("Write a podcast’s link after the command: /episodes LINK."))
        return
    if number.isascii() and number.isdecimal() and 0 < int(number) <= len(show.episodes):
        await _play(call, show.episodes[int(number) - 1].query, first=False)
        return
    lines = [f"{place}. {_line(one)}" for place, one in enumerate(show.episodes[:EPISODES], 1)]
    hint = call.words.gettext("Play one by its number: /episodes LINK 3.")
    await call.say("\n".join([f"**{safe(show.title)}**", *lines, "", hint]))


def _line(episode: Episode) -> str:
    """Its title and, where the feed tells it, its length."""
    told = f" · {length(episode.length)}" if episode.length else ""
    return safe(episode.title, 80) + told


async def queue(call: Call) -> None:
    """The first page of the queue."""
    await show_page(call, 0)


async def show_page(call: Call, page: int) -> None:
    """A page of the queue."""
    view = await call.jukebox.view(call.room, call.actor.person, page=page, size=drawing.PAGE)
    drawn = drawing.queue(view, page, call.words)
    await call.say(drawn.text, drawn.rows)


async def now(call: Call) -> None:
    """What plays, and the running questions."""
    view = await call.jukebox.view(call.room, call.actor.person, size=drawing.NEXT)
    await call.say(drawing.now_playing(view, call.words, status=call.surface.panels.status(call.room)))


async def vote(call: Call) -> None:
    """Up, down, or back: `/vote 3 down`, `/vote` for what plays."""
    named, value = _ballot(call.arguments)
    entry = await entries.meant(call, named)
    result = await call.jukebox.vote(call.room, call.actor, entry, value, command_id=call.id)
    await call.say(words.voted(result, call.words))


def _ballot(text: str) -> tuple[str, int]:
    """The track that is named, and the vote: up unless the last word says otherwise."""
    *before, last = text.split() or [""]
    for choices, value in ((UP, 1), (DOWN, -1), (BACK, 0)):
        if last.lower() in choices:
            return " ".join(before), value
    return text, 1


async def why(call: Call) -> None:
    """Why a track stands where it stands, and how the running votes do."""
    if not call.arguments:
        await call.say(await _running(call))
        return
    entry = await entries.meant(call, call.arguments)
    rank = (await call.jukebox.why(call.room, entry)).ahead
    shown = (await call.jukebox.view(call.room, call.actor.person, page=rank, size=1)).upcoming
    if not shown:
        raise NoSuchEntryError(entry)
    await call.say(reasons.why(shown[0], call.words))


async def _running(call: Call) -> str:
    found = [await call.jukebox.why_poll(call.room, poll.kind) for poll in call.view.polls]
    if not found:
        return call.words.gettext("No vote is running. Name a track to hear why it stands where it stands.")
    return "\n".join(polls.why(poll, call.words) for poll in found)
