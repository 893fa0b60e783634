"""Reading rooms: those who look at the same time share the question whether the room in memory is still the newest."""

from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from core.errors import NoSuchRoomError
from db.current import Current
from db.engine import Database, disconnected
from db.group_commit import give_up
from db.line import Line


class Looks:
    """Shows rooms to those who wait in some lines."""

    def __init__(self, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    async def serve(self, lines: Sequence[Line]) -> None:
        """One snapshot for all these lines; rooms that are in memory first."""
        try:
            try:
                await self._look(lines)
            except DBAPIError as error:
                if not disconnected(error):
                    raise
                await self._look(lines)
        except Exception as error:  # noqa: BLE001 -- whatever it was, nobody may wait for ever
            for line in lines:
                give_up(line.room, line.readers, error)
                line.readers = []

    async def _look(self, lines: Sequence[Line]) -> None:
        async with self._database.reader.connect() as connection:
            versions = await self._current.versions(connection, lines)
            for line in sorted(lines, key=lambda it: it.stored is None):
                if line.room in versions:
                    await self._current.stored(connection, line, versions[line.room])
                    line.show()
                else:
                    give_up(line.room, line.readers, NoSuchRoomError())
                    line.readers = []
