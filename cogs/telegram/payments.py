"""Payments by Stars: looked at before Telegram takes them, granted when it has, ended when they go back.

Source: core.telegram.org/bots/payments-stars. A pre-checkout is answered within ten seconds, beside whatever the chat
waits for; nothing is granted before Telegram says that the Stars have come.
"""

import asyncio
from collections.abc import Awaitable, Callable
from gettext import NullTranslations
from typing import Any, TypeVar, cast

import structlog
from telegram import ChatMemberUpdated, Message, PreCheckoutQuery, User
from telegram.constants import ChatMemberStatus
from telegram.error import BadRequest, ChatMigrated, Forbidden, TelegramError

from cogs import premium as words
from cogs.languages import translations
from cogs.telegram.markup import html, plain
from cogs.telegram.people import Speaker, chat_of, place_of
from cogs.telegram.premium import TITLE, stars_of, when
from cogs.telegram.refusals import refusal
from cogs.telegram.surface import Spot, Surface
from cogs.telegram.till import TelegramTill, ms
from cogs.text import safe
from core.errors import ChorusError, ForbiddenError, NoSuchRoomError, StoreUnavailableError
from core.ports.stars import TillAwayError
from core.records.stars import StarAttempt, StarOutcome, StarPayment, StarReceipt, StarState
from core.types import PlaceId

IN_TIME = 8.0
"""Seconds in which a pre-checkout is looked at; Telegram waits for ten."""
PAUSES = (0.2, 0.5, 1, 2, 4, 8, 16, 30, 60, 60)
"""Seconds between tries to keep a payment; after that the next look at Telegram's list has to."""
_ADMINS = (ChatMemberStatus.OWNER, ChatMemberStatus.ADMINISTRATOR)
_ABSENT = (ChatMemberStatus.LEFT, ChatMemberStatus.BANNED)

T = TypeVar("T")
log = structlog.get_logger()


async def pre_checkout(surface: Surface, query: PreCheckoutQuery) -> None:
    """Say in time whether Telegram may take the Stars; without an answer it does not. Never raises."""
    language = query.from_user.language_code or "en"
    texts = translations(language)
    why: str | None = None
    try:
        async with asyncio.timeout(IN_TIME):
            await _look(surface, query)
    except ChorusError as error:
        why = plain(refusal(error, texts), language, surface.ports.clock.now())
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody pays for it
        log.warning("stars.not_checked", query=query.id, error=repr(error))
        why = texts.gettext("That cannot be looked at right now, so nothing was paid. Try again in a moment.")
    try:
        await query.answer(ok=why is None, error_message=why)
    except TelegramError as error:
        log.warning("stars.not_answered", query=query.id, error=error.message)


async def _look(surface: Surface, query: PreCheckoutQuery) -> None:
    """Raises ChorusError where it may not be paid."""
    who = Speaker(query.from_user.id, query.from_user.full_name)
    person = await surface.people.person(who)
    attempt = await stars_of(surface).check(query.invoice_payload, person, query.currency, query.total_amount)
    chat = chat_of(PlaceId(attempt.subject))
    if chat is not None and chat != who.id:
        await _check_chat(surface, attempt, chat, who)


async def _check_chat(surface: Surface, attempt: StarAttempt, chat: int, who: Speaker) -> None:
    """The chat is there with us in it, and is run by whoever pays the first time."""
    try:
        me = await surface.bot.get_chat_member(chat, surface.bot.id)
        payer = await surface.bot.get_chat_member(chat, who.id)
    except (BadRequest, Forbidden, ChatMigrated):
        raise NoSuchRoomError from None
    if me.status in _ABSENT:
        raise NoSuchRoomError
    if attempt.state is StarState.INVOICED and payer.status not in _ADMINS:
        raise ForbiddenError("buy", "admin")


async def paid(spot: Spot, message: Message) -> None:
    """Stars came: the chat has its plan from now on."""
    payment, user = message.successful_payment, message.from_user
    if payment is None or user is None:
        return
    until = payment.subscription_expiration_date
    told = StarPayment(
        payment.telegram_payment_charge_id,
        payment.invoice_payload,
        payment.total_amount,
        ms(message.date),
        ms(until) if until is not None else None,
    )
    stars = stars_of(spot.surface)
    receipt = await _kept(lambda: stars.paid(told))
    if receipt.outcome is StarOutcome.DOUBLE:
        await _kept(lambda: TelegramTill(spot.surface.bot).refund(user.id, told.charge))
    if (text := _thanks(receipt, told, spot.words)) is not None:
        await spot.say(text)
    chat = chat_of(PlaceId(receipt.subject)) if receipt.subject is not None else None
    if receipt.outcome is StarOutcome.NEW and not receipt.renewed and chat is not None and chat != user.id:
        await _announce(spot, chat, receipt, user.full_name)


async def refunded(spot: Spot, message: Message) -> None:
    """Stars went back: what they paid for has ended."""
    payment = message.refunded_payment
    if payment is None:
        return
    stars = stars_of(spot.surface)
    await _kept(lambda: stars.refunded(payment.telegram_payment_charge_id))
    text = spot.words.gettext("You have your %(stars)d ⭐ back; what they paid for has ended.")
    await spot.say(text % {"stars": payment.total_amount})


async def left(surface: Surface, told: ChatMemberUpdated) -> None:
    """We were put out of a chat, maybe: whoever pays for it hears where that ends."""
    if surface.stars is not None and told.new_chat_member.status in _ABSENT:
        await surface.stars.left(place_of(told.chat.id))


async def subscription(surface: Surface, told: dict[str, Any]) -> None:
    """A payer canceled, took that back, or had too few Stars (Bot API 10.2, `BotSubscriptionUpdated`)."""
    payload, state = told.get("invoice_payload"), told.get("state")
    if isinstance(payload, str) and state in {"active", "canceled", "failed"}:
        stars = stars_of(surface)
        receipt = await _kept(lambda: stars.renewing(payload, on=state == "active"))
        if receipt is not None and state == "failed":
            await _warn(surface, told.get("user"), receipt)
    else:
        log.warning("stars.strange_subscription", state=str(state))


async def _warn(surface: Surface, payer: Any, receipt: StarReceipt) -> None:
    """Tell the payer that their Stars did not suffice."""
    user = User.de_json(cast("dict[str, Any]", payer), surface.bot) if isinstance(payer, dict) else None
    if user is None:
        return
    language = user.language_code or "en"
    text = translations(language).gettext(
        "You had too few Stars for **%(plan)s**: it ends %(when)s. /premium in the chat begins it anew then."
    )
    shown = text % {"plan": words.titled(receipt.plan), "when": when(receipt.until)}
    try:
        await surface.outbox.send(user.id, html(shown, language, surface.ports.clock.now()))
    except (TelegramError, OSError) as error:
        log.info("stars.not_warned", error=type(error).__name__)


async def _kept(keep: Callable[[], Awaitable[T]]) -> T:
    """Money is not forgotten because the database, or Telegram, is away for a minute."""
    for pause in PAUSES:
        try:
            return await keep()
        except (StoreUnavailableError, TillAwayError) as error:
            log.warning("stars.not_kept", error=repr(error), pause=pause)
            await asyncio.sleep(pause)
    return await keep()


def _thanks(receipt: StarReceipt, payment: StarPayment, texts: NullTranslations) -> str | None:
    _ = texts.gettext
    fields = {"plan": words.titled(receipt.plan), "when": when(receipt.until), "charge": payment.charge}
    match receipt.outcome:
        case StarOutcome.NEW if receipt.renewed:
            return _("**%(plan)s** goes on until %(when)s. Thank you!") % fields
        case StarOutcome.NEW:
            return _("Thank you! **%(plan)s** is on until %(when)s, and goes on by itself. Help: /paysupport") % fields
        case StarOutcome.DOUBLE:
            return _("Somebody else was quicker, so you get your Stars back.")
        case StarOutcome.ORPHAN:
            return _("I do not know what this paid for. Write to /paysupport and name `%(charge)s`.") % fields
        case StarOutcome.KNOWN:
            return None


async def _announce(spot: Spot, chat: int, receipt: StarReceipt, name: str) -> None:
    """Tell the chat; that it cannot be told changes nothing."""
    surface = spot.surface
    language = surface.panels.chat(place_of(chat)).language or spot.language
    text = translations(language).gettext("%(name)s brought **%(plan)s** to this chat. Enjoy it!")
    shown = text % {"name": safe(name, TITLE), "plan": words.titled(receipt.plan)}
    try:
        await surface.outbox.send(chat, html(shown, language, surface.ports.clock.now()))
    except (TelegramError, OSError) as error:
        log.info("stars.not_announced", chat=chat, error=type(error).__name__)
