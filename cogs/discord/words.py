"""What Discord's people read: refusals, results and reasons, worded from data."""

from collections.abc import Callable
from gettext import NullTranslations
from typing import Any, cast

from cogs.discord.text import length, safe
from core import errors
from core.records.results import Changed, Queued, Removed, Skipped, Voted
from core.records.views import EntryView, Why
from core.types import HOUSE, Guests, Settings

Words = NullTranslations


def refusal(error: errors.ChorusError, words: Words) -> str:
    """Why something was refused, and what to do."""
    worded = _REFUSALS.get(type(error))
    if worded is None:
        return words.gettext("That did not work. Try again in a moment.")
    return worded(cast("Any", error), words)


def queued(result: Queued, words: Words) -> str:
    """What became of a /play."""
    _, title = words.gettext, safe(result.track.title)
    if len(result.entries) > 1 or result.dropped:
        text = words.ngettext("Added %(count)d track.", "Added %(count)d tracks.", len(result.entries))
        text %= {"count": len(result.entries)}
        left = words.ngettext("%(count)d did not fit.", "%(count)d did not fit.", result.dropped)
        return f"{text} {left % {'count': result.dropped}}" if result.dropped else text
    if result.rank == 0:
        return _("**%(title)s** is on.") % {"title": title}
    if result.wait is None:
        return _("**%(title)s** is number %(rank)d in the queue.") % {"title": title, "rank": result.rank}
    return _("**%(title)s** is number %(rank)d in the queue, %(when)s.") % {
        "title": title,
        "rank": result.rank,
        "when": wait(result.wait, words),
    }


def wait(ms: int | None, words: Words) -> str:
    """How long until something starts, roughly."""
    if ms is None:
        return words.gettext("after a live track")
    minutes = round(ms / 60_000)
    return words.gettext("in about %(minutes)d min") % {"minutes": minutes} if minutes else words.gettext("in a moment")


def voted(result: Voted, words: Words) -> str:
    """What a vote did."""
    _ = words.gettext
    texts = {
        1: _("You voted **%(title)s** up. Its score is %(score)+d."),
        -1: _("You voted **%(title)s** down. Its score is %(score)+d."),
        0: _("You took your vote for **%(title)s** back. Its score is %(score)+d."),
    }
    return texts[result.value] % {"title": safe(result.title), "score": result.score}


def skipped(result: Skipped, words: Words) -> str:
    """What a skip did."""
    _, title = words.gettext, safe(result.title)
    if result.done:
        return _("Skipped **%(title)s**.") % {"title": title}
    text = _("You voted to skip **%(title)s**: %(votes)d of %(needed)d.")
    return text % {"title": title, "votes": result.votes, "needed": max(result.needed, 1)}


def removed(result: Removed, words: Words) -> str:
    """What left the queue."""
    if result.title:
        return words.gettext("Removed **%(title)s**.") % {"title": safe(result.title)}
    if not result.count:
        return words.gettext("The queue was empty already.")
    text = words.ngettext("Removed %(count)d track.", "Removed %(count)d tracks.", result.count)
    return text % {"count": result.count}


def changed(action: str, result: Changed, words: Words) -> str:
    """What a control did; `action` is the command's name."""
    _ = words.gettext
    done, already = {
        "pause": (_("Paused."), _("It is paused already.")),
        "resume": (_("On it goes."), _("It is playing already.")),
        "seek": (_("Now at %(time)s."), ""),
        "volume": (_("The volume is %(value)d %%."), _("The volume is %(value)d %% already.")),
        "stop": (_("Stopped. The queue is empty."), _("Nothing was playing.")),
        "join": (_("Here I am."), _("I am here already.")),
        "leave": (_("I left. The queue is kept: /join brings me back."), _("I am in no voice channel.")),
    }[action]
    value = result.value or 0
    return (done if result.changed else already) % {"time": length(value), "value": value}


def why(entry: EntryView, words: Words) -> str:
    """Why an entry stands where it stands."""
    _, reason, name = words.gettext, entry.why, safe(entry.name, 32)
    text = _("**%(title)s** is number %(rank)d: turn %(turn)d of %(name)s, score %(score)+d.")
    fields = {"title": safe(entry.track.title), "rank": entry.rank, "turn": reason.turn, "name": name}
    return f"{text % (fields | {'score': reason.score})}\n{_place(reason, words)}"


def _place(reason: Why, words: Words) -> str:
    _ = words.gettext
    if reason.parked:
        return _("It is set aside until its requester is back.")
    if reason.forced:
        return _("A DJ put it first.")
    if reason.locked:
        return _("It is settled: it plays next.")
    if reason.ahead == 0:
        return _("Nothing is ahead of it; it starts %(when)s.") % {"when": wait(reason.wait, words)}
    text = words.ngettext(
        "%(count)d is ahead: an earlier turn, or more votes in the same one. It starts %(when)s.",
        "%(count)d are ahead: earlier turns, or more votes in the same one. It starts %(when)s.",
        reason.ahead,
    )
    return text % {"count": reason.ahead, "when": wait(reason.wait, words)}


def requester(person: str, name: str, words: Words) -> str:
    """Who asked for an entry."""
    return words.gettext("the house list") if person == HOUSE else safe(name, 32)


def failed(title: str, reason: str, words: Words) -> str:
    """A track that could not be played."""
    return words.gettext("Skipped **%(title)s**: %(reason)s") % {
        "title": safe(title),
        "reason": _unplayable_reason(reason, words),
    }


def settings(chosen: Settings, words: Words) -> str:
    """A place's settings, one a line."""
    _, none = words.gettext, words.gettext("the plan's")
    guests = {
        Guests.OFF: _("nothing"),
        Guests.LISTEN: _("listen"),
        Guests.VOTE: _("listen and vote"),
        Guests.ADD: _("listen, vote and add"),
    }
    longest = none if chosen.max_length is None else length(chosen.max_length)
    rows = [
        (_("DJ role"), f"<@&{chosen.dj_role}>" if chosen.dj_role else _("none")),
        (_("Skip threshold"), f"{chosen.skip_threshold:.0%}"),
        (_("Tracks per person"), str(chosen.max_entries_per_person or none)),
        (_("Longest track"), longest),
        (_("Longest queue"), str(chosen.max_queue or none)),
        (_("Default volume"), f"{chosen.default_volume} %"),
        (_("Leaves an empty channel after"), length(chosen.idle)),
        (_("Guests of the page may"), guests[chosen.guests]),
    ]
    return "\n".join(f"**{name}**: {value}" for name, value in rows)


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


def _unplayable(error: errors.UnplayableError, words: Words) -> str:
    return _unplayable_reason(error.reason, words)


def _unplayable_reason(reason: str, words: Words) -> str:
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
    scale = {"skip_threshold": 100, "idle": 1 / 60_000, "max_length": 1 / 60_000}.get(error.field, 1)
    text = words.gettext("Choose something from %(low)g to %(high)g.")
    return text % {"low": error.low * scale, "high": error.high * scale}


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
    errors.QueueFullError: _filled(lambda _: _("The queue is full (%(limit)d). Wait until something has played.")),
    errors.TooManyEntriesError: _filled(
        lambda _: _("You have %(limit)d tracks waiting already. Let one play, or /remove one.")
    ),
    errors.TooLongError: _too_long,
    errors.NothingFoundError: _filled(lambda _: _("Nothing found for **%(query)s**. Try other words or a link.")),
    errors.SourceOffError: _filled(lambda _: _("Links to %(source)s are not switched on here.")),
    errors.UnplayableError: _unplayable,
    errors.OwnEntryError: _fixed(lambda _: _("You asked for this one; votes are for the others.")),
    errors.NoNodeError: _fixed(lambda _: _("The sound is away for a moment; it goes on by itself.")),
    errors.RateLimitedError: _rate_limited,
}
