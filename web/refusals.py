"""Refusals as the page words them: one line that says what to do."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import Any, cast

from core import errors, purchases
from core.enums import Meter
from web import names
from web.init_data import InitDataError
from web.plan_words import day, titled
from web.turnstile import StreamFullError
from web.words import length

Text = Callable[[str], str]
_STATUS: dict[type[errors.ChorusError], int] = {
    errors.StoreUnavailableError: 503,
    errors.NoNodeError: 503,
    errors.NoSuchRoomError: 404,
    errors.NoSuchEntryError: 404,
    errors.NothingFoundError: 404,
    errors.ForbiddenError: 403,
    errors.UsedUpError: 403,
    StreamFullError: 403,
    errors.NotListeningError: 403,
    errors.RateLimitedError: 429,
    purchases.PaymentsUnavailableError: 503,
    purchases.NoSubscriptionError: 403,
    purchases.OldLinkError: 403,
    InitDataError: 403,
}


def status(error: errors.ChorusError) -> int:
    """The HTTP status of a refusal."""
    return _STATUS.get(type(error), 409)


def refusal(error: errors.ChorusError, words: NullTranslations) -> str:
    """One line that says what to do."""
    worded = _REFUSALS.get(type(error))
    if worded is None:
        return words.gettext("That did not work. Try again.")
    return worded(cast("Any", error), words)


def _forbidden(error: errors.ForbiddenError, words: NullTranslations) -> str:
    if error.needs == "guests":
        return words.gettext("Guests of the page may not do that in this room.")
    return words.gettext("Only somebody with more say in this room may do that.")


def _unplayable(error: errors.UnplayableError, words: NullTranslations) -> str:
    _ = words.gettext
    reasons = {
        "private_address": _("That link leads into a private network."),
        "not_audio": _("There is no music behind that link."),
        "not_found": _("There is nothing at that address any more."),
        "too_large": _("That file is too large."),
        "corrupt": _("That file is damaged."),
        "timeout": _("That server did not answer in time."),
        "unreachable": _("That server cannot be reached."),
        "bad_link": _("That does not look like a link."),
    }
    return reasons.get(error.reason, _("That cannot be played."))


def _not_believed(error: InitDataError, words: NullTranslations) -> str:
    _ = words.gettext
    reasons = {
        "old": _("This was opened more than a day ago. Close it and open it from the chat again."),
        "used": _("This was opened by somebody already. Close it and open it from the chat again."),
    }
    return reasons.get(error.reason, _("Telegram does not vouch for this. Open it from the chat again."))


def _too_long(error: errors.TooLongError, words: NullTranslations) -> str:
    text = words.gettext("“%(title)s” is longer than this room allows (%(limit)s).")
    return text % {"title": error.title, "limit": length(error.limit)}


def _out_of_range(error: errors.OutOfRangeError, words: NullTranslations) -> str:
    if error.field == "position":
        return words.gettext("The track is %(length)s long.") % {"length": length(round(error.high))}
    return words.gettext("Choose something from %(low)g to %(high)g.") % {"low": error.low, "high": error.high}


def _no_choice(error: errors.NoSuchChoiceError, words: NullTranslations) -> str:
    text = words.gettext("“%(value)s” is no choice. There are: %(choices)s.")
    return text % {"value": error.value[:40], "choices": ", ".join(error.choices)}


def _poll_running(error: errors.PollRunningError, words: NullTranslations) -> str:
    text = words.gettext("The room is asked something like that already: %(what)s. Vote on that first.")
    return text % {"what": names.question(error.kind, error.argument, words)}


def _used_up(error: errors.UsedUpError, words: NullTranslations) -> str:
    _ = words.gettext
    meters = {
        Meter.PLAYS: _("This room has played as much as its plan has in a month."),
        Meter.LISTENING: _("This room has been heard here for as long as its plan has in a month."),
        Meter.PUSHING: _("This room has been sent elsewhere for as long as its plan has in a month."),
        Meter.UPLOADS: _("This room’s plan has no more uploads this month."),
    }
    more = _("There is more from %(day)s on.") % {"day": day(error.until)}
    return f"{meters[error.meter]} {more}"


def _fixed(pick: Callable[[Text], str]) -> Callable[[Any, NullTranslations], str]:
    return lambda _error, words: pick(words.gettext)


_REFUSALS: dict[type[errors.ChorusError], Callable[[Any, NullTranslations], str]] = {
    errors.StoreUnavailableError: _fixed(lambda _: _("The room cannot be reached just now. Try again in a moment.")),
    errors.NoSuchRoomError: _fixed(lambda _: _("There is no such room.")),
    errors.NoSuchEntryError: _fixed(lambda _: _("That track is not waiting any more.")),
    errors.NotListeningError: _fixed(lambda _: _("Open the room first, then try again.")),
    errors.AnotherChannelError: _fixed(lambda _: _("This room is heard in another voice channel.")),
    errors.ForbiddenError: _forbidden,
    errors.NothingPlayingError: _fixed(lambda _: _("Nothing is playing.")),
    errors.NotSeekableError: _fixed(lambda _: _("A live track cannot be wound.")),
    errors.OutOfRangeError: _out_of_range,
    errors.QueueFullError: lambda error, words: (
        words.gettext("The queue is full (%(limit)d tracks).") % {"limit": error.limit}
    ),
    errors.UsedUpError: _used_up,
    StreamFullError: lambda error, words: (
        words.gettext("%(limit)d listen already, as many as this room’s plan has places for. Try again later.")
        % {"limit": error.limit}
    ),
    errors.TooManyEntriesError: lambda error, words: (
        words.gettext("You have %(limit)d tracks waiting already. Let one play first.") % {"limit": error.limit}
    ),
    errors.TooLongError: _too_long,
    errors.NothingFoundError: lambda error, words: (
        words.gettext("Nothing found for “%(query)s”.") % {"query": error.query[:80]}
    ),
    errors.SourceOffError: lambda error, words: (
        words.gettext("Links to %(source)s are not switched on here.") % {"source": error.source}
    ),
    errors.UnplayableError: _unplayable,
    errors.OwnEntryError: _fixed(lambda _: _("You asked for this one; votes are for the others.")),
    errors.NoNodeError: _fixed(lambda _: _("The sound is away for a moment; the queue goes on when it is back.")),
    errors.RateLimitedError: lambda error, words: (
        words.ngettext(
            "That was quick. Try again in %(seconds)d second.",
            "That was quick. Try again in %(seconds)d seconds.",
            round(error.retry_after),
        )
        % {"seconds": round(error.retry_after)}
    ),
    errors.NoSuchSettingError: _fixed(lambda _: _("There is no such setting.")),
    errors.NoSuchChoiceError: _no_choice,
    errors.PollRunningError: _poll_running,
    errors.BadFilterError: _fixed(lambda _: _("There is no such filter.")),
    errors.NotInPlanError: _fixed(lambda _: _("That is not in this room’s plan.")),
    errors.BadAddressError: _fixed(lambda _: _("That is no address to push to.")),
    errors.NoSuchPushError: _fixed(lambda _: _("There is no such push any more.")),
    errors.NoSuchPollError: _fixed(lambda _: _("That vote is over.")),
    errors.ClosedError: _fixed(lambda _: _("The queue is locked: only DJs add to it for now.")),
    errors.DuplicateError: lambda error, words: (
        words.gettext("“%(title)s” waits or plays already.") % {"title": error.title}
    ),
    errors.BlockedError: lambda error, words: words.gettext("“%(title)s” is blocked here.") % {"title": error.title},
    errors.NothingToUndoError: _fixed(lambda _: _("There is nothing to undo: it takes back what is at most 30 s old.")),
    InitDataError: _not_believed,
    errors.NoHistoryError: _fixed(lambda _: _("Nothing has played yet that could play again.")),
    purchases.NotForSaleError: _fixed(lambda _: _("That is not for sale here.")),
    purchases.PaymentsUnavailableError: _fixed(
        lambda _: _("Payments cannot be reached just now; nothing was changed. Try again in a moment.")
    ),
    purchases.PaidAlreadyError: lambda error, words: (
        words.gettext("%(plan)s is paid for here already.") % {"plan": titled(error.plan)}
    ),
    purchases.NoSubscriptionError: _fixed(lambda _: _("You pay for nothing here. Only the payer can do that.")),
    purchases.PayFirstError: _fixed(lambda _: _("A payment is open. Settle it first, under “Invoices and card”.")),
    purchases.EndsAlreadyError: _fixed(
        lambda _: _("It ends, rests or changes already. Take that back first, then try again.")
    ),
    purchases.NothingToTakeBackError: _fixed(lambda _: _("There is nothing to take back.")),
    purchases.PurchasesFrozenError: _fixed(
        lambda _: _("One of your payments is disputed. Until that is settled you can buy nothing.")
    ),
    purchases.PaymentRefusedError: _fixed(
        lambda _: _("Your bank refused the payment; nothing was changed. Look at your card, then try again.")
    ),
    purchases.OldLinkError: _fixed(lambda _: _("That link is too old. Get a new one by /premium.")),
    purchases.OldQuoteError: _fixed(lambda _: _("That price was told too long ago. Ask for it again.")),
}
