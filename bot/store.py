"""The database, opened: migrated, and ours alone where it has to be."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from billing.entitlements import Entitlements
from billing.plans import Plans
from billing.usage import Usage
from bot.config import Settings, revealed
from bot.house import House
from bot.keys import Keys
from bot.ownership import Ownership
from bot.plans import open_entitlements
from core.ports.bus import Bus
from core.ports.clock import Clock
from db.chats import SqlChats
from db.codes import SqlCodes
from db.engine import Database
from db.entitlements import note_default
from db.groups import Groups
from db.instance import Instance, running_bot
from db.leases import SqlLeases
from db.links import SqlLinks
from db.measures import SqlMeasures
from db.migrate import migrate
from db.node_drains import SqlNodeDrains
from db.node_sessions import SqlNodeSessions
from db.people import SqlPeople
from db.places import SqlLiveMessages, SqlPlaces
from db.plays import PlayLog
from db.pushes import SqlPushes
from db.rooms import SqlRooms
from db.shelf import SqlShelf
from db.tidings import RedisTidings
from db.usage import SqlUsage


@dataclass(frozen=True, slots=True)
class Store:
    """What lives in the database."""

    database: Database
    bus: Bus
    rooms: SqlRooms
    entitlements: Entitlements
    places: SqlPlaces
    people: SqlPeople
    links: SqlLinks
    live_messages: SqlLiveMessages
    chats: SqlChats
    codes: SqlCodes
    shelf: SqlShelf
    plays: PlayLog
    ownership: Ownership
    node_sessions: SqlNodeSessions
    drains: SqlNodeDrains
    measures: SqlMeasures
    pushes: SqlPushes
    uses: SqlUsage
    usage: Usage


async def open_store(
    settings: Settings, bus: Bus, clock: Clock, house: House, keys: Keys, plans: Plans, stack: AsyncExitStack
) -> Store:
    """Open, lock, migrate. Raises InUseError, PlansError, StoreUnavailableError."""
    instance, database = await _opened(settings, stack)
    await note_default(database, plans.default, clock.now())
    tidings = RedisTidings(url, keys.derive("plans")[0]) if (url := revealed(settings.redis_url)) else None
    groups, entitlements = Groups(), await open_entitlements(database, plans, clock, tidings)
    rooms = SqlRooms(database, bus, clock, fallback=house.tracks, limits=entitlements.limits, groups=groups)
    stack.push_async_callback(rooms.close)
    places = SqlPlaces(database, clock, groups)
    people, links = SqlPeople(database, bus, clock, groups), SqlLinks(database, bus, clock, groups)
    await places.lobby()
    leases = SqlLeases(database, instance.id)
    stack.push_async_callback(leases.release)
    ownership = Ownership(leases)
    await ownership.start()
    uses = SqlUsage(database)
    return Store(
        database=database,
        bus=bus,
        rooms=rooms,
        entitlements=entitlements,
        places=places,
        people=people,
        links=links,
        live_messages=SqlLiveMessages(database),
        chats=SqlChats(database),
        codes=SqlCodes(database, clock, keys.derive("codes")),
        shelf=SqlShelf(database, clock),
        plays=PlayLog(database),
        ownership=ownership,
        node_sessions=SqlNodeSessions(database, instance.id),
        drains=SqlNodeDrains(database),
        measures=SqlMeasures(database),
        pushes=SqlPushes(database, keys.derive("pushes")),
        uses=uses,
        usage=Usage(uses, entitlements, plans, clock),
    )


async def _opened(settings: Settings, stack: AsyncExitStack) -> tuple[Instance, Database]:
    """This installation's folder and database, both for us alone, and the database of this version."""
    instance = Instance(settings.data_dir)
    instance.acquire()
    stack.callback(instance.release)
    database = Database(settings.database)
    if (lock := running_bot(database)) is not None:
        lock.acquire()
        stack.callback(lock.release)
    stack.push_async_callback(database.close)
    await migrate(database)
    return instance, database
