"""What Discord says about who bought what of Premium Apps. Times in UTC ms."""

from dataclasses import dataclass

from core.records.grants import Subject


@dataclass(frozen=True, slots=True)
class SkuEntitlement:
    """What somebody has of a SKU. `guild` None: for themselves alone; `ends_at` None: it goes on."""

    id: int
    sku: int
    guild: int | None
    starts_at: int
    ends_at: int | None = None
    deleted: bool = False
    free: bool = False
    """Nobody paid for it: a test purchase, or the developers' gift."""


@dataclass(frozen=True, slots=True)
class SkuGrant:
    """The state of the grant that an entitlement gives; `ref` is the entitlement's id."""

    ref: str
    subject: Subject
    plan: str
    starts_at: int
    valid_until: int
    revoked_at: int | None = None
