"""The plans of this installation, and who has which."""

from collections.abc import Collection, Mapping

from billing.entitlements import Entitlements
from billing.plans import Plans, PlansError, read_plans, read_sales
from bot.config import Settings
from core.ports.clock import Clock
from core.ports.grants import Tidings
from core.records.shop import Sale
from db.engine import Database
from db.entitlements import SqlEntitlements
from db.models import entitlements as rows

UNSOLD = "elite"
"""Everybody's plan where none is sold."""


def open_plans(settings: Settings) -> Plans:
    """The plans as set. Raises PlansError, whose message begins with the setting that is to blame."""
    try:
        limits, sales = read_plans(settings.plans_file), read_sales(settings.plans_file)
    except PlansError as error:
        raise PlansError(f"PLANS_FILE: {error}") from None
    try:
        return Plans(limits, settings.default_plan or _default(settings, limits, sales), sales)
    except PlansError as error:
        raise PlansError(f"DEFAULT_PLAN: {error}") from None


def _default(settings: Settings, limits: Collection[str], sales: Mapping[str, Sale]) -> str:
    """The lowest while plans are sold; where nothing sells any, nobody meets their limits."""
    elsewhere = any(sale.sku or sale.stars for sale in sales.values())
    return next(iter(limits)) if settings.stripe_secret_key is not None or elsewhere else UNSOLD


async def open_entitlements(
    database: Database, plans: Plans, clock: Clock, tidings: Tidings | None = None
) -> Entitlements:
    """Who has which plan, as the database knows it now. Raises PlansError, StoreUnavailableError."""
    entitlements = Entitlements(SqlEntitlements(database), plans, clock, tidings)
    database.watch(rows, entitlements.hear)
    await entitlements.refresh()
    if strangers := entitlements.strangers():
        names = ", ".join(sorted(strangers))
        raise PlansError(f"PLANS_FILE: somebody has a plan that is not in it: {names}")
    return entitlements
