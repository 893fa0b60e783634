"""The one place where what went wrong becomes words."""

import contextlib

import structlog
from telegram.error import BadRequest, Forbidden, TelegramError

from cogs.telegram.refusals import refusal
from cogs.telegram.surface import Spot
from core.errors import ChorusError

log = structlog.get_logger()


async def explain(spot: Spot, error: Exception) -> None:
    """Tell the person what went wrong and what to do; what nobody can be told is logged."""
    if isinstance(error, TelegramError):
        note = log.info if isinstance(error, Forbidden | BadRequest) else log.warning
        note("telegram.not_answered", chat=spot.chat.id, update=spot.update, error=type(error).__name__)
        if spot.query is not None:
            with contextlib.suppress(TelegramError):
                await spot.query.answer()
        return
    if not isinstance(error, ChorusError):
        log.error("telegram.command_failed", chat=spot.chat.id, update=spot.update, exc_info=error)
    try:
        await spot.say(_text(spot, error))
    except (TelegramError, OSError) as fault:
        log.info("telegram.refusal_not_delivered", update=spot.update, error=type(fault).__name__)


def _text(spot: Spot, error: Exception) -> str:
    if isinstance(error, ChorusError):
        return refusal(error, spot.words)
    return spot.words.gettext("Something went wrong on my side. Try again in a moment.")
