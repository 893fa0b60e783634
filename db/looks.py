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
        return list(lines) if await self._are_newest(lines) else await self._compare(lines, load=load)

    async def _are_newest(self, lines: Sequence[Line]) -> bool:
        """Whether all these rooms are in memory as they are stored, as is usual: one statement tells."""
        async with self._database.glancer.connect() as connection:
            versions = await self._current.versions(connection, lines)
        if not all(line.room in versions and self._current.is_known(line, versions[line.room]) for line in lines):
            return False
        for line in lines:
            assert line.stored
            self._current.refresh(line.stored.room, versions[line.room])
        return True

    async def _compare(self, lines: Sequence[Line], *, load: bool) -> list[Line]:
        """Those that are known, with `load` those loaded, in one snapshot."""
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
