"""Checks of the settings of Stripe: each returns what it found, or raises WrongError."""

from bot.checking import WrongError, asked
from bot.config import Settings, secrets_of


async def stripe_key(settings: Settings) -> str:
    """Whether the key is accepted."""
    if settings.stripe_secret_key is None:
        return "off: Stripe sells nothing"
    headers = {"Authorization": f"Bearer {settings.stripe_secret_key.get_secret_value()}"}
    async with asked(f"{settings.stripe_api_url}/v1/account", headers) as answer:
        if answer.status in {401, 403}:
            raise WrongError("the key is refused, or may not read the account")
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise WrongError(f"Stripe answers {answer.status}")
        return f"{'live' if settings.stripe_live else 'test'} mode, {(await answer.json())['id']}; see `billing doctor`"


async def stripe_url(settings: Settings) -> str:
    """Whether it can be reached."""
    if settings.stripe_secret_key is None:
        return f"{settings.stripe_api_url}, not asked without STRIPE_SECRET_KEY"
    async with asked(settings.stripe_api_url, {}):
        return settings.stripe_api_url


async def webhook_secret(settings: Settings) -> str:
    """How many there are."""
    count = len(secrets_of(settings.stripe_webhook_secret))
    return f"{count} verify what comes to {settings.public_url}/webhooks/stripe" if count else "none"


async def connect_secret(settings: Settings) -> str:
    """How many there are."""
    count = len(secrets_of(settings.stripe_connect_webhook_secret))
    return f"{count} verify what connected accounts do" if count else "none"


async def stripe_tax(settings: Settings) -> str:
    """Whether taxes are worked out."""
    return "on: Stripe Tax works them out" if settings.stripe_tax else "off: prices are what is paid"


async def trial_days(settings: Settings) -> str:
    """How long a trial is."""
    return f"{settings.trial_days}, once for each place and person" if settings.trial_days else "no trial"


async def grace_days(settings: Settings) -> str:
    """How long a payment may be late."""
    return f"{settings.grace_days} after a payment failed"


async def tips(settings: Settings) -> str:
    """Whether DJs can be given tips."""
    if settings.tips is None:
        return "off"
    if settings.stripe_secret_key is None:
        raise WrongError("needs STRIPE_SECRET_KEY")
    if not secrets_of(settings.stripe_connect_webhook_secret):
        raise WrongError("needs STRIPE_CONNECT_WEBHOOK_SECRET: that is how we hear of DJs' accounts")
    return f"on, in {settings.tips.upper()}"


async def tip_fee(settings: Settings) -> str:
    """What stays with the operator."""
    return f"{settings.tip_fee} % of a tip"
