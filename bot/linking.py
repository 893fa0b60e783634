"""Commands that link people and places, or part them; the bot may run meanwhile."""

import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import typer

from bot.clock import SystemClock
from bot.config import Settings
from bot.maintenance import opened
from core.bus import LocalBus
from core.enums import Surface
from core.errors import AlreadyLinkedError, CannotLinkError, NoSuchRoomError, NotLinkedError
from core.ports.places import RoomRef
from core.types import Actor
from db.groups import NOWHERE, Groups
from db.links import SqlLinks
from db.people import SqlPeople
from db.personal import OPERATOR, NoSuchPersonError
from db.places import SqlPlaces

ACTOR = Actor(OPERATOR, OPERATOR, NOWHERE, Surface.SYSTEM, admin=True)


async def link_people(settings: Settings, one: str, other: str) -> None:
    """Two accounts are one human: one vote, one turn, one cap."""
    async with _people(settings) as people:
        pair = [await people.identity(it) for it in (one, other)]
        news = await people.link(pair[0], pair[1], by=ACTOR)
    names = " and ".join(it.name for it in pair)
    typer.echo(f"{names} are one person now." if news else f"{names} are one person already.")


async def unlink_person(settings: Settings, wanted: str) -> None:
    """An account is a human of its own."""
    async with _people(settings) as people:
        identity = await people.identity(wanted)
        await people.unlink(identity, by=ACTOR)
    typer.echo(f"{identity.name} is a person of their own again.")


async def link_place(settings: Settings, place: str, room: str) -> None:
    """A chat or a web room shares a guild's room."""
    async with _links(settings) as (links, places):
        guest, host = await room_of(places, place), await room_of(places, room)
        await links.link(ACTOR, guest.place, host.room)
    typer.echo(f"{guest.name} shares the room of {host.name} now.")


async def unlink_place(settings: Settings, place: str) -> None:
    """It has a room of its own again."""
    async with _links(settings) as (links, places):
        guest = await room_of(places, place)
        await links.unlink(ACTOR, guest.place)
    typer.echo(f"{guest.name} has a room of its own again.")


@asynccontextmanager
async def _people(settings: Settings) -> AsyncGenerator[SqlPeople]:
    async with opened(settings) as database, _told():
        yield SqlPeople(database, LocalBus(), SystemClock(), Groups())


@asynccontextmanager
async def _links(settings: Settings) -> AsyncGenerator[tuple[SqlLinks, SqlPlaces]]:
    async with opened(settings) as database, _told():
        yield SqlLinks(database, LocalBus(), SystemClock(), Groups()), SqlPlaces(database, SystemClock())


async def room_of(places: SqlPlaces, wanted: str) -> RoomRef:
    """By its own id or its place's. Raises NoSuchRoomError."""
    found = [ref for ref in await places.all_rooms() if wanted in {ref.room, ref.place}]
    if not found:
        raise NoSuchRoomError(wanted)
    return found[0]


@asynccontextmanager
async def _told() -> AsyncGenerator[None]:
    """What cannot be done ends the program with one line."""
    try:
        yield
    except NoSuchPersonError as error:
        sys.exit(str(error))
    except NoSuchRoomError as error:
        sys.exit(f"There is no such room or place: {error}")
    except NotLinkedError:
        sys.exit("It is not linked to anything.")
    except AlreadyLinkedError as error:
        sys.exit(f"{error.place} shares a room already.")
    except CannotLinkError as error:
        sys.exit(f"{error.place} cannot: chats and web rooms may share the room of a guild, nothing else.")
