"""Naming tracks in an option: what autocomplete offers, and what was meant."""

import asyncio
import re
from enum import StrEnum

from discord import app_commands

from cogs import blocks
from cogs.discord.surface import Call, Interaction, read, surface_of
from cogs.text import length, plain
from core.enums import BlockKind
from core.errors import ChorusError, NoSuchEntryError, NothingPlayingError
from core.numbers import number
from core.records.views import EntryView
from core.types import EntryId, Track

CHOICES = 25
LONGEST = 100
"""Discord's limit for a choice's name and value."""
PATIENCE = 0.1
_NUMBER = re.compile(r"[1-9]\d{0,5}")

Choice = app_commands.Choice[str]


def of(words: type[StrEnum]) -> list[Choice]:
    """Every value of a word of the domain."""
    return [Choice(name=one.value, value=one.value) for one in words]


async def tracks(interaction: Interaction, typed: str) -> list[Choice]:
    """Tracks of the library like what is typed, within 100 ms or none."""
    try:
        async with asyncio.timeout(PATIENCE):
            found = await surface_of(interaction).ports.library.search(typed, limit=CHOICES)
    except (TimeoutError, ChorusError):
        return []
    return [_track(track) for track in found]


def _track(track: Track) -> Choice:
    artist = f"{track.artist} – " if track.artist else ""
    value = track.ref if len(track.ref) <= LONGEST else plain(track.title, LONGEST)
    return Choice(name=plain(f"{artist}{track.title} ({length(track.length)})", LONGEST), value=value)


async def waiting(interaction: Interaction, typed: str) -> list[Choice]:
    """Entries that wait."""
    return [_entry(entry) for entry in _like(await _waiting(interaction), typed)]


async def mine(interaction: Interaction, typed: str) -> list[Choice]:
    """Entries that wait, one's own first."""
    entries = sorted(await _waiting(interaction), key=lambda entry: not entry.mine)
    return [_entry(entry) for entry in _like(entries, typed)]


async def _waiting(interaction: Interaction) -> list[EntryView]:
    try:
        return list((await read(interaction, size=100)).view.upcoming)
    except ChorusError:
        return []


def _like(entries: list[EntryView], typed: str) -> list[EntryView]:
    wanted = typed.strip().casefold()
    found = [one for one in entries if wanted in one.track.title.casefold() or wanted == str(one.rank)]
    return found[:CHOICES]


def _entry(entry: EntryView) -> Choice:
    return Choice(name=plain(f"{entry.rank}. {entry.track.title} ({entry.name})", LONGEST), value=f"#{entry.id}")


async def meant(call: Call, named: str | None) -> EntryId:
    """The entry that an option names: `#<id>` of a choice, a number in the queue, or a part of a title.

    None means the one on air. Raises NothingPlayingError, NoSuchEntryError.
    """
    if named is None:
        if call.view.current is None:
            raise NothingPlayingError
        return call.view.current.id
    if named.startswith("#") and (entry := number(named[1:])) is not None:
        return EntryId(entry)
    person = call.actor.person
    if _NUMBER.fullmatch(named):
        view = await call.jukebox.view(call.room, person, page=int(named) - 1, size=1)
        found = list(view.upcoming)
    else:
        view = await call.jukebox.view(call.room, person, size=100)
        found = _like(list(view.upcoming), named)
    if not found:
        raise NoSuchEntryError(EntryId(0))
    return found[0].id


async def played(interaction: Interaction, typed: str) -> list[Choice]:
    """What played last."""
    try:
        call = await read(interaction)
        plays = await call.jukebox.history(call.room, size=CHOICES)
    except ChorusError:
        return []
    found = {one.play.ref: one.play for one in reversed(plays) if typed.strip().casefold() in one.play.title.casefold()}
    return [Choice(name=plain(one.title, LONGEST), value=f"#{one.entry}") for one in reversed(found.values())]


async def meant_played(call: Call, named: str) -> EntryId:
    """The play that an option names: `#<id>` of a choice, or a part of a title. Raises NoSuchEntryError."""
    if named.startswith("#") and (entry := number(named[1:])) is not None:
        return EntryId(entry)
    wanted = named.strip().casefold()
    for one in await call.jukebox.history(call.room, size=100):
        if wanted in one.play.title.casefold():
            return one.play.entry
    raise NoSuchEntryError(EntryId(0))


async def blockable(interaction: Interaction, typed: str) -> list[Choice]:
    """What plays and waits, when a track is to be blocked; other kinds are typed."""
    if getattr(interaction.namespace, "kind", None) != BlockKind.TRACK:
        return [Choice(name=plain(typed, LONGEST), value=plain(typed, LONGEST))] if typed.strip() else []
    return await waiting(interaction, typed)


async def blocked(interaction: Interaction, typed: str) -> list[Choice]:
    """Lines of the blocklist."""
    try:
        lines = (await read(interaction)).view.settings.blocks
    except ChorusError:
        return []
    found = [one for one in lines if typed.strip().casefold() in blocks.whole(one).casefold()]
    return [Choice(name=blocks.line(one), value=blocks.line(one)) for one in found[:CHOICES]]
