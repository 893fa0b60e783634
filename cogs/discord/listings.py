"""What autocomplete offers of a podcast and of a track's chapters."""

import asyncio

from cogs.discord import choices
from cogs.discord.choices import CHOICES, LONGEST, Choice
from cogs.discord.surface import Interaction, read
from cogs.text import length, plain
from core.errors import ChorusError
from core.ports.tracks import Chapter, Episode

PATIENCE = 2.0
"""Seconds for which a feed is waited for: Discord waits for three. It is kept, so asking again is quicker."""


async def queries(interaction: Interaction, typed: str) -> list[Choice]:
    """Episodes of the podcast whose link is typed, those with the words behind it; else tracks of the library."""
    link, _, words = typed.strip().partition(" ")
    if "://" not in link:
        return await choices.tracks(interaction, typed)
    try:
        async with asyncio.timeout(PATIENCE):
            call = await read(interaction)
            show = await call.jukebox.episodes(call.room, call.actor, link)
    except (TimeoutError, ChorusError):
        return []
    wanted = words.strip().casefold()
    found = [it for it in show.episodes if wanted in it.title.casefold()] if show else []
    return [_episode(it) for it in found[:CHOICES]]


def _episode(episode: Episode) -> Choice:
    told = f" ({length(episode.length)})" if episode.length else ""
    return Choice(name=plain(episode.title, LONGEST - len(told)) + told, value=episode.query)


async def chapters(interaction: Interaction, typed: str) -> list[Choice]:
    """Chapters of what is on air: their times are positions."""
    try:
        async with asyncio.timeout(PATIENCE):
            call = await read(interaction)
            found = await call.jukebox.chapters(call.room)
    except (TimeoutError, ChorusError):
        return []
    wanted = typed.strip().casefold()
    named = [_chapter(chapter) for chapter in found]
    return [one for one in named if wanted in one.name.casefold()][:CHOICES]


def _chapter(chapter: Chapter) -> Choice:
    time = length(chapter.start)
    return Choice(name=plain(f"{time} · {chapter.title}", LONGEST), value=time)
