"""What the page says: reasons and results, worded from data."""

from gettext import NullTranslations

from core.records.results import Asked, Favoured, Queued, Removed, Undone
from core.records.views import EntryView, PollView
from web import names


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
    return " ".join([_queued(result, words), *_resumed(result, words), *_left_out(result, words)])


def _resumed(result: Queued, words: NullTranslations) -> list[str]:
    """Where spoken word goes on."""
    text = words.gettext("It goes on at %(time)s, where you left it.")
    return [text % {"time": length(result.begins)}] if result.begins else []


def _queued(result: Queued, words: NullTranslations) -> str:
    _, title = words.gettext, result.track.title
    if len(result.entries) > 1 or result.dropped:
        text = words.ngettext("Added %(count)d track.", "Added %(count)d tracks.", len(result.entries))
        return text % {"count": len(result.entries)}
    if result.rank == 0:
        return _("“%(title)s” is on.") % {"title": title}
    if result.wait is None:
        return _("“%(title)s” is in the queue.") % {"title": title}
    return _("“%(title)s” plays %(when)s.") % {"title": title, "when": wait(result.wait, words)}


def _left_out(result: Queued, words: NullTranslations) -> list[str]:
    fit = words.ngettext("%(count)d did not fit.", "%(count)d did not fit.", result.dropped)
    blocked = words.ngettext("%(count)d is blocked here.", "%(count)d are blocked here.", result.blocked)
    twice = words.ngettext("%(count)d was here already.", "%(count)d were here already.", result.duplicates)
    told = ((fit, result.dropped), (blocked, result.blocked), (twice, result.duplicates))
    return [text % {"count": count} for text, count in told if count]


def removed(result: Removed, words: NullTranslations) -> str:
    """What left the queue."""
    if result.title and result.count <= 1:
        return words.gettext("“%(title)s” is out of the queue.") % {"title": result.title}
    text = words.ngettext(
        "%(count)d track is out of the queue.", "%(count)d tracks are out of the queue.", result.count
    )
    return text % {"count": result.count}


def undone(result: Undone, words: NullTranslations) -> str:
    """What was taken back."""
    if result.kind in {"shuffle", "move", "swap"}:
        return words.gettext("Undone: the order is as it was.")
    if result.title and result.count <= 1:
        return words.gettext("Undone: “%(title)s” is back.") % {"title": result.title}
    text = words.ngettext("Undone: %(count)d track is back.", "Undone: %(count)d tracks are back.", result.count)
    return text % {"count": result.count}


def favoured(result: Favoured, words: NullTranslations) -> str:
    """A star given or taken."""
    kept = words.gettext("“%(title)s” is among your favourites now.")
    gone = words.gettext("“%(title)s” is no favourite any more.")
    return (kept if result.kept else gone) % {"title": result.title}


def asked(result: Asked, words: NullTranslations) -> str:
    """What became of a wish that the room decides; the poll itself is on the page."""
    what = names.question(result.kind, result.argument, words)
    if result.done:
        return words.gettext("The vote passed: %(what)s.") % {"what": what}
    if not result.votes:
        return later(words)
    text = words.gettext("The others are asked: %(what)s. %(votes)d of %(needed)d said yes.")
    return text % {"what": what, "votes": result.votes, "needed": max(result.needed, 1)}


def later(words: NullTranslations) -> str:
    """A yes of somebody who does not hear the room yet."""
    return words.gettext("Noted. It counts once you have listened for ten seconds.")


def missing(poll: PollView, words: NullTranslations) -> str:
    """What would pass a poll: "one more, or one listener leaving"."""
    more = words.ngettext("one more", "%(count)d more", poll.missing) % {"count": poll.missing}
    if not poll.departures:
        return more
    leaving = words.ngettext("one listener leaving", "%(count)d listeners leaving", poll.departures)
    fields = {"more": more, "leaving": leaving % {"count": poll.departures}}
    return words.gettext("%(more)s, or %(leaving)s") % fields


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
