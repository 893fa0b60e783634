"""What the page says: refusals, reasons and results, worded from data."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import Any, cast

from core import errors
from core.records.results import Queued
from core.records.views import EntryView

Text = Callable[[str], str]
_STATUS: dict[type[errors.ChorusError], int] = {
    errors.StoreUnavailableError: 503,
    errors.NoNodeError: 503,
    errors.NoSuchRoomError: 404,
    errors.NoSuchEntryError: 404,
    errors.NothingFoundError: 404,
    errors.ForbiddenError: 403,
    errors.NotListeningError: 403,
    errors.RateLimitedError: 429,
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


def why(entry: EntryView, words: NullTranslations) -> str:
    """Why an entry stands where it stands: "Ben's first turn. 3 ahead: …"."""
    _, reason = words.gettext, entry.why
    if reason.parked:
        return _("Set aside until %(name)s is back.") % {"name": entry.name}
    if reason.forced:
        return _("Put first by a DJ.")
    if reason.locked:
        return _("%(turn)s It is settled: this one plays next.") % {"turn": _turn(entry, words)}
    return f"{_turn(entry, words)} {_ahead(reason.ahead, words)}"


def queued(result: Queued, words: NullTranslations) -> str:
    """What became of a request."""
    _, title = words.gettext, result.track.title
    if len(result.entries) > 1:
        text = words.ngettext("Added %(count)d track.", "Added %(count)d tracks.", len(result.entries))
        text %= {"count": len(result.entries)}
        left = words.ngettext("%(count)d did not fit.", "%(count)d did not fit.", result.dropped)
        return f"{text} {left % {'count': result.dropped}}" if result.dropped else text
    if result.rank == 0:
        return _("“%(title)s” is on.") % {"title": title}
    if result.wait is None:
        return _("“%(title)s” is in the queue.") % {"title": title}
    return _("“%(title)s” plays %(when)s.") % {"title": title, "when": wait(result.wait, words)}


def wait(ms: int | None, words: NullTranslations) -> str:
    """How long until something starts, roughly."""
    if ms is None:
        return words.gettext("after a live track")
    minutes = round(ms / 60_000)
    if minutes < 1:
        return words.gettext("in under a minute")
    return words.gettext("in about %(minutes)d min") % {"minutes": minutes}


def length(ms: int | None) -> str:
    """`4:05`, `1:02:09`; nothing for live sources."""
    if ms is None:
        return ""
    minutes, seconds = divmod(max(0, ms) // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _turn(entry: EntryView, words: NullTranslations) -> str:
    _ = words.gettext
    named = {1: _("%(name)s’s first turn."), 2: _("%(name)s’s second turn."), 3: _("%(name)s’s third turn.")}
    text = named.get(entry.why.turn, _("%(name)s’s turn %(turn)d."))
    return text % {"name": entry.name, "turn": entry.why.turn}


def _ahead(count: int, words: NullTranslations) -> str:
    if count == 0:
        return words.gettext("Nothing is ahead of it.")
    text = words.ngettext(
        "%(count)d ahead: an earlier turn, or more votes in this one.",
        "%(count)d ahead: earlier turns, or more votes in this one.",
        count,
    )
    return text % {"count": count}


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


def _too_long(error: errors.TooLongError, words: NullTranslations) -> str:
    text = words.gettext("“%(title)s” is longer than this room allows (%(limit)s).")
    return text % {"title": error.title, "limit": length(error.limit)}


def _out_of_range(error: errors.OutOfRangeError, words: NullTranslations) -> str:
    return words.gettext("Choose something from %(low)g to %(high)g.") % {"low": error.low, "high": error.high}


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
}
