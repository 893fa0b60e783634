"""Reading rooms: those who look at the same time share the question whether the room in memory is still the newest."""

from collections.abc import Sequence

from sqlalchemy.exc import DBAPIError

from core.errors import NoSuchRoomError
from db.current import Current
from db.engine import Database
from db.faults import disconnected, told
from db.line import Line


class Looks:
    """Shows rooms to those who wait in some lines."""

    def __init__(self, database: Database, current: Current) -> None:
        self._database = database
        self._current = current

    async def serve(self, lines: Sequence[Line]) -> None:
        """One question for all these lines; then those rooms are loaded that changed elsewhere or are new here."""
        for group in (lines, *([line] for line in lines)):
            waiting = [line for line in group if line.readers]
            if waiting:
                await self._serve(waiting, load=len(group) == 1)

    async def _serve(self, lines: Sequence[Line], *, load: bool) -> None:
        try:
            try:
                found = await self._look(lines, load=load)
            except DBAPIError as error:
                if not disconnected(error):
                    raise
                found = await self._look(lines, load=load)
        except Exception as error:  # noqa: BLE001 -- whatever it was, nobody may wait for ever
            for line in lines:
                line.refuse(told(line.room, error))
        else:
            for line in found:
                line.show()

    async def _look(self, lines: Sequence[Line], *, load: bool) -> list[Line]:
        """Those whose rooms can be shown."""
        async with self._database.reader.connect() as connection:
            versions = await self._current.versions(connection, lines)
            found = [line for line in lines if line.room in versions]
            known = [line for line in found if load or self._current.is_known(line, versions[line.room])]
            for line in known:
                await self._current.stored(connection, line, versions[line.room])
        for line in lines:
            if line.room not in versions:
                line.refuse(NoSuchRoomError())
        return known
