"""Stand-ins for what joins rooms and accounts."""

from core.types import Actor, Identity, PlaceId, RoomId
from tests.fakes import FakePlaces


class FakeCodes:
    """Codes in memory: `K1`, `K2`, …"""

    def __init__(self) -> None:
        self.open: dict[tuple[str, str], str] = {}

    async def issue(self, kind: str, subject: str) -> str:
        code = f"K{len(self.open) + 1}"
        self.open[kind, code] = subject
        return code

    async def redeem(self, kind: str, code: str) -> str | None:
        return self.open.pop((kind, code), None)

    async def claim(self, kind: str, token: str, *, until: int) -> bool:
        if (kind, token) in self.open:
            return False
        self.open[kind, token] = ""
        return True


class FakeLinks:
    """Remembers who shares what; the rooms stay as they are."""

    def __init__(self, places: FakePlaces) -> None:
        self.places = places
        self.linked: dict[PlaceId, RoomId] = {}

    async def link(self, actor: Actor, place: PlaceId, room: RoomId) -> None:
        self.linked[place] = room

    async def unlink(self, actor: Actor, place: PlaceId) -> RoomId:
        del self.linked[place]
        return RoomId(f"room-of-{place}")


class FakePeople:
    """Remembers who is whom."""

    def __init__(self) -> None:
        self.linked: list[tuple[Identity, Identity]] = []

    async def link(self, one: Identity, other: Identity) -> bool:
        self.linked.append((one, other))
        return True

    async def unlink(self, identity: Identity) -> None:
        self.linked = [pair for pair in self.linked if identity not in pair]
