"""Refusals as a chat words them: where it differs from a server with voice channels."""

from gettext import NullTranslations

from cogs import refusals
from cogs.languages import translations
from cogs.telegram.markup import plain
from core import errors
from core.stars import NotYourInvoiceError, OldInvoiceError

PLAIN = 1_000


def plainly(error: errors.ChorusError, language: str, now: int) -> str:
    """The same without markup, for chats that have none; `now` in UTC ms."""
    return plain(refusal(error, translations(language)), language, now, PLAIN)


def refusal(error: errors.ChorusError, words: NullTranslations) -> str:
    """Why something was refused, and what to do."""
    _ = words.gettext
    match error:
        case errors.ForbiddenError(needs="admin"):
            return _("Only the administrators of this chat can do that.")
        case errors.ForbiddenError(action=action) if action != "remove":
            return _("Only a DJ can do that while others are here. The chat’s administrators are DJs.")
        case errors.NoSuchRoomError():
            return _("That belongs to another chat.")
        case NotYourInvoiceError() | OldInvoiceError():
            return _invoice(error, words)
        case errors.NotListeningError() | errors.AnotherChannelError():
            return _("This room has no voice channel of yours: /listen tells where it can be heard.")
        case _:
            return refusals.refusal(error, words)


def _invoice(error: NotYourInvoiceError | OldInvoiceError, words: NullTranslations) -> str:
    _ = words.gettext
    if isinstance(error, NotYourInvoiceError):
        return _("This is somebody else’s invoice: send /premium in the chat for one of your own.")
    return _("This invoice is not valid any more. Send /premium for a new one.")
