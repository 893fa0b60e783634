"""The operator gives Stars back; the bot may run meanwhile."""

import sys
from collections.abc import Sequence

import typer
from telegram import Bot
from telegram.error import TelegramError

from bot.clock import SystemClock
from bot.config import Settings, revealed
from bot.maintenance import opened
from cogs.telegram.till import TelegramTill
from core.ports.stars import NoSuchChargeError, TillAwayError
from core.records.stars import StarMove
from db.personal import PersonalData
from db.stars import SqlStarBook


async def refund(settings: Settings, charge: str) -> None:
    """Give a payment back: its subscription ends, and what it paid for; done before counts as done."""
    token = revealed(settings.telegram_token)
    if token is None:
        sys.exit("TELEGRAM_TOKEN is not set: Stars are Telegram's.")
    bot = Bot(token, base_url=f"{settings.telegram_api_url}/bot")
    try:
        async with bot, opened(settings) as database:
            till = TelegramTill(bot)
            move, earlier = await _found(till, charge)
            await till.refund(move.user, charge, earlier)
            await SqlStarBook(database, SystemClock()).revoke(charge)
            after = {"charge": charge, "stars": move.stars}
            await PersonalData(database, SystemClock()).note("stars.refunded", after)
    except (TillAwayError, TelegramError) as error:
        sys.exit(f"Telegram cannot be asked: {error}")
    except NoSuchChargeError:
        sys.exit(f"Telegram lists no such payment: {charge}")
    typer.echo(f"{move.stars} Stars went back to the Telegram user {move.user}; what they paid for has ended.")


async def _found(till: TelegramTill, charge: str) -> tuple[StarMove, Sequence[str]]:
    """The payment in Telegram's list, and those of its invoice before it, the latest first.

    Raises NoSuchChargeError, TillAwayError.
    """
    read, before = 0, list[StarMove]()
    while page := await till.moves(read):
        read += len(page)
        for move in (it for it in page if it is not None and not it.back):
            if move.charge == charge:
                return move, [it.charge for it in reversed(before) if it.payload == move.payload]
            before.append(move)
    raise NoSuchChargeError(charge)
