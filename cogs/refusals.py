"""Refusals in words: why something was refused, and what to do."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import Any, cast

from cogs import names
from cogs.premium import titled
from cogs.text import length, safe
from core import errors, purchases, tips
from core.enums import BlockKind, Meter
from core.money import money

Words = NullTranslations
SHOWN_BY = {"skip_threshold": 100, "idle": 1 / 60_000, "max_length": 1 / 60_000, "crossfade": 1 / 1000}
"""What a value is multiplied by for people, who think in percent, minutes, seconds."""


def refusal(error: errors.ChorusError, words: Words) -> str:
    """Why something was refused, and what to do."""
    worded = _REFUSALS.get(type(error))
    if worded is None:
        return words.gettext("That did not work. Try again in a moment.")
    return worded(cast("Any", error), words)


def _forbidden(error: errors.ForbiddenError, words: Words) -> str:
    if error.needs == "admin":
        return words.gettext("Only those who may manage the server can do that.")
    if error.action == "remove":
        return words.gettext("That is somebody else's track. Only they or a DJ can remove it; you can vote it down.")
    return words.gettext("Only a DJ can do that while others listen. Ask one, or an admin by /settings.")


def _voice_forbidden(error: errors.VoiceForbiddenError, words: Words) -> str:
    _ = words.gettext
    texts = {
        "full": _("<#%(channel)d> is full. Make room for me, or allow me to move members."),
        "speak": _("I may not speak in <#%(channel)d>. Give me the Speak permission there."),
    }
    connect = _("I may not join <#%(channel)d>. Give me the permissions View Channel and Connect there.")
    return texts.get(error.permission, connect) % {"channel": error.channel}


def unplayable(reason: str, words: Words) -> str:
    """Why a track could not be played; `reason` is an UnplayableError's."""
    _ = words.gettext
    reasons = {
        "private_address": _("That link leads into a private network."),
        "not_audio": _("There is nothing in it that I can play."),
        "not_found": _("There is nothing at that address any more."),
        "too_large": _("That file is too large."),
        "corrupt": _("That file is damaged."),
        "timeout": _("The server did not answer in time."),
        "stuck": _("The stream stood still."),
        "unreachable": _("The server cannot be reached."),
        "bad_link": _("That does not look like a link."),
    }
    return reasons.get(reason, _("It cannot be played."))


def _out_of_range(error: errors.OutOfRangeError, words: Words) -> str:
    if error.field == "position":
        return words.gettext("The track ends at %(end)s. Choose a time before that.") % {"end": length(int(error.high))}
    scale = SHOWN_BY.get(error.field, 1)
    text = words.gettext("Choose something from %(low)g to %(high)g.")
    return text % {"low": error.low * scale, "high": error.high * scale}


def _bad_filter(error: errors.BadFilterError, words: Words) -> str:
    _ = words.gettext
    texts = {
        "json": _("That is no filter: name a preset, or write Lavalink’s JSON."),
        "kind": _("“%(name)s” of a filter takes another kind of value."),
    }
    unknown = _("No filter and no setting of one is called “%(name)s”.")
    return texts.get(error.reason, unknown) % {"name": safe(error.name, 60)}


def _not_in_plan(error: errors.NotInPlanError, words: Words) -> str:
    _ = words.gettext
    features = {
        "filter": _("That filter is not in this server’s plan."),
        "crossfade": _("A crossfade of that length is not in this server’s plan."),
        "pushes": _("This server’s plan has no room for another push. Forget one first."),
    }
    return features.get(error.feature, _("Equal loudness is not in this server’s plan."))


def _used_up(error: errors.UsedUpError, words: Words) -> str:
    _ = words.gettext
    meters = {
        Meter.PLAYS: _("As much was played as this plan has in a month."),
        Meter.LISTENING: _("The page was listened to for as long as this plan has in a month."),
        Meter.PUSHING: _("The music was sent elsewhere for as long as this plan has in a month."),
        Meter.UPLOADS: _("This plan has no more files this month."),
    }
    more = _("There is more from %(when)s on.") % {"when": f"<t:{error.until // 1000}:D>"}
    return f"{meters[error.meter]} {more}"


def _bad_tip(error: tips.BadTipError, words: Words) -> str:
    text = words.gettext("A tip is from %(least)s to %(most)s.")
    return text % {"least": money(error.least, error.currency), "most": money(error.most, error.currency)}


def _bad_address(error: errors.BadAddressError, words: Words) -> str:
    _ = words.gettext
    if error.reason == "scheme":
        return _("Only addresses that begin with rtmp:// or rtmps:// can be pushed to.")
    return _("That is no address to push to. It looks like rtmps://server/app/key.")


def _rate_limited(error: errors.RateLimitedError, words: Words) -> str:
    seconds = max(1, round(error.retry_after))
    text = words.ngettext(
        "That was quick. Try again in %(seconds)d second.",
        "That was quick. Try again in %(seconds)d seconds.",
        seconds,
    )
    return text % {"seconds": seconds}


def _too_long(error: errors.TooLongError, words: Words) -> str:
    text = words.gettext("**%(title)s** is longer than %(limit)s, the longest allowed here.")
    return text % {"title": safe(error.title), "limit": length(error.limit)}


def _fixed(pick: Callable[[Callable[[str], str]], str]) -> Callable[[Any, Words], str]:
    return lambda _error, words: pick(words.gettext)


def _filled(pick: Callable[[Callable[[str], str]], str]) -> Callable[[Any, Words], str]:
    """The error's own fields fill the text; foreign text is made safe."""

    def worded(error: Any, words: Words) -> str:
        own = cast("dict[str, Any]", vars(error))
        fields = {name: safe(value) if isinstance(value, str) else value for name, value in own.items()}
        return pick(words.gettext) % fields

    return worded


def _no_choice(error: errors.NoSuchChoiceError, words: Words) -> str:
    text = words.gettext("“%(value)s” is no choice. There are: %(choices)s.")
    return text % {"value": safe(error.value, 40), "choices": ", ".join(error.choices)}


def _poll_running(error: errors.PollRunningError, words: Words) -> str:
    text = words.gettext("The room is asked already whether to %(what)s. Vote on that first, or wait until it ends.")
    return text % {"what": names.question(error.kind, error.argument, words)}


def _blocked(error: errors.BlockedError, words: Words) -> str:
    if error.kind is BlockKind.TRACK:
        return words.gettext("**%(title)s** is blocked here.") % {"title": safe(error.title)}
    text = words.gettext("**%(title)s** is blocked here, by the %(kind)s “%(value)s”.")
    fields = {"title": safe(error.title), "value": safe(error.value, 60), "kind": names.block(error.kind, words)}
    return text % fields


def _no_list(error: errors.NotAListError, words: Words) -> str:
    _ = words.gettext
    reasons = {
        "empty": _("There is no track in that file."),
        "too_large": _("That file is too large."),
        "corrupt": _("That file is damaged."),
    }
    return reasons.get(error.reason, _("That is no list of tracks. Send an m3u8 file, or what /export wrote."))


_REFUSALS: dict[type[errors.ChorusError], Callable[[Any, Words], str]] = {
    errors.StoreUnavailableError: _fixed(lambda _: _("The queue cannot be reached just now. Try again in a moment.")),
    errors.NoSuchRoomError: _fixed(lambda _: _("That belongs to another server.")),
    errors.NoSuchEntryError: _fixed(lambda _: _("That track is not waiting any more. /queue shows what is.")),
    errors.NotListeningError: _fixed(lambda _: _("Join a voice channel first, then try again.")),
    errors.AnotherChannelError: _filled(lambda _: _("I am playing in <#%(channel)d>. Join me there.")),
    errors.ForbiddenError: _forbidden,
    errors.VoiceForbiddenError: _voice_forbidden,
    errors.NothingPlayingError: _fixed(lambda _: _("Nothing is playing. /play starts something.")),
    errors.NotSeekableError: _fixed(lambda _: _("A live track cannot be wound.")),
    errors.OutOfRangeError: _out_of_range,
    errors.NoSuchSettingError: _filled(lambda _: _("%(setting)s cannot be set to that.")),
    errors.BadFilterError: _bad_filter,
    errors.NotInPlanError: _not_in_plan,
    errors.UsedUpError: _used_up,
    tips.BadTipError: _bad_tip,
    tips.CannotBeTippedError: _fixed(
        lambda _: _(
            "That person cannot be given a tip just now: they have to be somebody else, and set it up by /tips."
        )
    ),
    tips.TooManyTipsError: _fixed(lambda _: _("That were many tips in an hour. Thank you! Try again later.")),
    errors.BadAddressError: _bad_address,
    errors.NoSuchPushError: _fixed(lambda _: _("There is no such push any more.")),
    errors.QueueFullError: _filled(lambda _: _("The queue is full (%(limit)d). Wait until something has played.")),
    errors.TooManyEntriesError: _filled(
        lambda _: _("You have %(limit)d tracks waiting already. Let one play, or /remove one.")
    ),
    errors.TooLongError: _too_long,
    errors.NothingFoundError: _filled(lambda _: _("Nothing found for **%(query)s**. Try other words or a link.")),
    errors.SourceOffError: _filled(lambda _: _("Links to %(source)s are not switched on here.")),
    errors.UnplayableError: lambda error, words: unplayable(error.reason, words),
    errors.OwnEntryError: _fixed(lambda _: _("You asked for this one; votes are for the others.")),
    errors.NoNodeError: _fixed(lambda _: _("The sound is away for a moment; it goes on by itself.")),
    errors.RateLimitedError: _rate_limited,
    errors.NoSuchChoiceError: _no_choice,
    errors.PollRunningError: _poll_running,
    errors.NoSuchPollError: _fixed(lambda _: _("That vote is over.")),
    errors.AlreadyLinkedError: _fixed(lambda _: _("That shares a room already. Unlink it first.")),
    errors.CannotLinkError: _fixed(lambda _: _("Those two cannot share a room: chats and web rooms join a server’s.")),
    errors.NoSuchCodeError: _fixed(lambda _: _("That code does not work: it lives for ten minutes, and works once.")),
    errors.NotLinkedError: _fixed(lambda _: _("There is nothing to unlink.")),
    errors.ClosedError: _fixed(lambda _: _("The queue is locked: only DJs add to it for now.")),
    errors.DuplicateError: _filled(lambda _: _("**%(title)s** waits or plays already.")),
    errors.BlockedError: _blocked,
    errors.NothingToUndoError: _fixed(lambda _: _("There is nothing to undo: it takes back what is at most 30 s old.")),
    errors.NoHistoryError: _fixed(lambda _: _("Nothing has played yet that could play again.")),
    errors.TooManyLinesError: _filled(lambda _: _("That list is too long: %(limit)d lines at most.")),
    errors.NotAListError: _no_list,
    purchases.NotForSaleError: _fixed(lambda _: _("That is not for sale here.")),
    purchases.PaymentsUnavailableError: _fixed(
        lambda _: _("Payments cannot be reached just now; nothing was changed. Try again in a moment.")
    ),
    purchases.PaidAlreadyError: lambda error, words: (
        words.gettext("%(plan)s is paid for here already. /premium shows how.") % {"plan": titled(error.plan)}
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
