"""What people of the chats read about what they did, worded from results."""

from gettext import NullTranslations

from cogs import names
from cogs.refusals import unplayable
from cogs.text import length, safe
from core.enums import Loop, Mode
from core.events import PlayFailed, TipGiven
from core.money import money
from core.records.results import Changed, Favoured, Imported, Moved, Queued, Removed, Skipped, Undone, Voted
from core.types import HOUSE

Words = NullTranslations


def queued(result: Queued, words: Words) -> str:
    """What became of a /play."""
    parts = [_queued(result, words), *resumed(result, words), *_left_out(result, words)]
    return " ".join(parts)


def resumed(result: Queued, words: Words) -> list[str]:
    """Where spoken word goes on."""
    text = words.gettext("It goes on at %(time)s, where you left it.")
    return [text % {"time": length(result.begins)}] if result.begins else []


def _queued(result: Queued, words: Words) -> str:
    _, title = words.gettext, safe(result.track.title)
    if len(result.entries) > 1 or result.dropped:
        text = words.ngettext("Added %(count)d track.", "Added %(count)d tracks.", len(result.entries))
        return text % {"count": len(result.entries)}
    if result.rank == 0:
        return _("**%(title)s** is on.") % {"title": title}
    if result.wait is None:
        return _("**%(title)s** is number %(rank)d in the queue.") % {"title": title, "rank": result.rank}
    return _("**%(title)s** is number %(rank)d in the queue, %(when)s.") % {
        "title": title,
        "rank": result.rank,
        "when": wait(result.wait, words),
    }


def _left_out(result: Queued, words: Words) -> list[str]:
    """What the caps, the blocklist and the rule about duplicates have to say."""
    fit = words.ngettext("%(count)d did not fit.", "%(count)d did not fit.", result.dropped)
    blocked = words.ngettext("%(count)d is blocked here.", "%(count)d are blocked here.", result.blocked)
    twice = words.ngettext("%(count)d was here already.", "%(count)d were here already.", result.duplicates)
    told = ((fit, result.dropped), (blocked, result.blocked), (twice, result.duplicates))
    return [text % {"count": count} for text, count in told if count]


def scheduled(result: Queued, at: int, zone: str, words: Words) -> str:
    """What became of a /play for later; `at` in UTC ms."""
    text = words.gettext("**%(title)s** plays at %(when)s (%(relative)s; the time zone here is %(zone)s).")
    seconds = at // 1000
    fields = {"title": safe(result.track.title), "when": f"<t:{seconds}:t>", "relative": f"<t:{seconds}:R>"}
    return " ".join([text % {**fields, "zone": zone}, *_left_out(result, words)])


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


def jumped(result: Skipped, words: Words) -> str:
    """What is on air instead."""
    return words.gettext("**%(title)s** is on.") % {"title": safe(result.title)}


def removed(result: Removed, words: Words) -> str:
    """What left the queue."""
    if result.title and result.count <= 1:
        return words.gettext("Removed **%(title)s**.") % {"title": safe(result.title)}
    if not result.count:
        return words.gettext("The queue was empty already.")
    text = words.ngettext("Removed %(count)d track.", "Removed %(count)d tracks.", result.count)
    return text % {"count": result.count}


def moved(result: Moved, words: Words) -> str:
    """Where an entry stands now."""
    text = words.gettext("**%(title)s** is number %(rank)d now.")
    return text % {"title": safe(result.title), "rank": result.rank}


def undone(result: Undone, words: Words) -> str:
    """What was taken back."""
    _ = words.gettext
    if result.kind in {"shuffle", "move", "swap"}:
        return _("Undone: the order is as it was.")
    if result.title and result.count <= 1:
        return _("Undone: **%(title)s** is back.") % {"title": safe(result.title)}
    text = words.ngettext("Undone: %(count)d track is back.", "Undone: %(count)d tracks are back.", result.count)
    return text % {"count": result.count}


def favoured(result: Favoured, words: Words) -> str:
    """A star given or taken."""
    _ = words.gettext
    kept = _("**%(title)s** is one of your /favourites now.")
    gone = _("**%(title)s** is none of your favourites any more.")
    return (kept if result.kept else gone) % {"title": safe(result.title)}


def imported(result: Imported, words: Words) -> str:
    """What became of a list."""
    parts = [words.ngettext("Added %(count)d track.", "Added %(count)d tracks.", result.queued)]
    if result.dropped:
        parts.append(words.ngettext("%(count)d did not fit.", "%(count)d did not fit.", result.dropped))
    counted = [part % {"count": count} for part, count in zip(parts, (result.queued, result.dropped), strict=False)]
    if result.unknown:
        text = words.ngettext(
            "%(count)d is not known here: %(lines)s.", "%(count)d are not known here: %(lines)s.", result.unknown
        )
        lines = ", ".join(f"“{safe(line, 40)}”" for line in result.first_unknown[:3])
        counted.append(text % {"count": result.unknown, "lines": lines})
    return " ".join(counted)


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
        "shuffle": (_("Shuffled."), _("There is nothing to shuffle.")),
        "previous": (_("Back to the track before."), _("Back to the track before.")),
        "lock": (_("The queue is locked: only DJs add to it."), _("The queue is locked already.")),
        "unlock": (_("The queue is open to everybody."), _("The queue is open already.")),
        "block": (_("That is blocked here from now on."), _("That is blocked already.")),
        "unblock": (_("That is not blocked any more."), _("That was not blocked.")),
    }[action]
    value = result.value or 0
    return (done if result.changed else already) % {"time": length(value), "value": value}


def looped(loop: Loop, words: Words) -> str:
    """What is repeated from now on."""
    return words.gettext("Repeated: %(what)s.") % {"what": names.loop(loop, words)}


def ordered(mode: Mode, words: Words) -> str:
    """What decides the order from now on."""
    text = words.gettext("**%(mode)s** decides the order. %(explained)s")
    return text % {"mode": names.mode(mode, words).capitalize(), "explained": names.explained(mode, words)}


def requester(person: str, name: str, words: Words) -> str:
    """Who asked for an entry."""
    return words.gettext("the house list") if person == HOUSE else safe(name, 32)


def failed(title: str, reason: str, words: Words) -> str:
    """A track that could not be played."""
    return words.gettext("Skipped **%(title)s**: %(reason)s") % {
        "title": safe(title),
        "reason": unplayable(reason, words),
    }


def news(event: PlayFailed | TipGiven, words: Words) -> str:
    """What a room's message says for a while."""
    if isinstance(event, PlayFailed):
        return failed(event.title, event.reason, words)
    text = words.gettext("💚 **%(giver)s** gave **%(dj)s** a tip of %(amount)s. Thank you!")
    return text % {"giver": safe(event.giver), "dj": safe(event.dj), "amount": money(event.amount, event.currency)}
