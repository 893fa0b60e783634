"""`python -m bot billing doctor`: whether what sells plans is set as it has to be."""

import typer
from stripe import HTTPXClient

from billing.doctor import Doctor, Finding, fine, wrong
from billing.plans import PlansError
from billing.stripe_client import TIMEOUT, open_client
from bot.config import Settings, reachable, revealed, secrets_of
from bot.payments import WEBHOOKS
from bot.plans import open_plans


async def diagnose(settings: Settings) -> int:
    """Print a line for each thing that was looked at; 1 when any is wrong."""
    findings = [*_settings(settings), *await _stripe(settings)]
    width = max(len(it.about) for it in findings)
    for it in findings:
        typer.echo(f"{'ok   ' if it.ok else 'WRONG'}  {it.about:<{width}}  {it.text}")
    return 0 if all(it.ok for it in findings) else 1


def _settings(settings: Settings) -> list[Finding]:
    """What can be told without asking anybody."""
    if settings.stripe_secret_key is None:
        return [fine("STRIPE_SECRET_KEY", "off: nothing is sold through Stripe")]
    found = [fine("STRIPE_SECRET_KEY", "live: real money" if settings.stripe_live else "test mode")]
    secure = settings.public_url.startswith("https://") and reachable(settings.public_url) is not None
    if settings.stripe_live and not secure:
        found.append(wrong("PUBLIC_URL", f"{settings.public_url}: payers and Stripe have to reach it by https"))
    count = len(secrets_of(settings.stripe_webhook_secret))
    found.append(fine("STRIPE_WEBHOOK_SECRET", f"{count} verify{'' if count == 1 else ' (rotating)'}"))
    return found


async def _stripe(settings: Settings) -> list[Finding]:
    if (key := revealed(settings.stripe_secret_key)) is None:
        return []
    try:
        plans = open_plans(settings)
    except PlansError as error:
        return [wrong("PLANS_FILE", str(error))]
    http = HTTPXClient(timeout=TIMEOUT)
    doctor = Doctor(
        open_client(key, settings.stripe_api_url, http),
        plans,
        f"{settings.public_url}{WEBHOOKS}",
        livemode=settings.stripe_live,
        connected=settings.tips is not None or bool(secrets_of(settings.stripe_connect_webhook_secret)),
    )
    try:
        return list(await doctor.findings())
    finally:
        await http.close_async()
