"""What goes wrong with a database, and whose fault it is."""

import sqlite3
from collections.abc import Iterable
from copy import copy
from typing import Any

import asyncpg
import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError

from core.errors import ChorusError, StoreUnavailableError
from core.types import RoomId

DRIVER_ERRORS = (SQLAlchemyError, OSError, sqlite3.Error, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a database that cannot be used looks like; drivers' errors come bare while connecting."""

log = structlog.get_logger()


def disconnected(error: BaseException) -> bool:
    """Whether the connection broke, as it does when the server was restarted since it was last used."""
    return isinstance(error, DBAPIError) and error.connection_invalidated


def refused(error: Exception) -> bool:
    """Whether the fault lies in what was to be written, so that other commands may fare better without it."""
    if not isinstance(error, DRIVER_ERRORS):
        return True
    sqlstate = str(getattr(getattr(error, "orig", None), "sqlstate", None) or "")
    return sqlstate.startswith(("22", "23")) or isinstance(error, DataError | IntegrityError)


def told(room: RoomId, error: Exception) -> ChorusError:
    """What those who wait are told; anything but a refusal of the rules is logged."""
    if isinstance(error, ChorusError):
        return error
    log.error("room store failed", room=room, error=str(error), exc_info=refused(error))
    unavailable = StoreUnavailableError(str(error))
    unavailable.__cause__ = error
    return unavailable


def fail(waiting: Iterable[Any], error: Exception) -> None:
    """Give futures an error of their own each, because raising it adds to it; unless nobody waits any more."""
    for future in waiting:
        if not future.done():
            own = copy(error)
            own.__cause__ = error.__cause__
            future.set_exception(own)
