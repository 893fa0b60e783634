"""A shop that writes down what it is asked for."""

from dataclasses import dataclass, field, replace
from typing import Any

from core.enums import Surface
from core.purchases import OldLinkError
from core.records.shop import Move, Offer, Outcome, Quote, Standing, Subscription
from core.types import Actor, PersonId, PlaceId, RoomId

PRO = Offer("pro", "price_Pro", 499, "eur", "month")
ELITE = Offer("elite", "price_Elite", 9_990, "eur", "year")
MINE = Subscription("sub_1", "pro", "price_Pro", until=1_900_000_000_000, mine=True)
URL = "https://checkout.example.org/c/pay/1"


@dataclass
class FakeShop:
    """A shop that writes down what it is asked for."""

    stand: Standing
    calls: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    outcome: Outcome = field(default_factory=lambda: Outcome("pro", 1_900_000_000_000))
    refused: Exception | None = None

    async def offers(self) -> list[Offer]:
        return [PRO, ELITE]

    async def standing(self, actor: Actor) -> Standing:
        return replace(self.stand, place=actor.place)

    async def buy(self, actor: Actor, price: str, language: str | None = None) -> str:
        self.calls.append(("buy", actor.place, actor.admin, price))
        if self.refused:
            raise self.refused
        return URL

    async def arrived(self, name: str) -> PlaceId | None:
        self.calls.append(("arrived", name))
        return PlaceId("web:lobby") if name == "cs_1" else None

    async def portal(self, actor: Actor, room: RoomId) -> str:
        self.calls.append(("portal", room))
        return URL

    async def quote(self, actor: Actor, price: str) -> Quote:
        return Quote(ELITE, Move.UP, 700, 1_800_000_000, 1_800_000_000_000)

    async def change(self, actor: Actor, price: str, at: int | None = None) -> Outcome:
        self.calls.append(("change", price, at))
        return self.outcome

    async def _done(self, what: str) -> Outcome:
        self.calls.append((what,))
        return self.outcome

    async def cancel(self, actor: Actor) -> Outcome:
        return await self._done("cancel")

    async def pause(self, actor: Actor) -> Outcome:
        return await self._done("pause")

    async def resume(self, actor: Actor) -> Outcome:
        return await self._done("resume")

    async def undo(self, actor: Actor) -> Outcome:
        return await self._done("undo")

    async def transfer(self, actor: Actor, subscription: str) -> Outcome:
        self.calls.append(("transfer", actor.place, subscription))
        return self.outcome

    async def left(self, place: PlaceId) -> None:
        self.calls.append(("left", place))

    def key(self, actor: Actor) -> str:
        return f"key-of-{actor.name}"

    def bearer(self, key: str, place: PlaceId) -> Actor:
        if key != "key-of-Ann":
            raise OldLinkError
        return Actor(PersonId("ann"), "Ann", place, Surface.WEB, admin=True)
