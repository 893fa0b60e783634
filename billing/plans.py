"""The plans of this installation, read from a file."""

import tomllib
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from core.enums import Filters, Meter
from core.limits import MINUTE
from core.records.shop import Sale
from core.types import Limits
from core.usage import UNITS


class PlansError(Exception):
    """The plans cannot be used; the message says what is wrong."""


PriceId = Annotated[str, Field(strict=True, pattern=r"^[A-Za-z0-9_]{1,255}$")]


class _Quotas(BaseModel):
    """What a place may use in a period; without a key there is no end to it."""

    model_config = ConfigDict(extra="forbid")

    plays: Annotated[int, Field(strict=True, ge=0)] | None = None
    listening: Annotated[int, Field(strict=True, ge=0)] | None = None
    pushing: Annotated[int, Field(strict=True, ge=0)] | None = None
    uploads: Annotated[int, Field(strict=True, ge=0)] | None = None


class _Plan(BaseModel):
    """A table of the file, in the units that operators write."""

    model_config = ConfigDict(extra="forbid")

    queue: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    per_person: Annotated[int, Field(strict=True, ge=1, le=10_000)]
    longest_track: Annotated[int, Field(strict=True, ge=1, le=24 * 60)]
    bitrate: Annotated[int, Field(strict=True, ge=8, le=384)]
    filters: Filters
    crossfade: Annotated[int, Field(strict=True, ge=0, le=12)]
    loudness: Annotated[bool, Field(strict=True)]
    panel: Annotated[bool, Field(strict=True)]
    rtmp: Annotated[int, Field(strict=True, ge=0, le=100)]
    listeners: Annotated[int, Field(strict=True, ge=1, le=100_000)]
    history: Annotated[int, Field(strict=True, ge=1, le=36_500)] | Literal["forever"]
    quotas: _Quotas = _Quotas()
    stripe_prices: tuple[PriceId, ...] = ()
    stripe_old_prices: tuple[PriceId, ...] = ()
    discord_sku: Annotated[int, Field(strict=True, gt=0)] | None = None
    discord_price: Annotated[int, Field(strict=True, gt=0)] | None = None
    stars: Annotated[int, Field(strict=True, ge=1, le=10_000)] | None = None

    def sale(self, name: str) -> Sale:
        """How it is sold."""
        return Sale(
            plan=name,
            prices=self.stripe_prices,
            old_prices=self.stripe_old_prices,
            sku=self.discord_sku,
            sku_price=self.discord_price,
            stars=self.stars,
        )

    def limits(self, name: str, rank: int) -> Limits:
        """The same for the rules."""
        return Limits(
            plan=name,
            entries_per_person=self.per_person,
            queue=self.queue,
            length=self.longest_track * MINUTE,
            panel=self.panel,
            history_days=None if self.history == "forever" else self.history,
            filters=self.filters,
            crossfade=self.crossfade * 1000,
            loudness=self.loudness,
            bitrate=self.bitrate * 1000,
            rtmp=self.rtmp,
            listeners=self.listeners,
            rank=rank,
            plays=self.quotas.plays,
            listening=_times(self.quotas.listening, UNITS[Meter.LISTENING]),
            pushing=_times(self.quotas.pushing, UNITS[Meter.PUSHING]),
            uploads=_times(self.quotas.uploads, UNITS[Meter.UPLOADS]),
        )


def _times(quota: int | None, unit: int) -> int | None:
    return None if quota is None else quota * unit


_file: TypeAdapter[dict[str, _Plan]] = TypeAdapter(Annotated[dict[str, _Plan], Field(min_length=1)])


class Plans:
    """What each plan allows, the lowest first; `default` is the one of everybody, whatever else they have.

    `sales` says how those are sold that are. Raises PlansError.
    """

    def __init__(self, limits: Mapping[str, Limits], default: str, sales: Mapping[str, Sale] | None = None) -> None:
        if default not in limits:
            raise PlansError(f"there is no plan {default!r}, only {', '.join(limits)}")
        self._limits = dict(limits)
        self._rank = {name: rank for rank, name in enumerate(limits)}
        self.default = default
        self.sales = {name: sale for name, sale in (sales or {}).items() if sale.sold}
        self._prices = {price: name for name, sale in self.sales.items() for price in (*sale.prices, *sale.old_prices)}

    @property
    def names(self) -> Collection[str]:
        """The lowest first."""
        return self._limits.keys()

    def priced(self, price: str) -> str | None:
        """The plan that a Stripe price buys, also one that is offered no longer; None: no plan of ours."""
        return self._prices.get(price)

    def sku(self, sku: int) -> str | None:
        """The plan that a Discord SKU buys."""
        return next((name for name, sale in self.sales.items() if sale.sku == sku), None)

    def above(self, plan: str, other: str) -> bool:
        """Whether one plan is higher than the other; plans that the file has not are the lowest."""
        return self._rank.get(plan, -1) > self._rank.get(other, -1)

    def allows(self, plan: str) -> Limits:
        """The limits of one plan. Raises KeyError."""
        return self._limits[plan]

    def highest(self, plans: Collection[str]) -> Limits:
        """The limits of the highest of these and the default; names that the file has not are passed over."""
        known = [name for name in plans if name in self._rank]
        return self._limits[max([self.default, *known], key=self._rank.__getitem__)]


def read_plans(file: Path) -> dict[str, Limits]:
    """Limits by plan, in the order of the file. Raises PlansError with what is wrong and where."""
    return {name: plan.limits(name, rank) for rank, (name, plan) in enumerate(_read(file).items())}


def read_sales(file: Path) -> dict[str, Sale]:
    """How each plan is sold, in the order of the file. Raises PlansError, also for a price of two plans."""
    sales = {name: plan.sale(name) for name, plan in _read(file).items()}
    counts = Counter(
        str(mark)
        for sale in sales.values()
        for mark in {*sale.prices, *sale.old_prices, *([sale.sku] if sale.sku else [])}
    )
    if twice := [mark for mark, count in counts.items() if count > 1]:
        raise PlansError(f"{file}: {', '.join(twice)}: the price of two plans")
    return sales


def _read(file: Path) -> dict[str, _Plan]:
    try:
        return _file.validate_python(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise PlansError(f"{file} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise PlansError(f"{file}: {_problems(error)}") from None
    except ValueError as error:  # no UTF-8, or no TOML
        raise PlansError(f"{file}: {error}") from None


def _problems(error: ValidationError) -> str:
    """What is wrong with which key; a key that may be one of several kinds is named once."""
    told: dict[str, str] = {}
    for problem in error.errors():
        told.setdefault(".".join(map(str, problem["loc"][:2])) or "the file", problem["msg"])
    return "; ".join(f"{where}: {what}" for where, what in told.items())
