"""Checks of the settings of chat platforms: each returns what it found, or raises WrongError."""

import asyncio

from billing.plans import PlansError
from bot.checking import WrongError, asked
from bot.config import Settings
from bot.plans import open_plans


async def discord(settings: Settings) -> str:
    """Whether the token is accepted."""
    if settings.discord_token is None:
        return "off"
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    async with asked(f"{settings.discord_api_url}/users/@me", headers) as answer:
        if answer.status == 401:  # noqa: PLR2004 - HTTP
            raise WrongError("the token is refused: make a new one in Discord's developer portal")
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise WrongError(f"Discord answers {answer.status}")
        return f"on, as {(await answer.json())['username']}"


async def discord_api(settings: Settings) -> str:
    """Whether it can be reached."""
    if settings.discord_token is None:
        return f"{settings.discord_api_url}, not asked without DISCORD_TOKEN"
    headers = {"Authorization": f"Bot {settings.discord_token.get_secret_value()}"}
    async with asked(f"{settings.discord_api_url}/gateway/bot", headers):
        return settings.discord_api_url


async def telegram(settings: Settings) -> str:
    """Whether the token is accepted."""
    if settings.telegram_token is None:
        return "off"
    url = f"{settings.telegram_api_url}/bot{settings.telegram_token.get_secret_value()}/getMe"
    async with asked(url, {}) as answer:
        if answer.status in {401, 404}:
            raise WrongError("the token is refused: ask @BotFather for a new one")
        if answer.status != 200:  # noqa: PLR2004 - HTTP
            raise WrongError(f"Telegram answers {answer.status}")
        return f"on, as @{(await answer.json())['result']['username']}"


async def telegram_api(settings: Settings) -> str:
    """Whether it can be reached."""
    if settings.telegram_token is None:
        return f"{settings.telegram_api_url}, not asked without TELEGRAM_TOKEN"
    async with asked(settings.telegram_api_url, {}):
        return settings.telegram_api_url


async def telegram_app(settings: Settings) -> str:
    """Whether it can be opened inside Telegram."""
    if settings.telegram_app is None:
        return "off: buttons open the page in a browser"
    if not settings.public_url.startswith("https://"):
        raise WrongError("Telegram opens https alone: set PUBLIC_URL")
    return f"{settings.telegram_app}, which @BotFather has to lead to {settings.public_url}/app"


async def test_entitlements(settings: Settings) -> str:
    """Whether purchases that cost nothing count."""
    return "on: plans that nobody paid for count" if settings.discord_test_entitlements else "off"


async def terms(settings: Settings) -> str:
    """Whether there are any."""
    return "shown by /terms" if settings.terms else "none: /terms says so"


async def pay_support(settings: Settings) -> str:
    """Whom people may ask."""
    if settings.pay_support:
        return "shown by /paysupport"
    try:
        sales = (await asyncio.to_thread(open_plans, settings)).sales
    except PlansError:  # told by its own line
        sales = {}
    if any(sale.stars for sale in sales.values()):
        return "none, though Telegram asks for it where Stars are taken: /paysupport names nobody"
    return "none: /paysupport says that nothing is sold"
