"""The plans of this installation, and who has which."""

from billing.entitlements import Entitlements
from billing.plans import Plans, PlansError, read_plans
from bot.config import Settings
from core.ports.clock import Clock
from db.engine import Database
from db.entitlements import SqlEntitlements


def open_plans(settings: Settings) -> Plans:
    """The plans as set. Raises PlansError, whose message begins with the setting that is to blame."""
    try:
        limits = read_plans(settings.plans_file)
    except PlansError as error:
        raise PlansError(f"PLANS_FILE: {error}") from None
    try:
        return Plans(limits, settings.default_plan)
    except PlansError as error:
        raise PlansError(f"DEFAULT_PLAN: {error}") from None


async def open_entitlements(database: Database, plans: Plans, clock: Clock) -> Entitlements:
    """Who has which plan, as the database knows it now. Raises PlansError, StoreUnavailableError."""
    entitlements = Entitlements(SqlEntitlements(database), plans, clock)
    await entitlements.refresh()
    if strangers := entitlements.strangers():
        names = ", ".join(sorted(strangers))
        raise PlansError(f"PLANS_FILE: somebody has a plan that is not in it: {names}")
    return entitlements
