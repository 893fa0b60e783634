"""What Telegram keeps about Stars: its list of payments, and giving them back."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import structlog
from telegram import Bot, StarTransaction, TransactionPartner, TransactionPartnerUser
from telegram.error import BadRequest, TelegramError

from core.errors import StoreUnavailableError
from core.ports.stars import NoSuchChargeError, Stars, TillAwayError
from core.records.stars import StarMove

PAGE = 100
PERIOD = 600.0
"""Seconds between two looks at the list: updates may be missed, or come when the database is away."""
RETRY = 60.0

log = structlog.get_logger()


class TelegramTill:
    """`core.ports.stars.StarTill`."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def moves(self, offset: int) -> Sequence[StarMove | None]:
        """The next lines of the list (see the port)."""
        try:
            found = await self._bot.get_star_transactions(offset, PAGE)
        except TelegramError as error:
            raise TillAwayError(error.message) from None
        return [_move(one) for one in found.transactions]

    async def refund(self, user: int, charge: str, earlier: Sequence[str] = ()) -> None:
        """Give a payment back (see the port). Its subscription ends first: a crash in between costs nothing."""
        try:
            await self._end(user, (charge, *earlier))
            await self._bot.refund_star_payment(user, charge)
        except BadRequest as error:
            reason = error.message.upper()
            if "CHARGE_ALREADY_REFUNDED" in reason:
                return
            if "NOT_FOUND" in reason:
                raise NoSuchChargeError(charge) from None
            raise TillAwayError(error.message) from None
        except TelegramError as error:
            raise TillAwayError(error.message) from None
        log.info("stars.given_back", charge=charge)

    async def _end(self, user: int, charges: Sequence[str]) -> None:
        """End a subscription, if it has not ended: its first payment names it.

        Source: core.telegram.org/method/payments.botCancelStarsSubscription.
        """
        for charge in charges:
            try:
                await self._bot.edit_user_star_subscription(user, charge, is_canceled=True)
            except BadRequest as error:
                log.info("stars.subscription_not_canceled", charge=charge, error=error.message)
            else:
                return


def _move(one: StarTransaction) -> StarMove | None:
    """A payment of an invoice, or one that went back; nothing else has a payload."""
    partner: TransactionPartner | None = one.source or one.receiver
    if not isinstance(partner, TransactionPartnerUser) or partner.invoice_payload is None:
        return None
    at = ms(one.date)
    return StarMove(one.id, partner.invoice_payload, one.amount, at, partner.user.id, back=one.source is None)


def ms(at: datetime) -> int:
    """A time of Telegram's in UTC ms."""
    return round(at.astimezone(UTC).timestamp() * 1000)


class StarWatch:
    """Catches up with the list at the start and every ten minutes, in the process that holds the bot."""

    def __init__(self, stars: Stars, till: TelegramTill, holds: Callable[[], bool]) -> None:
        self._stars = stars
        self._till = till
        self._holds = holds

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = PERIOD
            if not self._holds():
                pause = 1.0
            else:
                try:
                    await self._stars.reconcile(self._till)
                except (TillAwayError, NoSuchChargeError, StoreUnavailableError) as error:
                    log.warning("stars.not_compared", error=repr(error))
                    pause = RETRY
                except Exception:  # a mistake of ours is no reason to look no more
                    log.exception("stars.comparison_failed")
            await asyncio.sleep(pause)
